"""Runs a cell: searches its targets, times the searches and checks their results."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from threadpoolctl import threadpool_limits

from ofa_bench.config.importing import name_and_line
from ofa_bench.search import Fleet, Found, LockstepRunner, Member, Problem, SearchCoroutine, SearchResult
from ofa_bench.search.problem import MAX_ACCURACY
from ofa_bench.spaces import Genes
from ofa_bench.spaces.declarations import declares_fork_safe
from ofa_bench.strategies import Budget, CoroutineStrategy, Limit, Strategy, is_fork_safe

__all__ = [
    "Cell",
    "Match",
    "Repeat",
    "has_coroutines",
    "problem_of",
    "run_fleet",
    "run_repeats",
    "stream",
    "total_budget",
]


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
    return _stream(_digest([cell], repeat))


def problem_of(cell: Cell, repeat: int) -> Problem:
    """Return the problem of one repeat: with measurement errors of its own, the same for all strategies."""
    return cell.problem.with_errors_of(_error_seed(_digest([cell], repeat)))


def _stream(digest: bytes) -> np.random.Generator:
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def _error_seed(digest: bytes) -> int:
    return int.from_bytes(digest[:7], "big")


def _digest(cells: Sequence[Cell], repeat: int) -> bytes:
    first, targets = cells[0], [list(cell.targets) for cell in cells]
    names = json.dumps([first.seed, first.problem.space.name, targets[0] if len(cells) == 1 else targets, repeat])
    return hashlib.sha256(names.encode()).digest()


def run_repeats(cell: Cell, report: Callable[[int, SearchResult], None]) -> Iterator[Repeat]:
    """Run all repeats; ``report`` is called with the repeat and each result.

    The clock stops during the call, unless the searches run in other processes.

    Raises:
        RuntimeError: the strategy left a target out, returned one twice, or returned an invalid result.
    """
    if cell.together:
        for (one,) in run_fleet([cell], report):
            yield one
        return
    cell.problem.kernels  # noqa: B018 -- compiled here, outside the timed part
    with threadpool_limits(1):
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


def total_budget(budgets: Sequence[Budget]) -> Budget:
    """Return the budget of several devices together: a limit is the sum of theirs, generations are as before."""
    limits = [one.limit for one in budgets if one.limit]
    total = Limit(limits[0].measure, sum(one.amount for one in limits)) if limits else None
    return dataclasses.replace(budgets[0], limit=total)


def run_fleet(cells: Sequence[Cell], report: Callable[[int, SearchResult], None]) -> Iterator[tuple[Repeat, ...]]:
    """Advance the coroutines of all repeats of a search of several devices; yield each repeat's results by device.

    The cells differ in their cost models and targets. A device's seconds are its share of those of the search.

    Raises:
        RuntimeError: as ``run_repeats``.
    """
    first = cells[0]
    for cell in cells:
        cell.problem.kernels  # noqa: B018 -- compiled here, outside the timed part
    first.problem.predictor.row_wise  # noqa: B018 -- tried out here, outside the timed part
    with threadpool_limits(1):
        budgets = [total_budget([_limited(cell, repeat) for cell in cells]) for repeat in range(first.repeats)]
    began, coroutines, origin = time.perf_counter(), list[SearchCoroutine](), list[int]()
    for repeat, budget in enumerate(budgets):
        coroutines += _coroutines(cells, repeat, budget)
        origin += [repeat] * (len(coroutines) - len(origin))
    before = time.perf_counter() - began
    owners = [(cell, i) for cell in cells for i in range(len(cell.targets))]  # by position
    found: list[dict[int, tuple[SearchResult, float]]] = [{} for _ in range(first.repeats)]
    fork_safe = is_fork_safe(first.strategy) and all(declares_fork_safe(cell.problem.cost) for cell in cells)
    fork = fork_safe and len(coroutines) * first.budget.generations >= WORTH_FORKING
    together = LockstepRunner(first.problem, coroutines, first.threads, fork=fork)
    for coroutine, item, seconds in together:
        repeat = origin[coroutine]
        position, result = _check(owners, item, found[repeat])
        found[repeat][position] = (result, seconds)
        report(repeat, result)
    shares = sum(seconds for results in found for _, seconds in results.values())
    scale = (before + together.seconds) / shares if shares else 1.0
    for results, budget in zip(found, budgets, strict=True):
        yield _make_repeats(cells, results, budget, scale)


def _coroutines(cells: Sequence[Cell], repeat: int, budget: Budget) -> Sequence[SearchCoroutine]:
    """Return the coroutines of a repeat: of one device, or of all together."""
    first, digest = cells[0], _digest(cells, repeat)
    assert isinstance(first.strategy, CoroutineStrategy)
    problems = [cell.problem.with_errors_of(_error_seed(digest)) for cell in cells]
    if len(cells) == 1:
        return first.strategy.coroutines(problems[0], first.targets, budget, _stream(digest))
    members = [Member(problem, cell.targets) for problem, cell in zip(problems, cells, strict=True)]
    return first.strategy.fleet_coroutines(Fleet(tuple(members)), budget, _stream(digest))


def _make_repeats(
    cells: Sequence[Cell], found: Mapping[int, tuple[SearchResult, float]], budget: Budget, scale: float = 1.0
) -> tuple[Repeat, ...]:
    """Return a repeat's results by device; what several targets share is divided equally among them."""
    number = sum(len(cell.targets) for cell in cells)
    if len(found) != number:
        raise _error(cells[0], f"gave {len(found)} results for {number} targets")
    results, seconds = zip(*(found[i] for i in range(number)), strict=True)
    turns = budget.limit is not None and budget.limit.measure != "generations"
    common = [result.shared > 1 or (turns and result.feasible) for result in results]
    mean = sum(compress(seconds, common)) / max(1, sum(common))
    scaled = tuple(scale * (mean if one else spent) for one, spent in zip(common, seconds, strict=True))
    limit, repeats, begin = budget.limit.amount if budget.limit else None, list[Repeat](), 0
    for cell in cells:
        end = begin + len(cell.targets)
        repeats.append(Repeat(tuple(results[begin:end]), scaled[begin:end], sum(scaled[begin:end]), limit))
        begin = end
    return tuple(repeats)


def _run_alone(cell: Cell, repeat: int, report: Callable[[int, SearchResult], None], budget: Budget) -> Repeat:
    """Run a strategy once over all targets and time each result."""
    found: dict[int, tuple[SearchResult, float]] = {}
    total = 0.0
    began = time.perf_counter()
    owners = [(cell, i) for i in range(len(cell.targets))]
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
        position, result = _check(owners, item, found)
        found[position] = (result, seconds)
        report(repeat, result)
        began = time.perf_counter()
    (made,) = _make_repeats([cell], found, budget)
    return dataclasses.replace(made, seconds=total)


def _check(owners: Sequence[tuple[Cell, int]], item: object, found: Container[int]) -> Found:
    """Return what a strategy yielded; raise RuntimeError unless it is a valid result of a target without one.

    ``owners`` are the cell of each position, and the place of the target there.
    """
    cell = owners[0][0]
    if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[1], SearchResult):
        raise _error(cell, f"gave {type(item).__name__}; it must yield (position in targets, SearchResult)")
    position, result = item
    cell, place = owners[position] if 0 <= position < len(owners) else (cell, -1)
    if position in found or place < 0 or result.target != cell.targets[place]:
        raise _error(cell, f"gave target {result.target} at position {position}: a duplicate or unknown target")
    accuracy = result.accuracy if result.feasible else 0.0
    if not isinstance(accuracy, int | float | np.floating) or not abs(accuracy) <= MAX_ACCURACY:
        raise _error(cell, f"gave accuracy {accuracy} for target {result.target}; it must be a fraction of 1")
    problem, limit = cell.problem, result.target if result.feasible else np.inf
    others = [one.genes for one in result.alternatives]
    if not _valid(problem, [result.genes, *others], limit) or (others and not result.feasible):
        if not _valid(problem, [result.genes], np.inf):
            raise _error(cell, f"found an architecture outside space {problem.space.name} for target {result.target}")
        if not _valid(problem, [result.genes], limit):
            raise _error(cell, f"found an architecture that misses target {result.target}")
        raise _error(cell, f"gave an invalid alternative for target {result.target}")
    return position, result


def _valid(problem: Problem, genes: Sequence[Genes], limit: float) -> bool:
    """Return whether all of these (int8 [n_genes] each) are of the space and cost at most ``limit``."""
    try:
        rows = np.array(genes)
    except ValueError:  # they have different shapes
        return False
    if rows.shape != (len(genes), problem.space.n_genes) or rows.dtype.kind not in "iu":
        return False
    return bool(problem.space.contains(rows).all() and (problem.cost.cost(rows) <= limit).all())


def _error(cell: Cell, message: str) -> RuntimeError:
    return RuntimeError(f"{name_and_line(type(cell.strategy))} {message}")
