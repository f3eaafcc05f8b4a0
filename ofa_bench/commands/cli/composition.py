"""Composes the config of one cell outside the main command, from the same words."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict

from ofa_bench.commands.cli.command_line import add_choices, check_overrides
from ofa_bench.commands.cli.overrides import parsed
from ofa_bench.commands.cli.user_files import with_own_tables
from ofa_bench.config.registration import register
from ofa_bench.config.schema import Config, TargetsConfig, conf_dir
from ofa_bench.errors import InputError

if TYPE_CHECKING:
    from ofa_bench.search import Problem

__all__ = ["PROBLEM_GROUPS", "compose_config", "compose_problem", "is_of_problem"]

PROBLEM_GROUPS = ("space", "device", "predictor")
"""Groups of ``python -m ofa_bench`` that say what an architecture is worth and what it costs."""


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


def is_of_problem(word: str) -> bool:
    """Return whether a word chooses or sets something of ``PROBLEM_GROUPS``."""
    return re.split(r"[.@=]", word.lstrip("+~"))[0] in PROBLEM_GROUPS


def compose_problem(words: Sequence[str]) -> "tuple[Problem, Config, dict[str, str]]":
    """Build the problem that overrides of ``space``, ``device`` and ``predictor`` describe, for no search.

    Returns:
        The problem, the config, and the name of the option chosen of each group.

    Raises:
        InputError: a word is not allowed, or the problem cannot be built.
    """
    from ofa_bench.experiment.build import build

    config, names = compose_config([*words, "tracking=none"])
    config.targets = TargetsConfig(quantiles=[0.5])
    return build(config).problem, config, names
