"""Composes the config of one cell from overrides, for the commands besides ``run``."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.overrides import check_override
from ofa_bench.config.schema import PROBLEM_GROUPS, Config
from ofa_bench.experiment.options import choose_parts
from ofa_bench.experiment.user_files import name_user_files

if TYPE_CHECKING:
    from ofa_bench.search import Problem

__all__ = ["compose_config", "compose_problem", "is_of_problem"]


def compose_config(overrides: Sequence[str]) -> tuple[Config, dict[str, str]]:
    """Compose a config as ``ofa_bench run`` does.

    Args:
        overrides: without a sweep.

    Returns:
        The typed config, and the name of the option chosen of each group.

    Raises:
        InputError: an override is not allowed.
    """
    from ofa_bench.experiment.composition import Composed, compose_overrides

    elsewhere = any(word.startswith("hydra.searchpath=") for word in overrides)
    folders = None if elsewhere else ()
    known = [
        check_override(word, folders, one="one at a time here") for word in name_user_files(choose_parts(overrides))
    ]
    composed = Composed.of(compose_overrides(known))
    return composed.typed, composed.choices


def is_of_problem(word: str) -> bool:
    """Return whether an argument is an override of ``PROBLEM_GROUPS``."""
    return re.split(r"[.@=]", word.lstrip("+~"))[0] in PROBLEM_GROUPS


def compose_problem(overrides: Sequence[str]) -> "tuple[Problem, Config, dict[str, str]]":
    """Build the problem that overrides of ``space``, ``device`` and ``predictor`` describe.

    Returns:
        The problem, the config, and the name of the option chosen of each group.

    Raises:
        InputError: an override is not allowed, or the problem cannot be built.
    """
    from ofa_bench.experiment.build import build_problem

    config, names = compose_config([*overrides, "tracking=none"])
    return build_problem(config), config, names
