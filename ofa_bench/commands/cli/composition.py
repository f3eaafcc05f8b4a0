"""Composes the config of one cell from the words of a command other than ``run``."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.command_line import add_choices, check_overrides
from ofa_bench.commands.cli.overrides import parsed
from ofa_bench.commands.cli.user_files import with_own_tables
from ofa_bench.config.schema import Config
from ofa_bench.errors import InputError

if TYPE_CHECKING:
    from ofa_bench.search import Problem

__all__ = ["PROBLEM_GROUPS", "compose_config", "compose_problem", "is_of_problem"]

PROBLEM_GROUPS = ("space", "device", "predictor")
"""Groups of ``ofa_bench run`` that say what an architecture is worth and what it costs."""


def compose_config(words: Sequence[str]) -> tuple[Config, dict[str, str]]:
    """Compose a config as ``ofa_bench run`` does.

    Args:
        words: overrides; none of them a sweep.

    Returns:
        The typed config, and the name of the option chosen of each group.

    Raises:
        InputError: a word is not allowed.
    """
    from ofa_bench.experiment.composition import compose_cell

    composed = compose_cell(_check(words))
    return composed.typed, composed.choices


def is_of_problem(word: str) -> bool:
    """Return whether a word chooses or sets something of ``PROBLEM_GROUPS``."""
    return re.split(r"[.@=]", word.lstrip("+~"))[0] in PROBLEM_GROUPS


def compose_problem(words: Sequence[str]) -> "tuple[Problem, Config, dict[str, str]]":
    """Build the problem that words for ``space``, ``device`` and ``predictor`` describe, for no search.

    Returns:
        The problem, the config, and the name of the option chosen of each group.

    Raises:
        InputError: a word is not allowed, or the problem cannot be built.
    """
    from ofa_bench.experiment.composition import compose_problem

    return compose_problem(_check(words))


def _check(words: Sequence[str]) -> list[str]:
    """Return the words as overrides of Hydra; raise InputError where one is not allowed."""
    known = add_choices(with_own_tables(words))
    check_overrides(known)
    for word in known:
        if parsed(word).is_sweep_override():
            raise InputError(f"{word}: one at a time here")
    return known
