"""Reads the dicts by which OFA's supernets and predictors describe an architecture.

Ambiguous dicts are refused: two resolutions, a width that is not the supernet's, a key under another name.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ofa_bench.errors import InputError

__all__ = ["by_block", "check_keys", "check_width", "numbers", "resolution"]

_OTHER_NAMES = {
    **dict.fromkeys(("k", "kernel", "kernels", "kernel_size", "kernel_sizes"), "ks"),
    **dict.fromkeys(("expand", "expand_ratio", "expand_ratios"), "e"),
    **dict.fromkeys(("depth", "depths"), "d"),
    **dict.fromkeys(("res", "resolution", "img_size", "imgsize", "input_size"), "r"),
    **dict.fromkeys(("width", "widths", "width_mult"), "w"),
}
"""Other names of OFA's keys."""

_KEYS = ("ks", "e", "d", "r", "image_size", "wid", "w")
"""OFA's keys, of all spaces."""


def check_keys(space: str, arch: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Check that no key that describes the network would be ignored; other keys, such as a name, may be.

    Raises:
        InputError: it is no dict, or has one of OFA's keys that is not among ``keys``, or one under another name.
    """
    if not isinstance(arch, Mapping):
        raise InputError(f"{space}: an architecture is a dict with the keys {', '.join(keys)}, not {arch!r:.60}")
    for key, value in arch.items():
        meant = _OTHER_NAMES.get(str(key), "")
        if key not in keys and (meant or key in _KEYS) and value is not None:
            near = f"; did you mean '{meant}'?" if meant in keys else ""
            raise InputError(f"{space}: '{key}' is no key of its architectures, which have {', '.join(keys)}{near}")


def numbers(space: str, arch: Mapping[str, Any], key: str, length: int) -> Sequence[float]:
    """Return a list of numbers; for blocks that are not built, a number may be None.

    Raises:
        InputError: it is missing, not a list of numbers, or of another length.
    """
    values = _listed(space, arch, key, length)
    if len(values) != length:
        raise InputError(f"{space}: '{key}' must be a list of {length} numbers, not {len(values)}: {values!r}")
    return values


def by_block(space: str, arch: Mapping[str, Any], key: str, built: Sequence[bool]) -> Sequence[float | None]:
    """Return a list with a number for each block; numbers of blocks that are not built are ignored.

    A shorter list, with numbers of the built blocks only, is accepted too.

    Args:
        space: its name, for messages.
        arch: OFA's dict.
        key: of the list.
        built: for each block, whether the depths build it.

    Raises:
        InputError: it is missing, not a list of numbers, or of neither length.
    """
    values = _listed(space, arch, key, len(built))
    if len(values) == len(built):
        return values
    if len(values) != sum(built):
        raise InputError(
            f"{space}: '{key}' must be a list of {len(built)} numbers, one a block, or of the {sum(built)} blocks that "
            f"'d' builds; it has {len(values)}: {values!r}"
        )
    left = iter(values)
    return [next(left) if there else None for there in built]


def resolution(space: str, arch: Mapping[str, Any]) -> float:
    """Return the resolution, from ``image_size`` (``ofa.nas``) or ``r`` (``ofa.tutorial``, a list of one).

    Raises:
        InputError: there is none, there are two, or it is not a number.
    """
    given = {key: _single(arch[key]) for key in ("r", "image_size") if arch.get(key) is not None}
    for key, value in given.items():
        if not _is_number(value):
            raise InputError(f"{space}: 'r' or 'image_size' must be one resolution, not {key}={arch[key]!r}")
    if not given:
        raise InputError(f"{space}: 'r' or 'image_size' must be one resolution; there is none")
    if len(set(given.values())) > 1:
        raise InputError(
            f"{space}: r={arch['r']!r} and image_size={arch['image_size']!r} are two resolutions; give one"
        )
    size: float = next(iter(given.values()))
    return size


def check_width(space: str, arch: Mapping[str, Any], width: float) -> None:
    """Check that the width of an architecture (``wid`` or ``w``), if it has one, is that of the supernet.

    Raises:
        InputError: it is another width.
    """
    for key in ("wid", "w"):
        value = _single(arch.get(key))
        if value is not None and not (_is_number(value) and value == width):
            raise InputError(
                f"{space}: {key}={arch[key]!r}, but the width of its supernet is {width} (null is allowed)"
            )


def _listed(space: str, arch: Mapping[str, Any], key: str, length: int) -> list[Any]:
    values = arch.get(key)
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise InputError(f"{space}: '{key}' must be a list of {length} numbers, not {values!r}")
    for value in values:
        if value is not None and not _is_number(value):
            raise InputError(f"{space}: '{key}' must be a list of {length} numbers; {value!r} is not a number")
    return list(values)


def _single(value: Any) -> Any:
    """Return the only element of a list, and anything else as it is."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
