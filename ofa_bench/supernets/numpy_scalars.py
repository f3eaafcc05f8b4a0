"""Lets ``torch.load`` skip the NumPy scalars in a checkpoint, such as a best accuracy of ``float64``.

``torch.load(weights_only=True)`` refuses the functions that NumPy uses to rebuild them. Nothing here reads these
numbers, so each is loaded as None.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["skip_numpy_scalars"]


class _Dtype:
    """Stands in for ``numpy.dtype``."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        """Ignore the state of ``numpy.dtype``."""


def _stand_in(module: str) -> Any:
    def scalar(*_: Any) -> None: ...

    scalar.__module__, scalar.__qualname__ = module, "scalar"
    return scalar


_Dtype.__module__, _Dtype.__name__, _Dtype.__qualname__ = "numpy", "dtype", "dtype"
_STAND_INS = [_Dtype, _stand_in("numpy.core.multiarray"), _stand_in("numpy._core.multiarray")]  # NumPy 1 and 2


@contextmanager
def skip_numpy_scalars() -> Iterator[None]:
    """Load the NumPy scalars of a checkpoint as None inside ``torch.load(weights_only=True)``."""
    known = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals(_STAND_INS)
    try:
        yield
    finally:  # as ``safe_globals`` does since torch 2.5
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(known)
