"""Decodes an image as OFA's evaluation does."""

import io
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["decoded"]

SHARE = 0.875
"""Of the shorter side, what the centre crop keeps."""

FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")
"""What the files may be, whatever their suffix; Pillow would start other programs for some others."""

PIXELS = 80_000_000
"""The most pixels of an image, as it is stored and when its shorter side is resized."""


def decoded(path: Path, size: int) -> NDArray[np.uint8]:
    """Decode an image as OFA's evaluation does: uint8 [size, size, 3].

    The shorter side is resized to ⌈size / 0.875⌉, bilinearly, and the centre is cropped (``Resize`` and ``CenterCrop``
    of torchvision, ``ofa.imagenet_classification.data_providers.imagenet``). Grey values of 16 bits are brought to 8,
    by the value of white; OFA's would take 255 and more for white.

    Raises:
        InputError: it cannot be read, is too large, or nothing says what white is in it.
    """
    from PIL import Image

    try:
        content = content_of(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = _resized(image.width, image.height, size)
                small = _coloured(image).resize((width, height), Image.Resampling.BILINEAR)
    except UnreadableError as error:
        raise InputError(f"image {path}: cannot be read ({error})") from error
    except Exception as error:  # of whatever bytes, Pillow raises whatever
        why = "not an image, or not a whole one" if isinstance(error, OSError) else str(error)[:100]
        raise InputError(f"image {path}: cannot be decoded ({type(error).__name__}: {why})") from error
    left, top = round((width - size) / 2), round((height - size) / 2)
    return np.asarray(small.crop((left, top, left + size, top + size)))


def _coloured(image: "Image.Image") -> "Image.Image":
    """Return an image in red, green and blue of 8 bits each."""
    from PIL import Image

    if image.mode == "F" or image.mode[0] == "I":
        white = _white(image)
        if white is None:
            raise UnreadableError(
                f"it is not known what white is in its pixels of mode {image.mode}; save it in 8 bits"
            )
        values = np.minimum(np.asarray(image), white).astype(np.uint32)
        image = Image.fromarray(((values * 255 + white // 2) // white).astype(np.uint8))
    return image.convert("RGB")


def _white(image: "Image.Image") -> int | None:
    """Return the value of white where pixels are one number of more than 8 bits; None where nothing says it."""
    if image.mode == "F":
        return None
    if image.format != "TIFF":
        return 65535  # Pillow brings those of PPM to it, whatever the file calls white
    tags = getattr(image, "tag_v2", {})
    bits, black_is_zero = tags.get(258, (1,))[0], tags.get(262) == 1
    return 2**bits - 1 if image.mode.startswith("I;16") and black_is_zero and bits in (12, 16) else None


def _resized(width: int, height: int, size: int) -> tuple[int, int]:
    """Return width and height when the shorter side has what a crop of ``size`` is taken from."""
    shorter, least = math.ceil(size / SHARE), min(width, height)
    resized = (int(shorter * width / least), int(shorter * height / least))
    if max(width * height, resized[0] * resized[1]) > PIXELS:
        raise UnreadableError(f"{width} x {height} pixels are too many, or too narrow")
    return resized
