"""Folders for files that are being written: removed afterwards, and by the next export where a kill left one."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["unfinished_folder"]

PREFIX = ".unfinished-"

OLD = 3600
"""Seconds after which nobody writes to a folder any more; no network takes so long."""


@contextmanager
def unfinished_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder in a folder, on the same disk, and remove it afterwards, as old ones that were left there."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > OLD:
                shutil.rmtree(left)
    with TemporaryDirectory(dir=folder, prefix=PREFIX) as place:
        yield Path(place)
