"""Writes files whole or not at all, and removes what killed processes left half written."""

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
    """Make a folder for what a command writes, and those above it; git ignores one that is new.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        ignore_in_git(folder)


def ignore_in_git(folder: Path) -> None:
    """Write a file by which git ignores a folder, unless there is one, as caches of other tools have it."""
    with suppress(OSError), (folder / GITIGNORE).open("x") as file:
        file.write("# Made by ofa_bench; without this file, git sees what is in here.\n*\n")


def write_whole(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write a file in a folder of its own, then move it to its place: it is there whole or not at all.

    Args:
        path: of the file; its folder must be there.
        content: what it shall hold.
        replace: whether a file that is there already is replaced.

    Raises:
        FileExistsError: there is one, perhaps since a moment ago, and it shall not be replaced; it is unchanged.
        OSError: it cannot be written; what was there is unchanged.
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
    """Remove what follows the last newline of a file, as a kill leaves it; return the rest.

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
    """Return a temporary folder in another one, for files that are moved to their places once they are complete.

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
    """Open a folder so that it can be locked; None on systems where that is not possible."""
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
