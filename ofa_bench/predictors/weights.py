"""Reads files of weights (``.npz``): ``weight0``, ``bias0``, ``weight1`` and so on; nothing in them is executed."""

import io
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ofa_bench.files.reading import LARGEST, UnreadableError
from ofa_bench.predictors.accuracy import Layer

__all__ = ["layers_of"]


def layers_of(content: bytes) -> list[Layer]:
    """Read the layers of a network from the content of a file: weight [n_in, n_out] and bias [n_out], float32.

    Raises:
        UnreadableError: it holds something else, or more than is read, or a number that is not finite in float32.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _layers(archive)
    except UnreadableError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise UnreadableError(f"it is no file of weights: {error}") from error


def _layers(archive: zipfile.ZipFile) -> list[Layer]:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if sum(info.file_size for info in archive.infolist()) > LARGEST:
        raise UnreadableError(f"its content is larger than {LARGEST:,} bytes, the most that is read")
    count = len(sizes) // 2
    wanted = {f"{kind}{i}.npy" for kind in ("weight", "bias") for i in range(count)}
    if not count or set(sizes) != wanted:
        raise UnreadableError("it must hold weight0, bias0 and so on, and nothing else")
    return [(_array(archive, f"weight{i}", 2), _array(archive, f"bias{i}", 1)) for i in range(count)]


def _array(archive: zipfile.ZipFile, name: str, dimensions: int) -> NDArray[np.float32]:
    """Read an array of floats; its head is looked at first, as it says how much memory is taken."""
    content = io.BytesIO(archive.read(f"{name}.npy"))
    if npy.read_magic(content) != (1, 0):
        raise UnreadableError(f"its {name} is not in version 1.0 of NumPy's format")
    shape, _, dtype = npy.read_array_header_1_0(content)
    if dtype.hasobject or dtype.kind != "f" or len(shape) != dimensions or min(shape) < 1:
        raise UnreadableError(
            f"its {name} holds {dtype} of shape {shape}; must be floats in {dimensions} dimensions, of 1 or more each"
        )
    given = len(content.getbuffer()) - content.tell()
    if given != int(np.prod([*map(int, shape)], dtype=object)) * dtype.itemsize:
        raise UnreadableError(f"its {name} has {given:,} bytes, which does not fit shape {shape}")
    content.seek(0)
    read: NDArray[Any] = np.load(content, allow_pickle=False)
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = read.astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableError(f"its {name} has a number that is not finite")
    return values
