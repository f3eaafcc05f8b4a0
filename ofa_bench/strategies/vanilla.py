"""OFA's own strategy (Cai et al., ICLR 2020): every target is searched from scratch; k targets cost k n generations."""

from collections.abc import Sequence

import numpy as np

from ofa_bench.search import Evolution, Problem, SearchCoroutine
from ofa_bench.strategies.base import Budget, CoroutineStrategy
from ofa_bench.strategies.shared import check_evolution, count_evaluations

__all__ = ["Vanilla"]


class Vanilla(CoroutineStrategy):
    """Search each target from random architectures, n generations each.

    Raises:
        InputError: ``evolution`` is not a search of one target.
    """

    fork_safe = True

    def __init__(self, evolution: Evolution) -> None:
        check_evolution(evolution)
        self.evolution = evolution

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int | None:
        """Return those of a search from scratch for each feasible target."""
        met = sum(target >= problem.cost.minimum for target in targets)
        return count_evaluations(self.evolution, met * [budget.generations])

    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return one coroutine for each target, in their order."""

        def coroutine(position: int, target: float, stream: np.random.Generator) -> SearchCoroutine:
            result = yield from self.evolution.steps(problem.evaluator(), target, budget.generations, stream)
            yield position, result

        streams = rng.spawn(len(targets))
        return [coroutine(i, target, stream) for i, (target, stream) in enumerate(zip(targets, streams, strict=True))]
