"""Finds the images in a folder, decodes them as OFA's evaluation does, and reads their classes."""

import copy
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.limits import available_memory
from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of
from ofa_bench.supernets.decoding import decode_image

if TYPE_CHECKING:
    import torch

__all__ = ["MEAN", "STD", "Images"]

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""ImageNet's mean and standard deviation of red, green and blue, on a scale from 0 to 1."""

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Suffixes of image files, as in torchvision's ``ImageFolder``; other files are ignored."""


@dataclass
class _Cache:
    """Decoded images by file and size, uint8 [size, size, 3] each, up to a quarter of the free memory."""

    left: int = field(default_factory=lambda: (available_memory() or 2**30) // 4)
    found: dict[tuple[Path, int], NDArray[np.uint8]] = field(default_factory=dict)

    def get(self, path: Path, size: int) -> NDArray[np.uint8]:
        """Return a decoded image from the cache, or decode it."""
        image = self.found.get((path, size))
        if image is None:
            image = decode_image(path, size)
            if image.nbytes <= self.left:
                self.left -= image.nbytes
                self.found[path, size] = image
        return image


class Images:
    """The images of a folder and the folders below it, sorted by their paths.

    Links are followed, but each folder is entered once: at its real path if that is below ``folder``, else through the
    first link to it. Files and folders whose names begin with a dot are ignored. Decoded images are cached in up to a
    quarter of the free memory.

    Args:
        folder: the folder of the images; ``labels`` needs a subfolder for each class.
        classes: a text file with the name of one subfolder a line, in the order of a network's outputs.
        key: the option that names the folder, for messages.
        share: so many processes keep decoded images, each in one share of that memory.

    Raises:
        InputError: the folder cannot be read or has no images.
    """

    def __init__(self, folder: Path, classes: Path | None = None, key: str = "images", share: int = 1) -> None:
        self.folder, self.classes, self._key = folder, classes, key
        self.paths: Sequence[Path] = _find_images(folder, key)
        self._cache = _Cache()
        self._cache.left //= share

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def only(self, rows: NDArray[np.intp]) -> "Images":
        """Return some of the images, by their positions (intp [m]); both share one cache."""
        some = copy.copy(self)
        some.paths = [self.paths[row] for row in rows]
        return some

    def digest(self) -> str:
        """Return the SHA-256 of the names (below the folder) and file sizes of all images.

        Raises:
            InputError: an image is a broken link.
        """
        lines = (f"{path.relative_to(self.folder).as_posix()}\0{_file_size(path)}\n" for path in self.paths)
        return hashlib.sha256(b"".join(line.encode(errors="surrogateescape") for line in lines)).hexdigest()

    def labels(self, outputs: int = 1000) -> NDArray[np.int64]:
        """Return the class of each image, as an index into a network's outputs: int64 [n].

        The class of an image is named by the subfolder of ``folder`` that holds it. Its number is the line of that name
        in ``classes``. Without ``classes`` it is the name itself if all names are whole numbers, else the position in
        the sorted names, which must then be as many as the outputs.

        Args:
            outputs: the number of outputs of the network.

        Raises:
            InputError: an image lies in no class folder, or the classes have no such numbers.
        """
        below = [path.relative_to(self.folder).parts for path in self.paths]
        if loose := [parts[0] for parts in below if len(parts) < 2]:
            raise InputError(
                f"{self._key}={self.folder}: {loose[0]!r} lies in no class folder; each class must have one"
            )
        names = sorted({parts[0] for parts in below})
        numbers = self._numbers(names, outputs)
        return np.array([numbers[parts[0]] for parts in below], np.int64)

    def _numbers(self, names: Sequence[str], outputs: int) -> dict[str, int]:
        """Return the number of each class."""
        if self.classes is not None:
            known = _read_classes(self.classes, outputs)
            if strange := [name for name in names if name not in known]:
                raise InputError(f"classes={self.classes}: has no line {strange[0]!r}, a folder of {self.folder}")
            return known
        if all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
            if large := [name for name in names if int(name) >= outputs]:
                raise InputError(f"{self._key}={self.folder}: there is no class {large[0]}, only 0 to {outputs - 1}")
            return {name: int(name) for name in names}
        there = sorted(path.name for path in self.folder.iterdir() if path.is_dir() and path.name[0] != ".")
        if len(there) != outputs:
            raise InputError(
                f"{self._key}={self.folder}: the numbers of its {len(there)} classes are not known; name their folders "
                f"0 to {outputs - 1}, or give classes=<a file of their names, a line each, in order of the outputs>, "
                f"or provide all {outputs} folders, which are then numbered in sorted order"
            )
        return {name: number for number, name in enumerate(there)}

    def batches(self, size: int, batch: int, rows: NDArray[np.intp] | None = None) -> Iterator["torch.Tensor"]:
        """Yield images as a network takes them: float32 [at most ``batch``, 3, size, size], normalised.

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
            pixels = np.stack([self._cache.get(self.paths[row], size) for row in chosen[first : first + batch]])
            yield torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).sub(mean).div(std)


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"image {path}: cannot be read ({error.strerror})") from error


def _find_images(folder: Path, key: str) -> list[Path]:
    """Return the images below a folder, sorted by path; each folder is entered once, whatever links lead to it."""
    found, entered = list[Path](), set[Path]()
    if not os.path.isdir(folder):  # noqa: PTH112 -- Path raises an error if a name is too long
        raise InputError(f"{key}={folder}: no such folder")

    def fail(error: OSError) -> None:
        raise error

    try:
        root = folder.resolve()
        for name, folders, files in os.walk(folder, onerror=fail, followlinks=True):
            place, real = Path(name), Path(name).resolve()
            inner_link = real.is_relative_to(root) and real != root / place.relative_to(folder)
            if inner_link or real in entered:
                folders.clear()
                continue
            entered.add(real)
            folders[:] = sorted(name for name in folders if name[0] != ".")
            found += [place / name for name in files if name[0] != "." and name.lower().endswith(SUFFIXES)]
    except OSError as error:
        raise InputError(f"{key}={folder}: {error.filename} cannot be read ({error.strerror})") from error
    if not found:
        raise InputError(f"{key}={folder}: no image in it ({', '.join(SUFFIXES)})")
    return sorted(found, key=lambda path: path.as_posix())


def _read_classes(path: Path, outputs: int) -> dict[str, int]:
    """Return the classes in a file, one a line, with their numbers."""
    try:
        lines = content_of(path).decode().split("\n")
    except (UnreadableError, UnicodeDecodeError) as error:
        raise InputError(f"classes={path}: cannot be read ({error})") from error
    names = [name for line in lines if (name := line.strip())]
    numbers = {name: number for number, name in enumerate(names)}
    if len(names) != outputs or len(numbers) != outputs:
        raise InputError(
            f"classes={path}: must have {outputs} distinct lines, has {len(names)} ({len(numbers)} distinct)"
        )
    return numbers
