"""Random search, the baseline of neural architecture search (Li & Talwalkar, UAI 2019, arXiv 1902.07638)."""

import numpy as np

from ofa_bench.search import EvaluationRequest, valid_samples
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch

__all__ = ["RandomSearch"]


class RandomSearch(SharedSearch):
    """Draw equally many random architectures that meet each target; all count for every target that they meet.

    They are uniform over those that meet the target: uniform over the whole space, hardly one would meet a target near
    the minimum. Where that takes too long (``valid_samples``), random ones are pruned until they meet the target. A
    target's first ones are those that ``vanilla`` starts from, where targets are ascending, distinct and feasible.

    Args:
        population_size: how many are drawn for one target, then for the next.
        evaluations: for all targets together; None for ``budget.generations`` times ``population_size``.

    Raises:
        InputError: one of them is not a whole number of 1 or more.
    """

    fork_safe = True

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Draw for each target in turn until the budget is spent, at last with fewer draws."""
        streams = rng.spawn(len(budgeted.targets))
        while budgeted.left:
            size = min(self.population_size, max(1, budgeted.left // len(budgeted.targets)))
            for target, stream in zip(budgeted.targets[: budgeted.left], streams, strict=False):
                yield from budgeted.evaluate(valid_samples(budgeted.evaluator, target, size, stream))
