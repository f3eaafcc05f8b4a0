"""Locks between the commands of one user on one machine; they end with their process, whatever ends that."""

import getpass
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

__all__ = ["locked"]

PATIENCE = 120.0
"""Seconds after which what another command does under a lock counts as hanging."""


@contextmanager
def locked(what: str) -> Iterator[None]:
    """Let one process at a time do something that is named by a text.

    Raises:
        TimeoutError: another process does it for too long.
    """
    with FileLock(lock_path(what), timeout=PATIENCE):
        yield


def lock_path(what: str) -> Path:
    """Return the path of a lock file: in the folder for temporary files, of this user."""
    name = hashlib.sha256(f"{getpass.getuser()}\0{what}".encode(errors="surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ofa_bench-{name}.lock"
