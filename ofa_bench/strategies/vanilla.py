"""OFA's own strategy (Cai et al., ICLR 2020): every target is searched from scratch; k targets cost k n generations."""

import inspect
import time
from collections.abc import Callable, Sequence

import numpy as np

from ofa_bench.search import Evaluator, Evolution, Problem, SearchCoroutine
from ofa_bench.spaces import Genes
from ofa_bench.strategies.base import MEASURES, Budget, CoroutineStrategy, Limit
from ofa_bench.strategies.shared import check_evolution, count_evaluations

__all__ = ["Vanilla"]


class Vanilla(CoroutineStrategy):
    """Search each target from random architectures, n generations each.

    Under a budget's limit of generations, these are spread evenly over the feasible targets, the first ones getting one
    more where they do not divide. Under any other limit the targets take turns, a request for accuracies each, until
    together they have reached it; a generation that has nothing new to ask for takes no turn.

    Raises:
        InputError: ``evolution`` is not a search of one target.
    """

    fork_safe = True

    def __init__(self, evolution: Evolution) -> None:
        check_evolution(evolution)
        self.evolution = evolution
        stops = "enough" in inspect.signature(evolution.steps).parameters  # a user's may not
        self.limits = tuple(MEASURES) if stops else ("generations",)

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int | None:
        """Return those of a search from scratch for each feasible target."""
        met = [n for n, target in zip(_shares(problem, targets, budget), targets, strict=True) if _met(problem, target)]
        return count_evaluations(self.evolution, met)

    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return one coroutine for each target, in their order; one for all under a limit other than generations."""
        streams = rng.spawn(len(targets))
        if budget.limit and budget.limit.measure != "generations":
            return [self._limited(problem, targets, budget, streams)]

        def coroutine(position: int, generations: int) -> SearchCoroutine:
            evaluator, target = problem.evaluator(), targets[position]
            result = yield from self.evolution.steps(evaluator, target, generations, streams[position])
            yield position, result

        return [coroutine(i, generations) for i, generations in enumerate(_shares(problem, targets, budget))]

    def _limited(
        self, problem: Problem, targets: Sequence[float], budget: Budget, streams: Sequence[np.random.Generator]
    ) -> SearchCoroutine:
        """Search all targets in turns, a request of each, until the limit is reached."""
        assert budget.limit is not None
        evaluators = [problem.evaluator() for _ in targets]
        enough = _reached(budget.limit, evaluators)
        searches = [
            self.evolution.steps(evaluator, target, budget.generations, stream, enough=enough)
            for evaluator, target, stream in zip(evaluators, targets, streams, strict=True)
        ]
        asked: dict[int, Genes | None] = dict.fromkeys(range(len(targets)))
        while asked:
            for i, request in [*asked.items()]:
                values = None if request is None else (yield request)
                try:
                    asked[i] = searches[i].send(values)
                except StopIteration as done:
                    del asked[i]
                    yield i, done.value


def _reached(limit: Limit, evaluators: Sequence[Evaluator]) -> Callable[[], bool]:
    """Return a function that returns whether searches have reached a limit of unique evaluations or seconds."""
    if limit.measure == "seconds":
        until = time.perf_counter() + limit.amount
        return lambda: time.perf_counter() >= until
    return lambda: sum(one.counts.unique_evaluations for one in evaluators) >= limit.amount


def _met(problem: Problem, target: float) -> bool:
    return target >= problem.cost.minimum


def _shares(problem: Problem, targets: Sequence[float], budget: Budget) -> list[int]:
    """Return the generations of each target; for an infeasible one the number does not matter."""
    if budget.limit is None or budget.limit.measure != "generations":
        return [budget.generations] * len(targets)
    feasible = [i for i, target in enumerate(targets) if _met(problem, target)]
    shares = [budget.generations] * len(targets)
    for rank, i in enumerate(feasible):
        shares[i] = (int(budget.limit.amount) + len(feasible) - 1 - rank) // len(feasible)
    return shares
