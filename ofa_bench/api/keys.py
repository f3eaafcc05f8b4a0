"""Keys and values of Python as overrides of a config."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from ofa_bench.config.shell import override
from ofa_bench.errors import InputError

__all__ = ["to_overrides"]

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
_NOT_TEXT = ("null", "true", "false", "nan", "inf")


def to_overrides(key: str, value: Any) -> Iterator[str]:
    """Return the overrides of a key: one, or one for each key of a mapping, but for ``space.choices``.

    Raises:
        InputError: the value is of a type that no config holds.
    """
    if isinstance(value, Mapping) and key != "space.choices":
        for name, inner in value.items():
            yield from to_overrides(f"{key}.{name}", inner)
    elif isinstance(value, str | Path):
        yield override(key, str(value))
    else:
        yield f"{key}={_text(key, value)}"


def _text(key: str, value: Any, comma: str = ",") -> str:
    """Return a value as Hydra reads it, spelt as the documentation spells it: an address has what was written."""
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if plain else str(QuotedString(value, Quote.double).with_quotes())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_text(key, inner, ', ')}" for name, inner in value.items()) + "}"
    if isinstance(value, Sequence | set | range):
        return "[" + comma.join(_text(key, inner, comma) for inner in value) + "]"
    raise InputError(f"{key}: {type(value).__name__} is no number, text, list or mapping")
