"""Composes the config of one cell from overrides, without Hydra's main function."""

from collections.abc import Sequence
from dataclasses import dataclass

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from ofa_bench.config.hydra_private import read_value
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.registration import register
from ofa_bench.config.schema import GROUPS, Config, conf_dir
from ofa_bench.errors import InputError, no_such_option
from ofa_bench.experiment.build import build_problem
from ofa_bench.experiment.options import options_of_group
from ofa_bench.experiment.user_files import NODES, UserFiles
from ofa_bench.search import Problem

__all__ = ["Composed", "compose_cell", "compose_overrides", "compose_problem"]


@dataclass(frozen=True)
class Composed:
    """A composed config, the name of the chosen option of each group, and the overrides."""

    config: DictConfig
    choices: dict[str, str]
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, config: DictConfig) -> "Composed":
        """Return a composed config without Hydra's own part."""
        names = {str(key): str(value) for key, value in config.hydra.runtime.choices.items()}
        task = tuple(map(str, config.hydra.overrides.task))
        with open_dict(config):
            del config["hydra"]
        return cls(config, names, task)

    @property
    def typed(self) -> Config:
        """The config as an object of the schema."""
        typed = OmegaConf.to_object(self.config)
        assert isinstance(typed, Config)
        return typed


def compose_cell(overrides: Sequence[str]) -> Composed:
    """Compose a config as ``ofa_bench run`` does; a device or a predictor may be a path.

    Raises:
        InputError: there is no such option or key, or a value is of another type.
    """
    elsewhere = any(text.startswith("hydra.searchpath=") for text in overrides)
    known = list(overrides) if elsewhere else [_with_option(text) for text in overrides]
    try:
        return Composed.of(compose_overrides(known))
    except (HydraException, OmegaConfBaseException) as error:
        raise _explain(error) from error


def compose_overrides(overrides: Sequence[str]) -> DictConfig:
    """Return the config, with Hydra's own part, that Hydra composes from overrides without a sweep.

    Raises:
        HydraException: one is not allowed.
        OmegaConfBaseException: a value is not allowed.
    """
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def _with_option(override: str) -> str:
    """Return an override with an option's name in place of a path; raise InputError if there is no such option."""
    group, _, text = override.partition("=")
    if group not in GROUPS:
        return override
    named = str(read_value(text))
    if group in NODES:
        file = UserFiles(group, set(options_of_group(group, registered=False))).option(named)
        if file is not None:
            return f"{group}={file}"
    options = options_of_group(group)
    if named not in options:
        raise no_such_option(group, named, options)
    return override


def _explain(error: Exception) -> InputError:
    """Return an error of Hydra or OmegaConf as one line that begins with the key."""
    cause = error if isinstance(error, OmegaConfBaseException) or error.__cause__ is None else error.__cause__
    key = str(getattr(cause, "full_key", "") or "")
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and key:
        parent = getattr(cause, "parent_node", None)
        allowed = [str(name) for name in parent] if isinstance(parent, DictConfig) else []
        allowed = [name for name in allowed if not name.startswith("_")]
        return InputError(f"{key}: no such key; allowed: {', '.join(allowed)}{suggest_key(key, allowed)}")
    return InputError(f"{key}: {str(cause).splitlines()[0]}".removeprefix(": "))


def compose_problem(overrides: Sequence[str]) -> tuple[Problem, Config, dict[str, str]]:
    """Build the problem that overrides of ``space``, ``device`` and ``predictor`` describe.

    Returns:
        The problem, the config, and the name of the option chosen of each group.

    Raises:
        InputError: an override is not allowed, or the problem cannot be built.
    """
    composed = compose_cell([*overrides, "tracking=none"])
    config = composed.typed
    return build_problem(config), config, composed.choices
