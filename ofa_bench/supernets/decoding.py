"""Decodes an image file as OFA's evaluation does."""

import io
import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of

__all__ = ["decode_image"]

SHARE = 0.875
"""The share of the shorter side that the centre crop keeps."""

FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")
"""The formats that are read, whatever a file's suffix; Pillow starts other programs for some other formats."""

PIXELS = 80_000_000
"""The most pixels of an image, both stored and resized."""


def decode_image(path: Path, size: int) -> NDArray[np.uint8]:
    """Return an image as OFA's evaluation decodes it: uint8 [size, size, 3].

    The shorter side is resized to ⌈size / 0.875⌉, bilinearly, and the centre is cropped (``Resize`` and ``CenterCrop``
    of torchvision, ``ofa.imagenet_classification.data_providers.imagenet``).

    Raises:
        InputError: it cannot be read, is too large, or has more than 8 bits a channel.
    """
    from PIL import Image

    try:
        content = content_of(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = _resized_shape(image.width, image.height, size)
                if image.mode == "F" or image.mode[0] == "I":  # conversion to RGB would clip such pixels at 255
                    raise UnreadableError(f"its pixels are of mode {image.mode}; save it in 8 bits")
                small = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    except UnreadableError as error:
        raise InputError(f"image {path}: cannot be read ({error})") from error
    except Exception as error:  # Pillow raises many kinds of errors on broken files
        why = "not an image, or an incomplete one" if isinstance(error, OSError) else str(error)[:100]
        raise InputError(f"image {path}: cannot be decoded ({type(error).__name__}: {why})") from error
    left, top = round((width - size) / 2), round((height - size) / 2)
    return np.asarray(small.crop((left, top, left + size, top + size)))


def _resized_shape(width: int, height: int, size: int) -> tuple[int, int]:
    """Return the width and height to which an image is resized before it is cropped to ``size``."""
    shorter, least = math.ceil(size / SHARE), min(width, height)
    resized = (int(shorter * width / least), int(shorter * height / least))
    if max(width * height, resized[0] * resized[1]) > PIXELS:
        raise UnreadableError(f"{width} x {height} pixels are too many, or too narrow")
    return resized
