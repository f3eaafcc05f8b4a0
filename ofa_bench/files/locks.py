"""Locks between the commands of one user on one machine, which end with their process even if it is killed."""

import atexit
import getpass
import hashlib
import os
import re
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock

from ofa_bench.files.writing import lock_file

__all__ = ["is_dead", "locked", "writer"]

PATIENCE = 120.0
"""Seconds to wait for a lock that another command holds."""

FILES = 64
"""Number of lock files, which are never removed; two names may share a file and then wait for each other."""

FORGOTTEN = 24 * 3600.0
"""Seconds after which a writer on another machine counts as dead."""

_own: dict[int, tuple[str, IO[bytes]]] = {}
"""This process's name as a writer, and the file that it keeps locked, by process id: a fork has another one."""

_NAME = re.compile(r"(.+) ([0-9a-f]{12}) (\d{1,12})")
"""A writer's name: its machine, a unique part, and the time when it began."""


@contextmanager
def locked(what: str) -> Iterator[None]:
    """Hold the lock of this name, which one process at a time can have; do not take another lock meanwhile.

    Raises:
        TimeoutError: another process holds it for too long.
    """
    digest = hashlib.sha256(what.encode(errors="surrogateescape")).digest()
    name = f"ofa_bench-{getpass.getuser()}-{digest[0] % FILES}.lock"
    with FileLock(Path(tempfile.gettempdir()) / name, timeout=PATIENCE):
        yield


def writer() -> str:
    """Return a name of this process, from which others can find out whether it has ended (see ``is_dead``)."""
    process = os.getpid()
    if process not in _own:
        name = f"{_place()} {uuid.uuid4().hex[:12]} {int(time.time())}"
        file = _file(name).open("xb")
        lock_file(file, wait=True)
        _own[process] = name, file  # a fork also keeps its parent's, whose lock stays when the fork closes it
        atexit.register(_remove, name, process)
    return _own[process][0]


def is_dead(name: str) -> bool:
    """Return whether a writer has ended; one on another machine counts as dead after a day."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts[1] != _place():
        return parts is not None and int(parts[3]) < time.time() - FORGOTTEN
    if name in [own for own, _ in _own.values()]:
        return False
    try:
        with _file(name).open("rb") as file:
            if not lock_file(file, wait=False):
                return False
            with suppress(OSError):  # of another user
                _file(name).unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _place() -> str:
    """Return a name of this machine and of its folder for temporary files, where the lock files are."""
    there = Path(tempfile.gettempdir()).stat()
    return f"{socket.gethostname()} {there.st_dev:x}-{there.st_ino:x}"


def _file(name: str) -> Path:
    parts = _NAME.fullmatch(name)
    assert parts
    return Path(tempfile.gettempdir()) / f"ofa_bench-{parts[2]}.writer"


def _remove(name: str, process: int) -> None:
    if os.getpid() == process:
        with suppress(OSError):
            _file(name).unlink()
