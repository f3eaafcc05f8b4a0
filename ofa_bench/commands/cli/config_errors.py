"""Errors of OmegaConf in one line that names the key, the value given and what is allowed."""

import dataclasses
import re
import sys
from typing import Any, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    ConfigTypeError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import EvolutionConfig, conf_dir

__all__ = ["explain_config_error"]

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def explain_config_error(error: OmegaConfBaseException) -> str:
    """Return one line about a key or a value that the config does not take."""
    full, value = str(error.full_key or error.key), error.value
    message = (error.msg or str(error)).splitlines()[0]
    missing = isinstance(error, MissingMandatoryValue)
    if isinstance(error, InterpolationResolutionError) or (missing and full.startswith("hydra.")):
        return _explain_unresolved(full, message.partition(" while resolving interpolation: ")[2] or message)
    if missing:
        return f"{full}: choose an option of the group ({full}=<option>)"
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return _explain_unknown_key(full, error.parent_node)
    if not isinstance(error, ValidationError | ConfigTypeError):
        return f"{full}: {message}"
    kind, is_null = _kind(error), value is None and isinstance(error, ValidationError)
    if kind is list:
        such = "such as [25]" if full.startswith("targets.") else "[...]"
        return f"{full}{'=null' if is_null else ''}: must be a list, {such}"
    if kind is None:
        return f"{full}=null: must be set" if is_null else f"{full}: {message}"
    return f"{full}={'null' if is_null else value}: must be {KINDS[kind]}"


def _kind(error: OmegaConfBaseException) -> type | None:
    """Return the type that a key of a dataclass, or an item of a list, must have; None if it is no plain one."""
    hint: Any = error.ref_type
    if dataclasses.is_dataclass(error.object_type):
        hint = get_type_hints(error.object_type).get(str(error.key), hint)
    text = str(hint).lower()
    if re.search(r"\blist\b", text) and not isinstance(error.key, int):
        return list
    found = None if "dict" in text else re.search(r"\b(int|float|bool|str)\b", text)
    return {"int": int, "float": float, "bool": bool, "str": str}[found[0]] if found else None


def _explain_unknown_key(full: str, parent: object) -> str:
    name = full.rpartition(".")[2]
    if full.startswith("strategy.evolution.") and name in [one.name for one in dataclasses.fields(EvolutionConfig)]:
        return f"{full}: no such key; strategy.evolution is evolution: {full.removeprefix('strategy.')}="
    if full.startswith("strategy.") and name in _keys_of_swept_strategies():
        return f"{full}: not a key of every strategy; in a sweep over strategies, ++ stands before it: ++{full}"
    keys = [str(key) for key in parent if key != "hydra"] if isinstance(parent, DictConfig) else []
    given = next((word for word in sys.argv[1:] if word.startswith(f"{full}=")), "")
    meant = suggest_key(full, keys, config=parent._get_root() if isinstance(parent, DictConfig) else None, given=given)
    return f"{full}: no such key; allowed: {', '.join(keys) or 'none'}{meant}"


def _keys_of_swept_strategies() -> set[str]:
    """List the keys that at least one of the package's strategies has which the command sweeps over."""
    names = [name for word in sys.argv if re.match(r"strategy=.*,", word) for name in word.partition("=")[2].split(",")]
    files = [conf_dir() / "strategy" / f"{name}.yaml" for name in names]
    return {str(key) for file in files if file.is_file() for key in OmegaConf.load(file)}


def _explain_unresolved(full: str, message: str) -> str:
    """Name the word of the command by which a value refers to nothing."""
    removed = [word.lstrip("~") for word in sys.argv[1:] if word.startswith("~")]
    if removed:
        return f"{removed[0]}: is needed, and cannot be taken out"
    given = [word for word in sys.argv[1:] if re.search(r"=.*(\$\{|\?\?\?)", word)]
    return f"{given[0] if given else full}: {message}"
