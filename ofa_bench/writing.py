"""Writes files whole or not at all."""

import contextlib
import tempfile
from pathlib import Path

__all__ = ["GITIGNORE", "ignore_in_git", "make_folder", "write_whole"]

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
    with contextlib.suppress(OSError), (folder / GITIGNORE).open("x") as file:
        file.write("# Made by ofa_bench; without this file, git sees what is in here.\n*\n")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, under a name of its own, and then into it.

    Raises:
        OSError: it cannot be written; what was there is then unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        made = Path(file.name)
        try:
            file.write(data)
            file.flush()
            made.chmod(0o644)
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)
