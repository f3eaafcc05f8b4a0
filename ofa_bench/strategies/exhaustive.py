"""Finds the exact optimum of every target in a space that is small enough to evaluate all of it."""

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.search import EvaluationRequest, Problem
from ofa_bench.spaces.enumeration import architectures, number_of_architectures
from ofa_bench.strategies.base import Budget
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_whole

__all__ = ["Exhaustive"]

BLOCK = 4096
"""Number of architectures that are evaluated together."""


class Exhaustive(SharedSearch):
    """Evaluate every architecture that meets the largest target; the budget of the cell does not matter.

    Args:
        most: the maximum number of architectures of a space.

    Raises:
        InputError: ``most`` is not a whole number of 1 or more; when it searches: the space has more.
    """

    fork_safe = True

    def __init__(self, most: int = 1_000_000) -> None:
        super().__init__()
        check_whole("most", most)
        self.most = most

    limits = ()

    def limit(self, problem: Problem, budget: Budget) -> int:  # noqa: ARG002
        """Return the number of architectures, plus one for the cheapest, which is evaluated first."""
        space, size = problem.space, number_of_architectures(problem.space)
        if size > self.most:
            number = f"{size:,}" if size < 1e9 else f"{size:.3g}"
            raise InputError(
                f"strategy=exhaustive: {space.name} has {number} architectures, more than strategy.most={self.most}; "
                "space.choices holds a space to a part of it, and space=compofa has 1,215"
            )
        return size + 1

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:  # noqa: ARG002
        """Evaluate all architectures, a block at a time."""
        for block in architectures(budgeted.problem.space, BLOCK):
            budgeted.evaluator.counts.proposals += len(block)
            meets = budgeted.evaluator.cost(block) <= budgeted.targets[-1]
            meeting = block[meets & (block != budgeted.archive.genes[0]).any(axis=1)]  # the cheapest is there already
            if len(meeting):
                yield from budgeted.evaluate(meeting)
