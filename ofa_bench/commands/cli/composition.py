"""Composes the config of one cell for the commands that search nothing, from the same words as a search."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ofa_bench.commands.cli.overrides import check_override
from ofa_bench.commands.cli.user_files import name_user_files
from ofa_bench.config.schema import Config

if TYPE_CHECKING:
    from ofa_bench.search import Problem

__all__ = ["PROBLEM_GROUPS", "compose_config", "compose_problem", "is_of_problem"]

PROBLEM_GROUPS = ("space", "device", "predictor")
"""Groups of the config that say what an architecture is worth and what it costs."""


def compose_config(words: Sequence[str]) -> tuple[Config, dict[str, str]]:
    """Compose a config as ``ofa_bench run`` does.

    Args:
        words: overrides; none of them a sweep.

    Returns:
        The typed config, and the name of the option chosen of each group.

    Raises:
        InputError: a word is not allowed.
    """
    from ofa_bench.experiment.composition import Composed, compose_overrides

    known = [check_override(word, one="one at a time here") for word in name_user_files(words)]
    composed = Composed.of(compose_overrides(known))
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
    from ofa_bench.experiment.build import build_problem

    config, names = compose_config([*words, "tracking=none"])
    return build_problem(config), config, names
