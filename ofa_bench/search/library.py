"""Finds the library of compiled loops: in the package, in the user's cache, or by compiling it into the cache."""

import ctypes
import hashlib
import logging
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

from ofa_bench.files.writing import write_whole
from ofa_bench.search.compiling import compile_source, compiler, hash_source, packaged_library

__all__ = ["COMPILED_VARIABLE", "load_library"]

COMPILED_VARIABLE = "OFA_BENCH_COMPILED"

logger = logging.getLogger(__name__)


def load_library() -> ctypes.CDLL | None:
    """Load the library; None, with a warning, if there is none and it cannot be compiled here.

    With ``OFA_BENCH_COMPILED=0``, return None without a warning.
    """
    if os.environ.get(COMPILED_VARIABLE) == "0":
        return None
    with suppress(OSError):  # there is none, or it is of another platform
        return ctypes.CDLL(str(packaged_library()))
    folder, name = user_cache_path("ofa_bench"), hash_source(compiler(), sys.platform, platform.machine())
    try:
        return _load(folder, name) or ctypes.CDLL(str(_compile(folder, name)))
    except OSError as error:
        logger.warning(
            "searches run without compiled loops, up to 4 times as long, with the same results: %s (%s=0 hides this)",
            error,
            COMPILED_VARIABLE,
        )
        return None


def _load(folder: Path, name: str) -> ctypes.CDLL | None:
    """Load a library from the cache; None if there is none that this machine can load.

    Its name ends with the hash of its content, so that a damaged one, which could crash the process, is removed.
    """
    for path in sorted(folder.glob(f"kernels-{name}-*.so")):
        with suppress(OSError):  # not readable, or of another machine that shares the folder
            if _named(name, path.read_bytes()) == path.name:
                return ctypes.CDLL(str(path))
            path.unlink()
    return None


def _named(name: str, content: bytes) -> str:
    return f"kernels-{name}-{hashlib.sha256(content).hexdigest()[:16]}.so"


def _compile(folder: Path, name: str) -> Path:
    """Compile into the cache; the library appears complete or not at all, even if several processes compile it."""
    content = compile_source()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _named(name, content), content)
    return folder / _named(name, content)
