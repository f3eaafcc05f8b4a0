"""Composes the config of one cell outside the main command, from the same words."""

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from ofa_bench.command_line import add_choices, check_overrides
from ofa_bench.config import Config, conf_dir, register
from ofa_bench.errors import InputError
from ofa_bench.overrides import parsed
from ofa_bench.own_tables import with_own_tables

__all__ = ["compose_config"]


def compose_config(words: Sequence[str]) -> tuple[Config, dict[str, str]]:
    """Compose a config as ``python -m ofa_bench`` does.

    Args:
        words: overrides; none of them a sweep.

    Returns:
        The typed config, and the name of the option chosen of each group.

    Raises:
        InputError: a word is not allowed.
    """
    register()
    known = add_choices(with_own_tables(words))
    check_overrides(known)
    for word in known:
        if parsed(word).is_sweep_override():
            raise InputError(f"{word}: one at a time here")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", known, return_hydra_config=True)
    names = {str(key): str(value) for key, value in config.hydra.runtime.choices.items()}
    with open_dict(config):
        del config["hydra"]
    typed = OmegaConf.to_object(config)
    assert isinstance(typed, Config)
    return typed, names
