"""Reads files of weights (``.npz``): ``weight0``, ``bias0``, ``weight1`` and so on; nothing in them is executed."""

import io
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

from ofa_bench.files.reading import LARGEST, UnreadableError
from ofa_bench.predictors.accuracy import Layer

__all__ = ["layers_of"]


def layers_of(content: bytes) -> list[Layer]:
    """Return the layers of a network from the content of a file: weight [n_in, n_out] and bias [n_out], float32.

    Raises:
        UnreadableError: it holds something else, or a number that is not finite in float32.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > LARGEST:
                raise UnreadableError(f"its content is larger than {LARGEST:,} bytes, the most that is read")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            count = len(arrays.files) // 2
            names = [(f"weight{i}", f"bias{i}") for i in range(count)]
            if not count or {*arrays.files} != {name for pair in names for name in pair}:
                raise UnreadableError("it must hold weight0, bias0 and so on, and nothing else")
            return [(_floats(weight, arrays[weight], 2), _floats(bias, arrays[bias], 1)) for weight, bias in names]
    except UnreadableError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, MemoryError, OSError, RuntimeError, ValueError) as error:
        raise UnreadableError(f"it is no file of weights: {str(error).partition(chr(10))[0]}") from error


def _floats(name: str, array: NDArray[np.generic], dimensions: int) -> NDArray[np.float32]:
    if array.dtype.kind != "f" or array.ndim != dimensions or not array.size:
        raise UnreadableError(
            f"its {name} holds {array.dtype} of shape {array.shape}; must be floats in {dimensions} dimensions, "
            "of 1 or more each"
        )
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableError(f"its {name} has a number that is not finite")
    return values
