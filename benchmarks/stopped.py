"""Runs ``joint`` until it has found networks as good as given ones.

A search runs twice with the same seed. The first run makes all evaluations, and its curves show after how many the
means were as good. The second one is stopped there: its seconds are of the whole call to the engine, and its results
must be as good. So the clock runs neither while means are compared nor beyond the goal.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from anytime import mean_curve

from ofa_bench.engine import Cell, run_fleet
from ofa_bench.search import EvaluationRequest, Problem, SearchResult
from ofa_bench.strategies import Budget, Joint
from ofa_bench.strategies.shared import BudgetedEvaluator

__all__ = ["Goal", "Members", "Search", "StoppedJoint", "Until", "reached", "search", "search_until"]

Members = Sequence[tuple[Problem, Sequence[float]]]
"""The devices that are searched together, each with its targets."""

Goal = Sequence[tuple[slice, float]]
"""Of these results, member by member, the mean accuracy (fraction of 1) must be as high; for each pair."""

TOLERANCE = 1e-9
"""Of means that are summed in another order."""


class StoppedJoint(Joint):
    """``joint`` that stops after ``stop`` evaluations, where the search with all ``evaluations`` goes on.

    It stops when it asks for the next batch, so one batch more is drawn. ``batches`` are the evaluations after each
    batch, and the clock then.
    """

    def __init__(self, evaluations: int, stop: int | None = None) -> None:
        super().__init__(evaluations=evaluations)
        self.stop = evaluations if stop is None else stop
        self.batches: list[tuple[int, float]] = []

    def explore_all(self, search: Sequence[BudgetedEvaluator], rng: np.random.Generator) -> EvaluationRequest[None]:
        """Run the search until it has made enough evaluations."""
        request, counts, values = super().explore_all(search, rng), search[0].evaluator.counts, None
        with suppress(StopIteration):
            while True:
                try:
                    asked = request.send(values)  # type: ignore[arg-type]  # None begins
                finally:
                    self.batches.append((counts.evaluations, time.perf_counter()))
                if counts.evaluations >= self.stop:
                    return
                values = yield asked


@dataclass(frozen=True)
class Search:
    """A search: seconds of the whole call, results member by member, and (evaluations, seconds) after each batch."""

    seconds: float
    results: tuple[SearchResult, ...]
    batches: tuple[tuple[int, float], ...]

    @property
    def evaluations(self) -> int:
        """Evaluations of all targets together."""
        return sum(one.counts.evaluations for one in self.results)

    @property
    def accuracy(self) -> float:
        """Mean accuracy over all targets, in percent."""
        return 100 * float(np.mean([one.accuracy for one in self.results]))


def search(members: Members, evaluations: int, seed: int, stop: int | None = None) -> Search:
    """Search all targets of all members together, on one core."""
    strategy = StoppedJoint(evaluations, stop)
    cells = [Cell(one, strategy, tuple(targets), Budget(1, 1), seed, repeats=1, threads=1) for one, targets in members]
    began = time.perf_counter()
    (repeats,) = run_fleet(cells, lambda *_: None)
    seconds = time.perf_counter() - began
    results = tuple(one for repeat in repeats for one in repeat.results)
    return Search(seconds, results, tuple((made, clock - began) for made, clock in strategy.batches))


def reached(found: Search, goal: Goal) -> int | None:
    """Return the evaluations after which all means are as high; None if they never are."""
    most = 0
    for part, wanted in goal:
        evaluations, means = mean_curve(found.results[part])
        first = next((at for at, mean in zip(evaluations, means, strict=True) if mean >= wanted - TOLERANCE / 2), None)
        if first is None:
            return None
        most = max(most, first)
    return most


@dataclass(frozen=True)
class Until:
    """A search with all its evaluations, and the same one stopped at the goal; None if it never gets there."""

    whole: Search
    stopped: Search | None

    @property
    def numbers(self) -> dict[str, float | None]:
        """Seconds and evaluations to the goal, and seconds and mean accuracy (%) of the whole search."""
        seconds, evaluations = (self.stopped.seconds, self.stopped.evaluations) if self.stopped else (None, None)
        whole = {"whole seconds": self.whole.seconds, "whole accuracy": self.whole.accuracy}
        return {"seconds": seconds, "evaluations": evaluations, **whole}

    @property
    def curve(self) -> list[tuple[float, float]]:
        """Seconds and mean accuracy over all targets (a fraction of 1) of the whole search."""
        evaluations, means = mean_curve(self.whole.results)
        made, seconds = zip(*self.whole.batches, strict=True)
        return [(seconds[made.index(at)], mean) for at, mean in zip(evaluations, means, strict=True)]


def search_until(members: Members, evaluations: int, seed: int, goal: Goal) -> Until:
    """Search twice, as this module's docstring has it.

    Raises:
        RuntimeError: the search that was stopped is not the same one.
    """
    whole = search(members, evaluations, seed)
    stop = reached(whole, goal)
    if stop is None:
        return Until(whole, None)
    made = search(members, evaluations, seed, stop)
    means = [np.mean([one.accuracy for one in made.results[part]]) for part, _ in goal]
    if made.evaluations != stop or any(
        mean < wanted - TOLERANCE for mean, (_, wanted) in zip(means, goal, strict=True)
    ):
        raise RuntimeError(f"stopped after {made.evaluations} evaluations instead of {stop}, at means of {means}")
    return Until(whole, made)
