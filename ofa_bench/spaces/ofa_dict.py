"""Reading the dicts by which OFA's supernets and predictors name an architecture."""

from collections.abc import Mapping, Sequence
from typing import Any

from ofa_bench.errors import InputError

__all__ = ["numbers", "resolution"]


def numbers(space: str, arch: Mapping[str, Any], key: str, length: int) -> Sequence[float]:
    """Read a list of numbers.

    Raises:
        InputError: it is missing, no list or not of this length.
    """
    values = arch.get(key)
    if not isinstance(values, Sequence) or len(values) != length:
        raise InputError(f"{space}: '{key}' must be a list of {length} numbers, not {values!r}")
    return values


def resolution(space: str, arch: Mapping[str, Any]) -> float:
    """Read the resolution, from ``image_size`` (``ofa.nas``) or ``r`` (``ofa.tutorial``, a list of one).

    Raises:
        InputError: there is none, or it is no number.
    """
    value = arch.get("image_size", arch.get("r"))
    if isinstance(value, Sequence) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int | float):
        raise InputError(f"{space}: 'r' or 'image_size' must be one resolution, not {value!r}")
    return value
