"""Writes files whole or not at all; what killed processes left half written is removed by the next one."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows, which removes no file that is open
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "GITIGNORE",
    "ignore_in_git",
    "lock_file",
    "make_folder",
    "remove_leftovers",
    "work_folder",
    "write_new",
    "write_whole",
    "written",
]

PART = ".part"
"""How the names of files end that are being written: ``.<name>.<8 characters>.part`` beside ``<name>``."""

FORGOTTEN = 3600.0
"""Seconds after which a half-written file counts as left, where no lock tells whether it is."""

GITIGNORE = ".gitignore"


def make_folder(folder: Path) -> None:
    """Make a folder for what a command writes, and those above it; git leaves one that is new alone.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        ignore_in_git(folder)


def ignore_in_git(folder: Path) -> None:
    """Write a file by which git leaves a folder alone, unless there is one, as caches of other tools have it."""
    with suppress(OSError), (folder / GITIGNORE).open("x") as file:
        file.write("# Made by ofa_bench; without this file, git sees what is in here.\n*\n")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, under a name of its own, and then into it.

    Raises:
        OSError: it cannot be written; what was there is then unchanged.
    """
    with written(path, content) as made:
        made.replace(path)


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file whole, as ``write_whole`` does, but never over another.

    Raises:
        FileExistsError: there is one already, perhaps since a moment ago; it is unchanged.
        OSError: it cannot be written.
    """
    with written(path, content) as made:
        path.hardlink_to(made)  # unlike a rename, this overwrites nothing


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left half written in a folder, of all files or of one; others still write theirs."""
    kind = re.compile(rf"\.{re.escape(name) if name else '.+'}\.\w{{8}}{re.escape(PART)}")
    with suppress(OSError):
        for path in folder.iterdir():
            if kind.fullmatch(path.name):
                _remove_if_left(path)


@contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Return a folder below another for files that are moved in place when all are there; remove it afterwards."""
    remove_leftovers(folder, "work")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".work.", suffix=PART) as name, _opened(Path(name)) as file:
        lock_file(file, wait=True)
        yield Path(name)


@contextmanager
def written(path: Path, content: str | bytes) -> Iterator[Path]:
    """Return a file with the content, safe on disk, beside where it shall be; remove it afterwards if it is there.

    Raises:
        OSError: it cannot be written.
    """
    remove_leftovers(path.parent, path.name)
    data = content.encode() if isinstance(content, str) else content
    file = _open_locked(path)
    with file:
        made = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            made.chmod(0o644)
            yield made
        finally:
            made.unlink(missing_ok=True)


def _open_locked(path: Path) -> Any:
    """Make a file to write to, and lock it, which ends with the process, whatever ends that."""
    while True:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 -- closed by the caller
            dir=path.parent, prefix=f".{path.name}.", suffix=PART, delete=False
        )
        if lock_file(file, wait=True) is not True or os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another process took it for left before it was locked


def _remove_if_left(path: Path) -> None:
    with suppress(OSError), _opened(path) as file:
        locked = lock_file(file, wait=False)
        if locked or (locked is None and path.stat().st_mtime < time.time() - FORGOTTEN):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Return a file or folder as what can be locked."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        yield number
    finally:
        os.close(number)


def lock_file(file: int | IO[bytes], *, wait: bool) -> bool | None:
    """Return whether a file was locked or, where another process has locked it, not; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # of a file system that has none
        return None
    return True
