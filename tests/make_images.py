"""Makes small folders of images for tests."""

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["make_image", "make_images"]


def make_image(path: Path, size: tuple[int, int], rng: np.random.Generator) -> Path:
    """Write an image of this width and height: one colour, with a little noise."""
    pixels = rng.integers(40, 216, 3) + rng.integers(-40, 40, (size[1], size[0], 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def make_images(folder: Path, *, classes: int = 6, each: int = 4) -> Path:
    """Write images in folders of classes that numbers name, from 0 on."""
    rng = np.random.default_rng(0)
    for name in range(classes):
        for number in range(each):
            make_image(folder / str(name) / f"{number}.png", (50 + 7 * number, 60), rng)
    return folder
