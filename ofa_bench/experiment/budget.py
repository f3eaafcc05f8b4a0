"""Resolves the budget of a cell: generations of searches from scratch and of warm-started ones."""

import math
from collections.abc import Callable, Mapping

from ofa_bench.config.limits import check_range
from ofa_bench.config.schema import BudgetConfig
from ofa_bench.errors import InputError, suggestion

__all__ = ["WARM_GENERATIONS", "resolve_budget"]

WARM_GENERATIONS: Mapping[str, Callable[[int], float]] = {
    "sqrt": math.sqrt,
    "log": math.log,
    "tenth": lambda n: n / 10,
    "full": float,
}
"""Named budgets of a warm-started search, by the generations of one from scratch; rounded up, at least 1."""


def resolve_budget(config: BudgetConfig) -> tuple[int, int | tuple[int, ...]]:
    """Return the generations from scratch and warm-started; the latter may be a named function of the former.

    Raises:
        InputError: one of them is not a whole number of 1 or more.
    """
    n, warm = config.generations, config.warm_generations
    check_range("budget.generations", n, 1)
    if isinstance(warm, str) and warm in WARM_GENERATIONS:
        return n, max(1, math.ceil(WARM_GENERATIONS[warm](n)))
    schedule = warm if isinstance(warm, list) and warm else [warm]
    if any(isinstance(one, bool) or not isinstance(one, int) or one < 1 for one in schedule):
        raise InputError(
            f"budget.warm_generations={warm}: must be sqrt, or a whole number of 1 or more, or a list of these, one a "
            f"search, or log, tenth or full{suggestion(str(warm), WARM_GENERATIONS)}"
        )
    return n, tuple(schedule) if isinstance(warm, list) else warm
