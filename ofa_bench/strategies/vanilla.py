"""OFA's own way: every target is searched from scratch (Cai et al., ICLR 2020): k targets cost k n generations."""

from collections.abc import Iterator, Sequence

import numpy as np

from ofa_bench.search import Evolution, Problem, SearchResult
from ofa_bench.strategies.base import Budget, Strategy

__all__ = ["Vanilla"]


class Vanilla(Strategy):
    """Search each target from random architectures, n generations each."""

    def __init__(self, evolution: Evolution) -> None:
        self.evolution = evolution

    def search(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Iterator[tuple[int, SearchResult]]:
        """Yield the results in the order of the targets."""
        for i, (target, stream) in enumerate(zip(targets, rng.spawn(len(targets)), strict=True)):
            yield i, self.evolution.search(problem.evaluator(), target, budget.generations, stream)
