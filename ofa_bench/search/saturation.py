"""Finds default targets, from near the fastest architecture to the cost where accuracy saturates."""

import numpy as np

from ofa_bench.search.evolution import Evolution
from ofa_bench.search.problem import Problem

__all__ = ["default_targets"]

COSTS = 40
"""Number of costs, log-uniform over the space's range, at which the best accuracy is searched."""

SHORT_OF_BEST = 0.0025
"""Accuracy is saturated where it is at most this far (a fraction of 1) below the best found at any cost."""


def default_targets(problem: Problem, rng: np.random.Generator, count: int = 10) -> tuple[float, ...]:
    """Return ``count`` targets, evenly spread between the minimum cost and the cost where accuracy saturates.

    The last target is the smallest cost at which searches find an accuracy within ``SHORT_OF_BEST`` of the best at any
    cost; the first lies one ``count``-th of the way from the minimum to it. In the cost model's unit, 3 digits.
    """
    low, high = problem.cost.minimum, problem.cost.maximum
    evolution = Evolution(population_size=500)
    costs = np.geomspace(low, high, COSTS + 1)[1:]
    found = [evolution.search(problem.evaluator(), float(cost), 150, rng).accuracy or 0.0 for cost in costs]
    best_up_to = np.maximum.accumulate(found)
    last = costs[int(np.argmax(best_up_to >= best_up_to[-1] - SHORT_OF_BEST))]
    return tuple(float(f"{low + (last - low) * i / count:.3g}") for i in range(1, count + 1))
