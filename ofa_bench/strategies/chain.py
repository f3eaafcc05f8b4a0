"""Chained searches (Kumar & Szidon, arXiv 2012.06748, section 3): k targets cost n + (k - 1) sqrt(n) generations."""

from collections.abc import Sequence

import numpy as np

from ofa_bench.errors import InputError, suggestion
from ofa_bench.search import Evaluator, Evolution, Line, Problem, prune
from ofa_bench.spaces import Genes
from ofa_bench.strategies.base import Budget, LineStrategy

__all__ = ["Chain"]

ORDERS = ("ascending", "descending")


class Chain(LineStrategy):
    """Search the targets one after another, each from the winner of the one before.

    The first feasible target is searched from scratch for n generations. Each later one starts, for the warm budget,
    from random architectures and one ``seed`` made of the previous winner.

    Args:
        evolution: the search of one target.
        order: ``ascending`` (the paper's bottom-up) or ``descending`` (top-down).

    Raises:
        InputError: the order is unknown.
    """

    def __init__(self, evolution: Evolution, order: str) -> None:
        if order not in ORDERS:
            raise InputError(f"strategy.order={order}: must be {' or '.join(ORDERS)}{suggestion(str(order), ORDERS)}")
        self.evolution, self.order = evolution, order

    def lines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[Line]:
        """Give one line, the chain."""
        return [self._line(problem, targets, budget, rng)]

    def _line(self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator) -> Line:
        streams = rng.spawn(len(targets))
        chain = sorted(range(len(targets)), key=lambda i: targets[i], reverse=self.order == "descending")
        winner: Genes | None = None
        for i in chain:
            evaluator, generations, start = problem.evaluator(), budget.generations, None
            if winner is not None:
                generations = budget.warm_generations
                start = self.seed(evaluator, winner, targets[i], streams[i])[None]
            result = yield from self.evolution.steps(evaluator, targets[i], generations, streams[i], start)
            if result.feasible:
                winner = result.genes
            yield i, result

    def seed(self, evaluator: Evaluator, winner: Genes, target: float, rng: np.random.Generator) -> Genes:
        """Make the warm start's seed, int8 [n_genes]: the winner, pruned at random until it meets the target.

        Going up, the winner meets the next target as it is; going down, it has to be pruned.
        """
        return prune(evaluator, winner, target, rng)
