"""Builds the objects that config groups describe by their ``_target_``, with messages for all errors."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from ofa_bench.config.importing import at_user_line, import_target
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.kinds import adopt
from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError, no_such_option
from ofa_bench.experiment.options import PARTS, options_of_group
from ofa_bench.experiment.user_files import YAML, read_space
from ofa_bench.predictors import AccuracyPredictor, SimulatedMeasurement
from ofa_bench.spaces import DesignSpace, hold, split_choices

__all__ = ["build_object", "build_predictor", "build_space", "load_space"]

Besides = Mapping[str, Sequence[str]]
"""Keys that a group may have besides the parameters of its constructor, by the full name of the group."""


def build_object(key: str, node: Any, *, besides: Besides | None = None, **given: Any) -> Any:
    """Build the object that a config group describes, after a check of the names of its parameters.

    Args:
        key: the config group.
        node: its content.
        besides: keys of groups inside it that are used elsewhere; messages about misspelt keys list them.
        given: parameters that are not in the config.

    Raises:
        InputError: the object cannot be imported or built, or takes no such parameter; the message names the key.
    """
    _check_maker(key, node, given, besides or {})
    try:
        return instantiate(node, _partial_=True, _convert_="all")(**given)
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            inside = re.search(r"full_key: (\S+)", str(error))
            part = f"{key}.{inside[1]}" if inside else key
            if part not in PARTS:
                raise error.__cause__ from error
            raise InputError(re.sub(rf"^{key}\.", f"{part}.", str(error.__cause__))) from error
        raise InputError(f"{key}: {' '.join(str(error.__cause__ or error).split())}{at_user_line(error)}") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        missing = re.search(r"missing .* arguments?: '(\w+)'", str(error))
        message = f"{key}.{missing[1]}: must be given" if missing else f"{key}: {error}"
        raise InputError(f"{message}{at_user_line(error)}") from error


def build_space(node: Any) -> Any:
    """Build the design space that a config group describes, or the part of it that its key ``choices`` allows.

    A user's space whose constructor has a parameter ``choices`` gets them instead.

    Raises:
        InputError: as ``build_object``, or the space has no such choice.
    """
    plain, choices = split_choices(node)
    if choices is not None and "_target_" in node and "choices" in _parameters("space", node["_target_"]):
        return build_object("space", node)
    space = build_object("space", plain, besides={"space": ["choices"]})
    return hold(space, choices) if choices is not None and isinstance(space, DesignSpace) else space


def build_predictor(node: Any, space: DesignSpace) -> Any:
    """Build the predictor that a config group describes; with its key ``noise``, measurements of it are simulated.

    A user's predictor whose constructor has a parameter ``noise`` gets it instead.

    Raises:
        InputError: as ``build_object``, or the noise is not a number of 0 or more.
    """
    noise = node.get("noise") if isinstance(node, dict) else None
    if noise is not None and "_target_" in node and "noise" in _parameters("predictor", node["_target_"]):
        return build_object("predictor", node, space=space)
    plain = {key: value for key, value in node.items() if key != "noise"} if isinstance(node, dict) else node
    predictor = build_object("predictor", plain, besides={"predictor": ["noise"]}, space=space)
    if noise is None or not isinstance(adopt(predictor, AccuracyPredictor), AccuracyPredictor):
        return predictor
    return SimulatedMeasurement(space, predictor, noise)


def _check_maker(key: str, node: Any, given: Mapping[str, Any], besides: Besides) -> None:
    """Check the ``_target_`` of a node and of those inside it, and that their constructors take what is configured."""
    if not isinstance(node, dict) or "_target_" not in node:
        raise InputError(f"{key}: choose an option of the group ({key}=<option>); it has no _target_")
    parameters = _parameters(key, node["_target_"])
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in map(str, node):
            if name not in parameters and not name.startswith("_"):
                allowed = [parameter for parameter in parameters if parameter not in given] + [*besides.get(key, ())]
                raise InputError(
                    f"{key}.{name}: no such key; allowed: {', '.join(allowed) or 'none'}"
                    f"{suggest_key(f'{key}.{name}', allowed, given=f'{name}={node[name]}')}"
                )
    for name, value in node.items():
        inner = vars(value) if is_dataclass(value) else value
        if isinstance(inner, dict) and "_target_" in inner:
            _check_maker(f"{key}.{name}", inner, {}, besides)


def _parameters(key: str, target: Any) -> Mapping[str, inspect.Parameter]:
    """Import a class or function and return its parameters."""
    try:
        maker: Callable[..., Any] = import_target(str(target))
    except Exception as error:
        kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
        raise InputError(f"{key}._target_={target}: cannot be imported ({kind}{error}){at_user_line(error)}") from error
    if not callable(maker):
        raise InputError(f"{key}._target_={target}: must be a class or a function")
    try:
        return inspect.signature(maker).parameters
    except ValueError as error:  # of some built-in types
        raise InputError(f"{key}._target_={target}: must be a class or a function with named parameters") from error


def load_space(name: str) -> DesignSpace:
    """Build the design space that an option of the group ``space``, or a YAML file like that of one, describes.

    Raises:
        InputError: there is no such option or file, or it describes no design space.
    """
    path = Path(name)
    if path.suffix not in YAML or not path.is_file():
        options = options_of_group("space", registered=False)
        if name not in options:
            raise no_such_option("space", name, options)
        path = conf_dir() / "space" / f"{name}.yaml"
    node = read_space(path)
    node.pop("defaults", None)  # the space's default device, for Hydra
    space = build_space(node)
    if not isinstance(space, DesignSpace):
        raise InputError(f"space={name}: gives {type(space).__name__}; must be a DesignSpace")
    return space
