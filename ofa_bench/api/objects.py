"""A user's own objects as a config describes them, so that records can name and compare them."""

import inspect
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import numpy as np

from ofa_bench.spaces import DesignSpace

__all__ = ["describe", "parameters"]


def describe(made: object) -> Any:
    """Return what a config would hold to make an object: its class, and the constructor's parameters as it has them.

    Parameters that are not kept under their own name are left out, and so are spaces, which a record names anyway.
    """
    if made is None or isinstance(made, bool | int | float | str):
        return made
    if isinstance(made, Mapping):
        return {str(key): describe(value) for key, value in made.items()}
    if isinstance(made, list | tuple | set | range):
        return [describe(one) for one in made]
    if isinstance(made, np.ndarray):
        return f"{made.dtype} {list(made.shape)} {sha256(made.tobytes()).hexdigest()[:16]}"
    if isinstance(made, np.generic):
        return made.item()
    if callable(made) and hasattr(made, "__qualname__"):
        return f"{made.__module__}.{made.__qualname__}"
    kind = type(made)
    node = {"_target_": f"{kind.__module__}.{kind.__qualname__}", **_code(kind)}
    return {**node, **{name: describe(value) for name, value, _ in _parameters(made)}}


def parameters(made: object) -> dict[str, Any]:
    """Return the parameters of an object that are plain and differ from the constructor's defaults."""
    plain = (bool, int, float, str)
    return {name: value for name, value, usual in _parameters(made) if isinstance(value, plain) and value != usual}


def _parameters(made: object) -> Iterator[tuple[str, Any, Any]]:
    """Return name, value and default of each parameter that an object keeps."""
    try:
        found = inspect.signature(type(made)).parameters
    except (TypeError, ValueError):  # of some built-in types
        return
    for name, parameter in found.items():
        value = getattr(made, name, parameter.empty)
        if value is not parameter.empty and not isinstance(value, DesignSpace):
            yield name, value, parameter.default


def _code(kind: type) -> dict[str, str]:
    """Return the hash of a class that stands in no file, but in the cell of a notebook."""
    if getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__ == "builtins":
        return {}
    try:
        sources = [inspect.getsource(one) for one in vars(kind).values() if inspect.isfunction(one)]
    except OSError:
        return {}
    return {"_code_": sha256("\n".join(sources).encode()).hexdigest()[:16]} if sources else {}
