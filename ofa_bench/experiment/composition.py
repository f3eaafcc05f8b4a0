"""Composes the config of one cell from overrides, without Hydra's main function."""

from collections.abc import Sequence
from dataclasses import dataclass

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from ofa_bench.config.config_errors import explain_config_error, explain_hydra_error
from ofa_bench.config.hydra_private import read_value
from ofa_bench.config.registration import register
from ofa_bench.config.schema import GROUPS, Config, conf_dir, to_config
from ofa_bench.errors import InputError, no_such_option
from ofa_bench.experiment.options import PARTS, choose_parts, options_of_group
from ofa_bench.experiment.user_files import name_user_files

__all__ = ["Composed", "compose_cell", "compose_overrides"]


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
        return to_config(self.config)


def compose_cell(overrides: Sequence[str]) -> Composed:
    """Compose a config as ``ofa_bench run`` does; a device or a predictor may be a path.

    Raises:
        InputError: there is no such option or key, or a value is of another type.
    """
    elsewhere = any(text.startswith("hydra.searchpath=") for text in overrides)
    known = choose_parts(overrides)
    if not elsewhere:
        known = [_check_option(text) for text in name_user_files(known)]
    try:
        return Composed.of(compose_overrides(known))
    except (HydraException, OmegaConfBaseException) as error:
        cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
        if isinstance(cause, OmegaConfBaseException):
            raise InputError(explain_config_error(cause, overrides)) from error
        raise InputError(explain_hydra_error(error).splitlines()[0]) from error


def compose_overrides(overrides: Sequence[str]) -> DictConfig:
    """Return the config, with Hydra's own part, that Hydra composes from overrides without a sweep.

    Raises:
        HydraException: one is not allowed.
        OmegaConfBaseException: a value is not allowed.
    """
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def _check_option(override: str) -> str:
    """Return an override; raise InputError if it chooses an option that its group does not have."""
    group, _, text = override.partition("=")
    key = group.partition("@")[2] or group
    if key not in (*GROUPS, *PARTS):
        return override
    named = str(read_value(text))
    options = options_of_group(PARTS.get(key, key))
    if named not in options:
        raise no_such_option(key, named, options)
    return override
