"""Builds what a config group describes by its ``_target_``; whatever is wrong with it is said in words."""

import inspect
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from ofa_bench.errors import InputError, suggestion

__all__ = ["built"]


def built(key: str, node: Any, **given: Any) -> Any:
    """Build the object that a config group describes; parameters are checked against the constructors'.

    Raises:
        InputError: the object cannot be imported or built, or takes no such parameter; the message names the key.
    """
    _check_maker(key, node, given)
    try:
        return instantiate(node, _partial_=True, _convert_="all")(**given)
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from error
        raise InputError(f"{key}: {' '.join(str(error.__cause__ or error).split())}") from error
    except TypeError as error:
        raise InputError(f"{key}: {error}") from error


def _check_maker(key: str, node: Any, given: Mapping[str, Any]) -> None:
    """Check the ``_target_`` of a node and of those inside it, and that their constructors take what is configured."""
    if not isinstance(node, dict) or "_target_" not in node:
        raise InputError(f"{key}: choose an option of the group ({key}=<option>); it has no _target_")
    try:
        maker = resolve_name(str(node["_target_"]))
    except Exception as error:
        raise InputError(f"{key}._target_={node['_target_']}: cannot be imported ({error})") from error
    if not callable(maker):
        raise InputError(f"{key}._target_={node['_target_']}: must be a class or a function")
    parameters = inspect.signature(maker).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in map(str, node):
            if name not in parameters and not name.startswith("_"):
                allowed = [parameter for parameter in parameters if parameter not in given]
                raise InputError(
                    f"{key}.{name}: no such key; allowed: {', '.join(allowed) or 'none'}{suggestion(name, allowed)}"
                )
    for name, inner in node.items():
        if isinstance(inner, dict) and "_target_" in inner:
            _check_maker(f"{key}.{name}", inner, {})
