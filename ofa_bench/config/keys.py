"""Finds the full key, such as ``evolution.population_size``, of a key that was given without its group or misspelt."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, get_type_hints

from omegaconf import DictConfig

from ofa_bench.config.schema import Config
from ofa_bench.errors import LONG, suggestion

__all__ = ["full_keys", "suggest_key"]

NEAR = 0.6
"""How alike a misspelt key must be to one that is inside a group."""


def suggest_key(key: str, allowed: list[str], *, config: object = None, given: str = "") -> str:
    """Return ``"; did you mean 'evolution.population_size=50'?"`` for an unknown key; empty if none is near.

    The same name in another place goes before a name like it: first one that is allowed here, then one elsewhere.

    Args:
        key: the full key that was given.
        allowed: names that are allowed in its place.
        config: the composed config, which knows more keys than the schema.
        given: the override, whose value is repeated in the suggestion.
    """
    name = key.rpartition(".")[2].lower()
    if len(name) > LONG:
        return ""
    known: dict[str, set[str]] = {}
    keys = sorted({*full_keys(Config), *full_keys(config)} - {key}, key=lambda full: full.count("."))
    for i, full in enumerate(keys):
        if any(full.endswith(f".{other}") for other in keys[:i] if "." in other):
            continue  # evolution.x, as strategy.evolution.x refers to it
        for alias in (full.rpartition(".")[2], *_aliases(full)):
            known.setdefault(alias.lower(), set()).add(full)
    here = suggestion(name, allowed if "." in key else [*allowed, "experiment"])
    near = [name] if name in known else [] if here else get_close_matches(name, list(known), n=1, cutoff=NEAR)
    value = given.partition("=")[2]
    found = [f"'{full}={value}'" if value and len(value) < LONG else f"'{full}'" for one in near for full in known[one]]
    return f"; did you mean {' or '.join(sorted(found)[:3])}?" if found else here


def full_keys(node: Any, at: str = "") -> Iterator[str]:
    """Yield the full keys of all values of a schema or a config, without references to other keys."""
    inner: Mapping[Any, Any]
    if isinstance(node, type) and is_dataclass(node):
        kinds = get_type_hints(node)
        inner = {one.name: kinds[one.name] for one in fields(node)}
    elif isinstance(node, DictConfig):
        missing = node._is_none() or node._is_missing() or node._is_interpolation()
        inner = {} if missing else {str(key): node._get_node(key) for key in node}
    elif is_dataclass(node):
        inner = vars(node)
    else:
        inner = node if isinstance(node, Mapping) else {}
    for name, value in inner.items():
        full = f"{at}.{name}" if at else str(name)
        if full in ("hydra", "experiment") or str(name).startswith("_"):
            continue
        if (is_dataclass(value) or isinstance(value, Mapping | DictConfig)) and value is not None:
            yield from full_keys(value, full)
        elif not _refers(value):
            yield full


def _refers(value: Any) -> bool:
    node = getattr(value, "_value", None)
    raw = node() if callable(node) else value
    return isinstance(raw, str) and raw.startswith("${")


def _aliases(full: str) -> tuple[str, ...]:
    """Return the other names of a key that the schema lists."""
    node: Any = Config
    *groups, name = full.split(".")
    for group in groups:
        node = get_type_hints(node).get(group)
        if not is_dataclass(node):
            return ()
    return next((one.metadata.get("also", ()) for one in fields(node) if one.name == name), ())
