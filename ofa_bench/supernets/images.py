"""Folders of images, decoded as OFA's evaluation does, and their classes."""

import copy
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.limits import available_memory
from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of
from ofa_bench.supernets.decoding import decoded

if TYPE_CHECKING:
    import torch

__all__ = ["MEAN", "STD", "Images"]

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""ImageNet's, of red, green and blue from 0 to 1."""

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Of files that are images (those of torchvision's ``ImageFolder``); others are passed over."""


@dataclass
class _Kept:
    """Decoded images, by file and size, as long as they fit: uint8 [size, size, 3] each."""

    left: int = field(default_factory=lambda: (available_memory() or 2**30) // 4)
    found: dict[tuple[Path, int], NDArray[np.uint8]] = field(default_factory=dict)

    def get(self, path: Path, size: int) -> NDArray[np.uint8]:
        """Return a decoded image, kept or decoded now."""
        kept = self.found.get((path, size))
        if kept is None:
            kept = decoded(path, size)
            if kept.nbytes <= self.left:
                self.left -= kept.nbytes
                self.found[path, size] = kept
        return kept


class Images:
    """The images of a folder and the folders below it, sorted by their paths.

    Links are followed, but each folder is entered once: where it really lies below ``folder``, else through the first
    link to it. Files and folders whose names begin with a dot are passed over. Decoded images are kept in a quarter of
    the memory that is free.

    Args:
        folder: of the images; for ``labels``, a folder of each class below it.
        classes: a text file, one folder's name a line, in the order of a network's outputs.
        key: of the option that names the folder, for what is said of it.

    Raises:
        InputError: the folder cannot be read or has no images, or too many.
    """

    def __init__(self, folder: Path, classes: Path | None = None, key: str = "images") -> None:
        self.folder, self.classes, self._key = folder, classes, key
        self.paths: Sequence[Path] = _found(folder, key)
        self._kept = _Kept()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def only(self, rows: NDArray[np.intp]) -> "Images":
        """Return some of the images, by their positions (intp [m]); decoded ones are kept together with these."""
        some = copy.copy(self)
        some.paths = [self.paths[row] for row in rows]
        return some

    def digest(self) -> str:
        """Return the SHA-256 over the names (below the folder) and sizes of all images.

        Raises:
            InputError: one is a link that leads nowhere.
        """
        lines = (f"{path.relative_to(self.folder).as_posix()}\0{_bytes_of(path)}\n" for path in self.paths)
        return hashlib.sha256(b"".join(line.encode(errors="surrogateescape") for line in lines)).hexdigest()

    def labels(self, outputs: int = 1000) -> NDArray[np.int64]:
        """Return the class of each image, the position of a network's output: int64 [n].

        An image's class is the folder just below ``folder`` in which it lies. Its number is that of its line in
        ``classes``; without ``classes`` it is the name itself where all names are whole numbers, or its place among the
        sorted names, where there are as many as outputs.

        Args:
            outputs: of the network.

        Raises:
            InputError: images lie in no class's folder, or their classes have no such numbers.
        """
        below = [path.relative_to(self.folder).parts for path in self.paths]
        loose = next((parts[0] for parts in below if len(parts) < 2), None)
        if loose is not None:
            raise InputError(
                f"{self._key}={self.folder}: {loose!r} lies in no class's folder; each class must have one"
            )
        names = sorted({parts[0] for parts in below})
        numbers = self._numbers(names, outputs)
        return np.array([numbers[parts[0]] for parts in below], np.int64)

    def _numbers(self, names: Sequence[str], outputs: int) -> dict[str, int]:
        """Return the number of each class's folder."""
        if self.classes is not None:
            known = _lines(self.classes, outputs)
            strange = next((name for name in names if name not in known), None)
            if strange is not None:
                raise InputError(f"classes={self.classes}: has no line {strange!r}, a folder of {self.folder}")
            return known
        if all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
            large = next((name for name in names if int(name) >= outputs), None)
            if large is not None:
                raise InputError(f"{self._key}={self.folder}: there is no class {large}, only 0 to {outputs - 1}")
            return {name: int(name) for name in names}
        there = sorted(path.name for path in self.folder.iterdir() if path.is_dir() and path.name[0] != ".")
        if len(there) != outputs:
            raise InputError(
                f"{self._key}={self.folder}: the numbers of its {len(there)} classes are not known; name their folders "
                f"0 to {outputs - 1}, or give classes=<a file of their names, one a line, in the outputs' order>, "
                f"or have all {outputs} folders there (their sorted order is then that of the outputs)"
            )
        return {name: number for number, name in enumerate(there)}

    def batches(self, size: int, batch: int, rows: NDArray[np.intp] | None = None) -> Iterator["torch.Tensor"]:
        """Return images as a network takes them: float32 [at most ``batch``, 3, size, size], normalised.

        Args:
            size: height and width.
            batch: how many at a time.
            rows: which images, in this order; all by default.

        Raises:
            InputError: an image cannot be read.
        """
        import torch

        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        chosen = np.arange(len(self)) if rows is None else rows
        for first in range(0, len(chosen), batch):
            pixels = np.stack([self._kept.get(self.paths[row], size) for row in chosen[first : first + batch]])
            yield torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).sub(mean).div(std)


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"image {path}: cannot be read ({error.strerror})") from error


def _found(folder: Path, key: str) -> list[Path]:
    """Find the images below a folder, in the order of their paths."""
    found = list[Path]()
    if not os.path.isdir(folder):  # noqa: PTH112 -- of a name that is too long, Path raises an error
        raise InputError(f"{key}={folder}: no such folder")
    try:
        for place, names in _entered(folder):
            found += [place / name for name in names if name[0] != "." and name.lower().endswith(SUFFIXES)]
    except OSError as error:
        raise InputError(f"{key}={folder}: {error.filename} cannot be read ({error.strerror})") from error
    if not found:
        raise InputError(f"{key}={folder}: there is no image in it ({', '.join(SUFFIXES)})")
    return sorted(found, key=lambda path: path.as_posix())


def _entered(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Return each folder from one on, and the names of its files; none twice, whatever links lead to it.

    What lies below comes first, then what links lead to, so that a folder's own path is the one that it has.

    Raises:
        OSError: one cannot be read.
    """

    def fail(error: OSError) -> None:
        raise error

    known, waiting = set[tuple[int, int]](), deque([folder])
    while waiting:
        for place, folders, names in os.walk(waiting.popleft(), onerror=fail):  # it follows no links
            here = Path(place)
            about = here.stat()
            if (about.st_dev, about.st_ino) in known:
                folders.clear()
                continue
            known.add((about.st_dev, about.st_ino))
            folders[:] = sorted(name for name in folders if name[0] != ".")
            waiting += [here / name for name in folders if (here / name).is_symlink()]
            yield here, names


def _lines(path: Path, outputs: int) -> dict[str, int]:
    """Read a file of classes: the number of each line."""
    try:
        lines = content_of(path).decode().split("\n")
    except (UnreadableError, UnicodeDecodeError) as error:
        raise InputError(f"classes={path}: cannot be read ({error})") from error
    names = [line.strip() for line in lines if line.strip()]
    numbers = {name: number for number, name in enumerate(names)}
    if len(names) != outputs or len(numbers) != outputs:
        raise InputError(
            f"classes={path}: must have {outputs} distinct lines, has {len(names)} ({len(numbers)} distinct)"
        )
    return numbers
