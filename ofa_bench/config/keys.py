"""Suggests the full key, such as ``evolution.population_size``, for a misspelt key or one without its group."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf

from ofa_bench.config.schema import Config
from ofa_bench.errors import LONG, NEAR, suggestion

__all__ = ["full_keys", "suggest_key"]


def suggest_key(key: str, allowed: list[str], *, config: object = None, given: str = "") -> str:
    """Return ``"; did you mean 'evolution.population_size=50'?"`` for an unknown key; empty if none is near.

    The same name in another place, and then a name that begins so, are preferred to similar names; of these, those that
    are allowed here come first.

    Args:
        key: the full key that was given.
        allowed: names that are allowed in its place.
        config: the composed config, which has more keys than the schema.
        given: the override, whose value the suggestion repeats.
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
    begun = [one for one in known if one.startswith(f"{name}_")]  # population, for population_size
    similar = [] if here else get_close_matches(name, list(known), n=1, cutoff=NEAR)
    near = [name] if name in known else begun or similar
    value = given.partition("=")[2]
    found = [f"'{full}={value}'" if value and len(value) < LONG else f"'{full}'" for one in near for full in known[one]]
    return f"; did you mean {' or '.join(sorted(found)[:3])}?" if found else here


def full_keys(node: Any, at: str = "") -> Iterator[str]:
    """Yield the full keys of all values of a schema or a config, except references to other keys."""
    if isinstance(node, DictConfig):
        node = OmegaConf.to_container(node)
    elif is_dataclass(node):
        node = get_type_hints(node) if isinstance(node, type) else vars(node)
    for name, value in node.items() if isinstance(node, Mapping) else ():
        full = f"{at}.{name}" if at else str(name)
        if full in ("hydra", "experiment") or str(name).startswith("_"):
            continue
        if is_dataclass(value) or isinstance(value, Mapping):
            yield from full_keys(value, full)
        elif not (isinstance(value, str) and value.startswith("${")):
            yield full


def _aliases(full: str) -> tuple[str, ...]:
    """Return the other names of a key that the schema lists."""
    node: Any = Config
    *groups, name = full.split(".")
    for group in groups:
        node = get_type_hints(node).get(group)
        if not is_dataclass(node):
            return ()
    return next((one.metadata.get("also", ()) for one in fields(node) if one.name == name), ())
