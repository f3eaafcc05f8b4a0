"""Times searches through the engine, as ``python -m ofa_bench`` runs them. Only this file knows what a cell takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ofa_bench.engine import Cell, run_repeats
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import embedded_predictor, latency_table, official_predictor
from ofa_bench.search import Problem, SearchResult
from ofa_bench.strategies import Budget, Strategy

__all__ = ["Timed", "compiled", "make_problem", "time_cell"]


@dataclass(frozen=True)
class Timed:
    """One run of all targets.

    ``seconds`` are those of the whole call to the engine, ``recorded`` those that a record would show.
    """

    seconds: float
    recorded: float
    results: tuple[SearchResult, ...]

    def total(self, count: str) -> int:
        """Sum one of the counts over the targets."""
        return sum(getattr(result.counts, count) for result in self.results)

    @property
    def generations(self) -> int:
        """Generations over all targets."""
        return sum(result.generations for result in self.results)

    @property
    def accuracy(self) -> float:
        """Mean accuracy found, in percent; a target that nothing meets counts as 0."""
        return 100 * sum(result.accuracy or 0.0 for result in self.results) / len(self.results)


def make_problem(space: str, device: str, *, official: bool) -> Problem:
    """Build a problem from the names of its space and device."""
    built = load_space(space)
    predictor = official_predictor if official else embedded_predictor
    return Problem(built, predictor(built), latency_table(built, device))


def compiled() -> bool:
    """Return whether the search's compiled loops can be had here; else NumPy's run."""
    return make_problem("mbv3", "note10", official=False).kernels is not None


def time_cell(
    problem: Problem,
    strategy: Strategy,
    targets: Sequence[float],
    budget: Budget,
    seed: int,
    *,
    lockstep: bool,
    threads: int,
) -> Timed:
    """Search all targets once; with ``lockstep``, searches that do not depend on each other advance together."""
    cell = Cell(problem, strategy, tuple(targets), budget, seed, repeats=1, threads=threads, lockstep=lockstep)
    began = time.perf_counter()
    (repeat,) = run_repeats(cell, lambda *_: None)
    return Timed(time.perf_counter() - began, repeat.seconds, repeat.results)
