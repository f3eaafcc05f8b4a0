"""Runs a cell: searches its targets, times the searches and checks their results."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import compress

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.config.importing import name_and_line
from ofa_bench.search import Found, LockstepRunner, Problem, SearchCoroutine, SearchResult
from ofa_bench.search.problem import MAX_ACCURACY
from ofa_bench.strategies import Budget, CoroutineStrategy, Limit, Strategy, is_fork_safe

__all__ = ["Cell", "Match", "Repeat", "has_coroutines", "problem_of", "run_repeats", "stream"]


WORTH_FORKING = 2000
"""Generations, over all coroutines of a cell, below which processes cost more time (0.02 to 0.1 s) than they save."""


@dataclass(frozen=True)
class Match:
    """The strategy of which a control spends as much, in each repeat; ``measure`` is one of ``MEASURES``."""

    measure: str
    strategy: Strategy


@dataclass(frozen=True)
class Cell:
    """One cell of a sweep, without files, Hydra or MLflow.

    With ``lockstep``, independent searches (a strategy's and those of all repeats) advance together on ``threads``
    cores; otherwise, if the strategy has no ``coroutines``, or seconds are its limit, they run one after another.
    With ``match``, and if the budget has no limit yet, that of each repeat is what another strategy spends with the
    same random stream.
    """

    problem: Problem
    strategy: Strategy
    targets: tuple[float, ...]
    budget: Budget
    seed: int
    repeats: int
    threads: int
    lockstep: bool = True
    match: Match | None = None

    @property
    def together(self) -> bool:
        """Whether the searches advance together."""
        return self.lockstep and has_coroutines(self.strategy) and self.matched != "seconds"

    @property
    def matched(self) -> str | None:
        """The measure that the budget is matched in; None where the strategy has its own budget."""
        return self.match.measure if self.match else None


@dataclass(frozen=True)
class Repeat:
    """One repeat of a cell: for each target, in their order, a result and its seconds of search; the sum of seconds.

    Searches that advance together share their time equally, and so do targets that share one search or take turns until
    a limit is reached. ``limit`` is what a matched budget allowed.
    """

    results: tuple[SearchResult, ...]
    target_seconds: tuple[float, ...]
    seconds: float
    limit: float | None = None


def has_coroutines(strategy: Strategy) -> bool:
    """Return whether a strategy searches by its coroutines; a sub-class that overrides ``search`` does not."""
    return isinstance(strategy, CoroutineStrategy) and type(strategy).search is CoroutineStrategy.search


def stream(cell: Cell, repeat: int) -> np.random.Generator:
    """Return the random stream of one repeat: a hash of (seed, space, targets, repeat), and not of the strategy."""
    return np.random.default_rng(np.frombuffer(_digest(cell, repeat), dtype=np.uint32))


def problem_of(cell: Cell, repeat: int) -> Problem:
    """Return the problem of one repeat: with measurement errors of its own, the same for all strategies."""
    return cell.problem.with_errors_of(int.from_bytes(_digest(cell, repeat)[:7], "big"))


def _digest(cell: Cell, repeat: int) -> bytes:
    names = json.dumps([cell.seed, cell.problem.space.name, list(cell.targets), repeat])
    return hashlib.sha256(names.encode()).digest()


def run_repeats(cell: Cell, report: Callable[[int, SearchResult], None]) -> Iterator[Repeat]:
    """Run all repeats; ``report`` is called with the repeat and each result.

    The clock stops during the call, unless the searches run in other processes.

    Raises:
        RuntimeError: the strategy left a target out, returned one twice, or returned an invalid result.
    """
    cell.problem.kernels  # noqa: B018 -- compiled here, outside the timed part
    if cell.together:
        cell.problem.predictor.row_wise  # noqa: B018 -- tried out here, outside the timed part
        yield from _run_together(cell, report)
        return
    with threadpool_limits(cell.threads):
        for repeat in range(cell.repeats):
            yield _run_alone(cell, repeat, report, _limited(cell, repeat))


def _limited(cell: Cell, repeat: int) -> Budget:
    """Return the budget of a repeat, limited to what the strategy that it is matched with spends there."""
    if cell.match is None or cell.budget.limit is not None:
        return cell.budget
    other = dataclasses.replace(cell, strategy=cell.match.strategy, match=None)
    found = _run_alone(other, repeat, lambda *_: None, cell.budget)
    unique = sum(result.counts.unique_evaluations for result in found.results)
    limit = Limit(cell.match.measure, found.seconds if cell.match.measure == "seconds" else float(unique))
    return dataclasses.replace(cell.budget, limit=limit)


def _run_together(cell: Cell, report: Callable[[int, SearchResult], None]) -> Iterator[Repeat]:
    """Advance the coroutines of all repeats together."""
    assert isinstance(cell.strategy, CoroutineStrategy)
    with threadpool_limits(cell.threads):
        budgets = [_limited(cell, repeat) for repeat in range(cell.repeats)]
    began, coroutines, origin = time.perf_counter(), list[SearchCoroutine](), list[int]()
    for repeat, budget in enumerate(budgets):
        coroutines += cell.strategy.coroutines(problem_of(cell, repeat), cell.targets, budget, stream(cell, repeat))
        origin += [repeat] * (len(coroutines) - len(origin))
    before = time.perf_counter() - began
    found: list[dict[int, tuple[SearchResult, float]]] = [{} for _ in range(cell.repeats)]
    fork = is_fork_safe(cell.strategy) and len(coroutines) * cell.budget.generations >= WORTH_FORKING
    together = LockstepRunner(cell.problem, coroutines, cell.threads, fork=fork)
    for coroutine, item, seconds in together:
        repeat = origin[coroutine]
        position, result = _check(cell, item, found[repeat])
        found[repeat][position] = (result, seconds)
        report(repeat, result)
    shares = sum(seconds for results in found for _, seconds in results.values())
    for results, budget in zip(found, budgets, strict=True):
        yield _make_repeat(cell, results, budget, (before + together.seconds) / shares if shares else 1.0)


def _make_repeat(
    cell: Cell, found: Mapping[int, tuple[SearchResult, float]], budget: Budget, scale: float = 1.0
) -> Repeat:
    if len(found) != len(cell.targets):
        raise _error(cell, f"gave {len(found)} results for {len(cell.targets)} targets")
    results, seconds = zip(*(found[i] for i in range(len(cell.targets))), strict=True)
    turns = budget.limit is not None and budget.limit.measure != "generations"
    common = [result.shared > 1 or (turns and result.feasible) for result in results]
    mean = sum(compress(seconds, common)) / max(1, sum(common))
    scaled = tuple(scale * (mean if one else spent) for one, spent in zip(common, seconds, strict=True))
    return Repeat(tuple(results), scaled, sum(scaled), budget.limit.amount if budget.limit else None)


def _run_alone(cell: Cell, repeat: int, report: Callable[[int, SearchResult], None], budget: Budget) -> Repeat:
    """Run a strategy once over all targets and time each result."""
    found: dict[int, tuple[SearchResult, float]] = {}
    total = 0.0
    began = time.perf_counter()
    given = cell.strategy.search(problem_of(cell, repeat), cell.targets, budget, stream(cell, repeat))
    if not isinstance(given, Iterable):
        raise _error(cell, f"gave {type(given).__name__}; search must yield (position, SearchResult)")
    results = iter(given)
    while True:
        item = next(results, None)
        seconds = time.perf_counter() - began
        total += seconds
        if item is None:
            break
        position, result = _check(cell, item, found)
        found[position] = (result, seconds)
        report(repeat, result)
        began = time.perf_counter()
    return dataclasses.replace(_make_repeat(cell, found, budget), seconds=total)


def _check(cell: Cell, item: object, found: Container[int]) -> Found:
    """Return what a strategy yielded; raise RuntimeError unless it is a valid result of a target without one."""
    problem = cell.problem
    if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[1], SearchResult):
        raise _error(cell, f"gave {type(item).__name__}; it must yield (position in targets, SearchResult)")
    position, result = item
    if position in found or not 0 <= position < len(cell.targets) or result.target != cell.targets[position]:
        raise _error(cell, f"gave target {result.target} at position {position}: a duplicate or unknown target")
    row = np.asarray(result.genes)[None]
    if row.ndim != 2 or row.dtype.kind not in "iu" or not problem.space.contains(row)[0]:
        raise _error(cell, f"found an architecture outside space {problem.space.name} for target {result.target}")
    accuracy = result.accuracy if result.feasible else 0.0
    if not isinstance(accuracy, int | float | np.floating) or not abs(accuracy) <= MAX_ACCURACY:
        raise _error(cell, f"gave accuracy {accuracy} for target {result.target}; it must be a fraction of 1")
    if result.feasible and problem.cost.cost(row)[0] > result.target:
        raise _error(cell, f"found an architecture that misses target {result.target}")
    for other in result.alternatives:
        row = other.genes[None]
        if not problem.space.contains(row)[0] or problem.cost.cost(row)[0] > result.target:
            raise _error(cell, f"gave an invalid alternative for target {result.target}")
    return position, result


def _error(cell: Cell, message: str) -> RuntimeError:
    return RuntimeError(f"{name_and_line(type(cell.strategy))} {message}")
