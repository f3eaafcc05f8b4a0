"""Describes Python values as overrides of a config, and a user's objects as nodes of one."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.config.hydra_private import in_quotes
from ofa_bench.config.shell import override
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace

__all__ = ["describe", "parameters", "to_overrides"]

WHOLE = ("space.choices", "limits", "targets.by_device", "device.levels")
"""Keys whose values are mappings that are set as a whole."""

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
_NOT_TEXT = ("null", "true", "false", "nan", "inf")


def to_overrides(key: str, value: Any) -> Iterator[str]:
    """Return the override of a key; for a mapping, unless the key is in ``WHOLE``, one for each of its keys.

    Raises:
        InputError: the value is of a type that no config holds.
    """
    if isinstance(value, Mapping) and key not in WHOLE:
        for name, inner in value.items():
            yield from to_overrides(f"{key}.{name}", inner)
    elif isinstance(value, str | Path):
        yield override(key, str(value))
    else:
        yield f"{key}={_text(key, value)}"


def _text(key: str, value: Any, comma: str = ",") -> str:
    """Return a value as Hydra reads it, in the spelling of the documentation, because the spelling is in addresses."""
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if plain else in_quotes(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_text(key, inner, ', ')}" for name, inner in value.items()) + "}"
    if isinstance(value, Sequence | set | range):
        return "[" + comma.join(_text(key, inner, comma) for inner in value) + "]"
    raise InputError(f"{key}: {type(value).__name__} is not a number, text, list or mapping")


def describe(built: object) -> Any:
    """Return the config node that would build an object: its class and the constructor's parameters.

    Parameters that are not attributes of the same name are left out, and so are spaces, which a record names anyway.
    """
    if built is None or isinstance(built, bool | int | float | str):
        return built
    if isinstance(built, Mapping):
        return {str(key): describe(value) for key, value in built.items()}
    if isinstance(built, list | tuple | set | range):
        return [describe(one) for one in built]
    if isinstance(built, np.ndarray):
        return f"{built.dtype} {list(built.shape)} {sha256(built.tobytes()).hexdigest()[:16]}"
    if isinstance(built, np.generic):
        return built.item()
    if isinstance(built, partial):
        return {"_target_": describe(built.func), "_partial_": True, **describe(built.keywords)}
    if callable(built) and hasattr(built, "__qualname__"):
        return f"{built.__module__}.{built.__qualname__}"
    kind = type(built)
    node = {"_target_": f"{kind.__module__}.{kind.__qualname__}", **_code(kind)}
    return {**node, **{name: describe(value) for name, value, _ in _parameters(built)}}


def parameters(built: object) -> dict[str, Any]:
    """Return the parameters of an object that are plain and differ from the constructor's defaults."""
    plain = (bool, int, float, str)
    return {name: value for name, value, usual in _parameters(built) if isinstance(value, plain) and value != usual}


def _parameters(built: object) -> Iterator[tuple[str, Any, Any]]:
    """Return name, value and default of each constructor parameter that is also an attribute of the object."""
    try:
        found = inspect.signature(type(built)).parameters
    except (TypeError, ValueError):  # of some built-in types
        return
    for name, parameter in found.items():
        value = getattr(built, name, parameter.empty)
        if value is not parameter.empty and not isinstance(value, DesignSpace):
            yield name, value, parameter.default


def _code(kind: type) -> dict[str, str]:
    """Return the hash of a class that is defined in a notebook; classes in files are hashed with their files."""
    if getattr(sys.modules.get(kind.__module__), "__file__", None) or kind.__module__ == "builtins":
        return {}
    try:
        sources = [inspect.getsource(one) for one in vars(kind).values() if inspect.isfunction(one)]
    except OSError:
        return {}
    return {"_code_": sha256("\n".join(sources).encode()).hexdigest()[:16]} if sources else {}
