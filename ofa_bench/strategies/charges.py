"""The parameter ``gradient_cost`` of strategies that use the predictor's gradient."""

import math

from ofa_bench.errors import InputError
from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.search import Problem

__all__ = ["MEASURED", "charge_of", "check_gradient_cost", "check_number"]

MEASURED = "measured"
"""The value of ``gradient_cost`` for what a gradient of the predictor was measured to cost."""


def charge_of(cost: float | str, problem: Problem) -> float:
    """Return the evaluations that a gradient takes from the budget, by a strategy's ``gradient_cost``.

    Nothing was measured of simulated measurements: they have no gradient.
    """
    if isinstance(cost, str):
        return 0.0 if problem.predictor.truth else gradient_cost(problem.space.name, problem.predictor.sha256)
    return cost


def check_gradient_cost(value: float | str) -> None:
    """Raise InputError if a strategy's ``gradient_cost`` is neither a number of 0 or more nor ``measured``."""
    if value != MEASURED:
        check_number("gradient_cost", value, f", or {MEASURED}")


def check_number(key: str, value: float | str, others: str = "") -> None:
    """Raise InputError if a strategy's parameter is not a finite number of 0 or more; ``others`` are allowed too."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"strategy.{key}={value}: must be a number of 0 or more{others}")
