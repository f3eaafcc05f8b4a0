"""Describes an error of OmegaConf in one line that names the key, the value given and what is allowed."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, get_type_hints

from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    ConfigTypeError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from ofa_bench.config.hydra_private import root_of
from ofa_bench.config.keys import suggest_key

__all__ = ["explain_config_error", "explain_hydra_error"]

KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
"""The types of values, as messages name them."""


def explain_config_error(error: OmegaConfBaseException, overrides: Sequence[str]) -> str:
    """Return one line about a key or a value that the config does not take; ``overrides`` are what was given."""
    full, value = str(error.full_key or error.key or ""), error.value
    message = (error.msg or str(error)).splitlines()[0]
    missing = isinstance(error, MissingMandatoryValue)
    if isinstance(error, InterpolationResolutionError) or (missing and full.startswith("hydra.")):
        return _explain_unresolved(full, message.partition(" while resolving interpolation: ")[2] or message, overrides)
    if missing:
        return f"{full}: choose an option of the group ({full}=<option>)"
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return _explain_unknown_key(full, error.parent_node, overrides)
    if not isinstance(error, ValidationError | ConfigTypeError):
        return f"{full}: {message}".removeprefix(": ")
    kind, is_null = _kind(error), value is None and isinstance(error, ValidationError)
    if kind == "list":
        such = "such as [25]" if full.startswith("targets.") else "[...]"
        return f"{full}{'=null' if is_null else ''}: must be a list, {such}"
    if kind is None:
        return f"{full}=null: must be set" if is_null else f"{full}: {message}"
    return f"{full}={'null' if is_null else value}: must be {KINDS[kind]}"


def explain_hydra_error(error: Exception) -> str:
    """Return an error of Hydra in words that name the key of a part, if it is about one."""
    part = re.match(r"Could not override '\w+@(strategy\.[\w.]+)'", str(error))
    return f"{part[1]}: nothing to choose here; a value of your own key is set by ++{part[1]}=" if part else str(error)


def _kind(error: OmegaConfBaseException) -> str | None:
    """Return the type that a key of a dataclass, or an item of a list, must have: ``list``, of ``KINDS``, or None."""
    hint: Any = error.ref_type
    if dataclasses.is_dataclass(error.object_type):
        hint = get_type_hints(error.object_type).get(str(error.key), hint)
    text = str(hint).lower()
    if re.search(r"\blist\b", text) and not isinstance(error.key, int):
        return "list"
    found = None if "dict" in text else re.search(r"\b(int|float|bool|str)\b", text)
    return found[0] if found else None


def _explain_unknown_key(full: str, parent: object, overrides: Sequence[str]) -> str:
    if full.startswith("strategy.") and any(re.match(r"strategy=.*,", word) for word in overrides):
        return f"{full}: not a key of every strategy; in a sweep over strategies, prefix it with ++: ++{full}"
    keys = [str(key) for key in parent if key != "hydra"] if isinstance(parent, DictConfig) else []
    given = next((word for word in overrides if word.startswith(f"{full}=")), "")
    meant = suggest_key(full, keys, config=root_of(parent), given=given)
    return f"{full}: no such key; allowed: {', '.join(keys) or 'none'}{meant}"


def _explain_unresolved(full: str, message: str, overrides: Sequence[str]) -> str:
    """Name the override by which a value refers to nothing."""
    removed = [word.lstrip("~") for word in overrides if word.startswith("~")]
    if removed:
        return f"{removed[0]}: is required"
    given = [word for word in overrides if re.search(r"=.*(\$\{|\?\?\?)", word)]
    return f"{given[0] if given else full}: {message}"
