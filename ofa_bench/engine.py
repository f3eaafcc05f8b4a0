"""Runs a cell: searches, and keeps the clock and the counts."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.config.importing import name_and_line
from ofa_bench.search import Found, LockstepRunner, Problem, SearchCoroutine, SearchResult
from ofa_bench.strategies import Budget, CoroutineStrategy, Strategy, is_fork_safe

__all__ = ["Cell", "Repeat", "has_coroutines", "run_repeats", "stream"]


WORTH_FORKING = 2000
"""Generations, over all lines of a cell, below which processes cost more time (0.02 to 0.1 s) than they save."""


@dataclass(frozen=True)
class Cell:
    """All that one cell of a sweep needs: nothing in it knows of files, Hydra or MLflow.

    With ``lockstep``, independent searches (a strategy's and those of all repeats) advance together on ``threads``
    cores; else, and for a strategy that has no ``lines``, they run one after another.
    """

    problem: Problem
    strategy: Strategy
    targets: tuple[float, ...]
    budget: Budget
    seed: int
    repeats: int
    threads: int
    lockstep: bool = True

    @property
    def together(self) -> bool:
        """Whether searches do advance together."""
        return self.lockstep and has_coroutines(self.strategy)


@dataclass(frozen=True)
class Repeat:
    """One run of a cell: a result and its seconds of search for each target, in the order given; the sum of seconds.

    Searches that advance together share the time they take, and so do targets that one search serves.
    """

    results: tuple[SearchResult, ...]
    target_seconds: tuple[float, ...]
    seconds: float


def has_coroutines(strategy: Strategy) -> bool:
    """Return whether a strategy's searches are its lines: not where a sub-class overrides ``search``."""
    return isinstance(strategy, CoroutineStrategy) and type(strategy).search is CoroutineStrategy.search


def stream(cell: Cell, repeat: int) -> np.random.Generator:
    """Derive the random stream of one repeat from (seed, space, targets, repeat): not from the strategy."""
    names = json.dumps([cell.seed, cell.problem.space.name, list(cell.targets), repeat])
    digest = hashlib.sha256(names.encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def run_repeats(cell: Cell, report: Callable[[int, SearchResult], None]) -> Iterator[Repeat]:
    """Run all repeats; ``report`` is called with the repeat and each result.

    That is outside the timed part; where searches run in processes of their own, it is beside them.

    Raises:
        RuntimeError: the strategy left a target out, gave one twice, or found what is not valid.
    """
    _ready(cell)
    if cell.together:
        yield from _run_together(cell, report)
        return
    with threadpool_limits(cell.threads):
        for repeat in range(cell.repeats):
            yield _run_alone(cell, repeat, report)


def _ready(cell: Cell) -> None:
    """Make what is otherwise made at first use: compiled loops, and the test of whether predictions are row-wise."""
    cell.problem.kernels  # noqa: B018
    if cell.together:
        cell.problem.predictor.row_wise  # noqa: B018


def _run_together(cell: Cell, report: Callable[[int, SearchResult], None]) -> Iterator[Repeat]:
    """Advance the lines of all repeats together."""
    assert isinstance(cell.strategy, CoroutineStrategy)
    began, coroutines, origin = time.perf_counter(), list[SearchCoroutine](), list[int]()
    for repeat in range(cell.repeats):
        streams = stream(cell, repeat)
        coroutines += cell.strategy.coroutines(cell.problem, cell.targets, cell.budget, streams)
        origin += [repeat] * (len(coroutines) - len(origin))
    before = time.perf_counter() - began
    found: list[dict[int, tuple[SearchResult, float]]] = [{} for _ in range(cell.repeats)]
    fork = is_fork_safe(cell.strategy) and len(coroutines) * cell.budget.generations >= WORTH_FORKING
    together = LockstepRunner(cell.problem, coroutines, cell.threads, fork=fork)
    for coroutine, item, seconds in together:
        repeat = origin[coroutine]
        position, result = _checked(cell, item, found[repeat])
        found[repeat][position] = (result, seconds)
        report(repeat, result)
    shares = sum(seconds for results in found for _, seconds in results.values())
    for results in found:
        yield _repeat(cell, results, (before + together.seconds) / shares if shares else 1.0)


def _repeat(cell: Cell, found: Mapping[int, tuple[SearchResult, float]], scale: float = 1.0) -> Repeat:
    if len(found) != len(cell.targets):
        raise RuntimeError(f"{_named(cell)} gave {len(found)} results for {len(cell.targets)} targets")
    results, seconds = zip(*(found[i] for i in range(len(cell.targets))), strict=True)
    several = [spent for result, spent in zip(results, seconds, strict=True) if result.shared > 1]
    scaled = tuple(
        scale * (sum(several) / len(several) if result.shared > 1 else spent)
        for result, spent in zip(results, seconds, strict=True)
    )
    return Repeat(tuple(results), scaled, sum(scaled))


def _run_alone(cell: Cell, repeat: int, report: Callable[[int, SearchResult], None]) -> Repeat:
    """Run a strategy once over all targets and time each result."""
    found: dict[int, tuple[SearchResult, float]] = {}
    total = 0.0
    began = time.perf_counter()
    given = cell.strategy.search(cell.problem, cell.targets, cell.budget, stream(cell, repeat))
    if not isinstance(given, Iterable):
        raise RuntimeError(f"{_named(cell)} gave {type(given).__name__}; search must yield (position, SearchResult)")
    results = iter(given)
    while True:
        item = next(results, None)
        seconds = time.perf_counter() - began
        total += seconds
        if item is None:
            break
        position, result = _checked(cell, item, found)
        found[position] = (result, seconds)
        report(repeat, result)
        began = time.perf_counter()
    return dataclasses.replace(_repeat(cell, found), seconds=total)


def _checked(cell: Cell, item: object, found: Container[int]) -> Found:
    """Return what a strategy yielded, if it is a result, of a target that is not yet found, and valid."""
    problem = cell.problem
    if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[1], SearchResult):
        raise RuntimeError(
            f"{_named(cell)} gave {type(item).__name__}; it must yield (position in targets, SearchResult)"
        )
    position, result = item
    if position in found or not 0 <= position < len(cell.targets) or result.target != cell.targets[position]:
        raise RuntimeError(
            f"{_named(cell)} gave a result for target {result.target} at position {position}, twice or astray"
        )
    row = np.asarray(result.genes)[None]
    if row.ndim != 2 or row.dtype.kind not in "iu" or not problem.space.contains(row)[0]:
        raise RuntimeError(f"{_named(cell)} found what is not in space {problem.space.name} for target {result.target}")
    if result.feasible and problem.cost.cost(row)[0] > result.target:
        raise RuntimeError(f"{_named(cell)} found an architecture that misses target {result.target}")
    for other in result.alternatives:
        row = other.genes[None]
        if not problem.space.contains(row)[0] or problem.cost.cost(row)[0] > result.target:
            raise RuntimeError(f"{_named(cell)} gave an alternative that is not valid for target {result.target}")
    return position, result


def _named(cell: Cell) -> str:
    return name_and_line(type(cell.strategy))
