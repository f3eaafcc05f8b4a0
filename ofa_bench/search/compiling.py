"""Compiles ``kernels.c``: into a wheel while it is built, else at first use.

``hatch_build.py`` runs this file by itself, so it imports only the standard library.
"""

import hashlib
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

__all__ = ["compile_source", "compiler", "hash_source", "packaged_library"]

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-O3", "-ffp-contract=off", "-fPIC", "-shared")
"""For any processor of the platform; none of them changes the order of additions."""


def compiler() -> str:
    """Return the command of the C compiler: ``CC``, else ``cc``."""
    return os.environ.get("CC") or "cc"


def compile_source() -> bytes:
    """Return the source compiled to a shared library.

    Raises:
        OSError: there is no C compiler, or it fails.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder, "kernels.so")
            command = [*shlex.split(compiler()), *FLAGS, str(SOURCE), "-o", str(made)]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
            return made.read_bytes()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise OSError(f"'{compiler()}' cannot compile them; install a C compiler, or set CC to one") from error


def hash_source(*others: str) -> str:
    """Return a hash of the source, the flags and other strings, which names a library."""
    parts = [SOURCE.read_text(encoding="utf-8"), *FLAGS, *others]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def packaged_library() -> Path:
    """Return where a wheel has the library of this source; its platform is that of the wheel.

    With a dot in its name, it is no module for what lists a package's modules, as ``pkgutil`` does.
    """
    return SOURCE.with_name(f"kernels.{hash_source()}.so")
