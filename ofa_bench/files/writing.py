"""Writes files completely or not at all, and removes what killed processes left."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "GITIGNORE",
    "append",
    "cut_unfinished_line",
    "ignore_in_git",
    "lock_file",
    "make_folder",
    "remove_leftovers",
    "work_folder",
    "write_whole",
]

GITIGNORE = ".gitignore"

_WORK, _PART = ".work.", ".part"
"""Start and end of the names of these temporary folders."""


def make_folder(folder: Path) -> None:
    """Make a folder for a command's files, and its parents; git ignores a new one.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        ignore_in_git(folder)


def ignore_in_git(folder: Path) -> None:
    """Write a ``.gitignore`` into a folder for all its files, unless there is one."""
    with suppress(OSError), (folder / GITIGNORE).open("x") as file:
        file.write("# Made by ofa_bench; without this file, git sees what is in here.\n*\n")


def write_whole(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write a file in a temporary folder, then move it to its path: it is complete or not there at all.

    Args:
        path: of the file; its folder must exist.
        content: of the file.
        replace: whether to replace an existing file.

    Raises:
        FileExistsError: the file exists, perhaps since a moment ago, and ``replace`` is false; it is unchanged.
        OSError: it cannot be written; an existing file is unchanged.
    """
    with work_folder(path.parent) as folder:
        made = folder / "content"
        append(made, content)
        if replace:
            made.replace(path)
        else:
            path.hardlink_to(made)  # unlike a rename, this overwrites nothing


def append(path: Path, content: str | bytes) -> None:
    """Write to the end of a file, and wait until it is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("ab") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def cut_unfinished_line(path: Path) -> bytes:
    """Remove what a killed process left after the last newline of a file; return the rest.

    Raises:
        OSError: it cannot be read or written.
    """
    with path.open("rb+") as file:
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        file.truncate(len(whole))
    return whole


@contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Provide a temporary folder in another one, for files that are moved when they are complete.

    Raises:
        OSError: it cannot be made.
    """
    remove_leftovers(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_WORK, suffix=_PART) as name, _opened(Path(name)) as lock:
        lock_file(lock, wait=True)
        yield Path(name)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders of killed processes, but not those in use."""
    for path in folder.glob(f"{_WORK}*{_PART}"):
        with suppress(OSError), _opened(path) as lock:
            if lock_file(lock, wait=False) and any(path.iterdir()):  # an empty one may be about to be locked
                shutil.rmtree(path)


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """Open a folder so that it can be locked; None on systems without such locks."""
    number = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        yield number
    finally:
        if number is not None:
            os.close(number)


def lock_file(file: int | IO[bytes] | None, *, wait: bool) -> bool:
    """Lock a file until it is closed or its process ends; return whether that succeeded.

    It fails if another process has locked it, and on a system, or a file system, without such locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))  # type: ignore[arg-type]
    except (AttributeError, OSError):
        return False
    return True
