"""NumPy's scalars in checkpoints, such as a best accuracy of ``float64``: read without NumPy's own reconstructors.

``torch.load(weights_only=True)`` refuses what NumPy calls to make them. Within ``numpy_scalars`` it calls the functions
here instead, which make plain Python numbers of bytes and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

__all__ = ["numpy_scalars"]

KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
"""The types of scalars that are read, as NumPy abbreviates them."""


class _Dtype:
    """What a pickle says of a scalar's type: stands where ``numpy.dtype`` stood."""

    def __init__(self, kind: Any, *_: Any) -> None:
        if kind not in KINDS:
            raise UnpicklingError(f"NumPy scalar of type {str(kind)[:20]!r}")
        self.kind, self.order = kind, "<"

    def __setstate__(self, state: Any) -> None:
        """Take the order of bytes from what ``numpy.dtype`` keeps."""
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 and state[1] in (">", "<") else "<"


def _scalar(dtype: Any, data: Any) -> Any:
    """Return the number that bytes are of: stands where ``numpy.core.multiarray.scalar`` stood."""
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
        raise UnpicklingError("NumPy scalar that is no number")
    found = np.dtype(dtype.order + dtype.kind)
    if len(data) != found.itemsize:
        raise UnpicklingError("NumPy scalar with other bytes than its type has")
    return np.frombuffer(data, found)[0].item()


def _named(thing: Any, module: str, name: str) -> Any:
    thing.__module__, thing.__name__, thing.__qualname__ = module, name, name
    return thing


def _scalar_of(module: str) -> Any:
    def scalar(dtype: Any, data: Any) -> Any:
        return _scalar(dtype, data)

    return _named(scalar, module, "scalar")


_STANDING_IN = [
    _named(_Dtype, "numpy", "dtype"),
    _scalar_of("numpy.core.multiarray"),
    _scalar_of("numpy._core.multiarray"),  # since NumPy 2
]


@contextmanager
def numpy_scalars() -> Iterator[None]:
    """Let ``torch.load(weights_only=True)`` read NumPy's numbers, as Python's."""
    known = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals(_STANDING_IN)
    try:
        yield
    finally:  # as ``safe_globals`` does since torch 2.5
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(known)
