"""Checks the contracts of spaces, predictors, cost models and strategies, ours or a user's, by plain asserts.

Call them from a test: ``check_strategy(MyStrategy(Evolution()))``. Each raises AssertionError at the first breach.
"""

import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain, pairwise
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ofa_bench.config.kinds import adopt
from ofa_bench.predictors import AccuracyPredictor, CostModel, latency_table
from ofa_bench.predictors.coverage import check_unlabelled
from ofa_bench.search import Fleet, LockstepRunner, Member, Problem, SearchResult
from ofa_bench.spaces import DesignSpace, Genes, ListedSpace, MobileNetV3Space
from ofa_bench.spaces.declarations import declares_fork_safe
from ofa_bench.strategies import Budget, CoroutineStrategy, Strategy, is_fork_safe

FORK_SECONDS = 60
"""The time limit of a forked process."""

__all__ = [
    "CountingPredictor",
    "ToyPredictor",
    "check_cost",
    "check_predictor",
    "check_space",
    "check_strategy",
    "toy_problem",
]


class ToyPredictor(AccuracyPredictor):
    """A predictor without files: larger choices of active genes are better, by fixed random weights."""

    row_wise = fork_safe = True

    def __init__(self, space: DesignSpace, seed: int = 0) -> None:
        self.space, self.name, self.sha256 = space, "toy", "0" * 64
        self._worth = np.random.default_rng(seed).random(space.n_genes)

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict from 0.5 up: int8 [n, n_genes] to float64 [n]."""
        value = self.space.canonical(genes) * self._worth
        return np.asarray(0.5 + 0.3 * np.tanh(value.sum(axis=1) / self.space.n_genes))


class CountingPredictor(AccuracyPredictor):
    """Wraps a predictor and keeps all its requests, to compare them with a search's own counts."""

    def __init__(self, predictor: AccuracyPredictor) -> None:
        self.predictor, self.name, self.sha256 = predictor, predictor.name, predictor.sha256
        self.asked: list[Genes] = []

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict as the wrapped predictor does: int8 [n, n_genes] to float64 [n]."""
        self.asked.append(genes.copy())
        return self.predictor.accuracy(genes)

    def measurement_errors(self, genes: Genes, times: NDArray[np.int64], seed: int) -> NDArray[np.float64] | None:
        """Return those of the wrapped predictor: float64 [n], fractions of 1; None if measurements have none."""
        return self.predictor.measurement_errors(genes, times, seed)


def toy_problem() -> Problem:
    """Return a problem with a real space and latency table and a toy predictor; it needs no file of OFA's."""
    space = MobileNetV3Space()
    return Problem(space, ToyPredictor(space), latency_table(space, "note10"))


def check_space(space: DesignSpace, seed: int = 0) -> None:
    """Check operators, activity, canonical form and conversion of a design space on random architectures."""
    rng = np.random.default_rng(seed)
    genes = space.sample(2000, rng)
    assert genes.dtype == np.int8
    assert genes.shape == (2000, space.n_genes)
    assert space.contains(genes).all()
    assert ((genes.max(axis=0) + 1) == space.cardinality).all(), "a choice is never sampled"
    assert not space.contains(genes + space.cardinality).any()
    assert not space.contains(genes[:, 1:]).any()
    for method in (space.active, space.canonical, space.keys):
        for wrong in (genes[0], genes[:, 1:], genes.astype(np.float64), genes[:3] + space.cardinality):
            _check_refused(method, wrong)
    _check_refused(space.contains, genes[0])
    for wrong in (genes[:2], genes[0, 1:], genes[0] + space.cardinality):
        _check_refused(space.to_ofa, wrong)

    canonical, active = space.canonical(genes), space.active(genes)
    assert space.contains(canonical).all()
    assert (space.canonical(canonical) == canonical).all(), "canonical form is not stable"
    assert (space.active(canonical) == active).all()
    assert (canonical[~active] == 0).all()
    scrambled = np.where(active, genes, space.sample(2000, rng))
    assert (space.canonical(scrambled) == canonical).all(), "an inactive gene changes the network"
    keys = space.keys(genes)
    assert keys == space.keys(scrambled)
    assert len(set(keys)) == len(np.unique(canonical, axis=0))

    _check_forked(space, space.canonical, genes)
    for row in canonical[:100]:
        assert (space.from_ofa(space.to_ofa(row)) == row).all(), "to_ofa and from_ofa do not agree"

    assert (space.mutate(genes, 0.0, rng) == genes).all()
    mutants = space.mutate(genes, 0.3, rng)
    assert space.contains(mutants).all()
    redrawn = (space.mutate(genes, 1.0, rng) != genes).any(axis=1)
    assert redrawn.mean() > 0.4 or (space.cardinality == 1).all(), "mutation changes little"
    crossed = space.crossover(genes, mutants, rng)
    assert ((crossed == genes) | (crossed == mutants)).all()
    assert (space.sample(5, np.random.default_rng(7)) == space.sample(5, np.random.default_rng(7))).all()


def check_predictor(predictor: AccuracyPredictor, space: DesignSpace) -> None:
    """Check range, shape, batching and canonical form of an accuracy predictor.

    A predictor that declares ``row_wise`` must return the same bits for a row in any batch; one that declares
    ``fork_safe`` must return the same in a forked process. Errors of measurements must be the same in any batch and
    form, differ between measurements and seeds, and be 0 on average.
    """
    adopt(predictor, AccuracyPredictor)
    asked = space if predictor.known_genes is None else ListedSpace(space, predictor.known_genes)
    genes = asked.sample(500, np.random.default_rng(1))
    accuracy = predictor.accuracy(genes)
    assert accuracy.dtype == np.float64
    assert accuracy.shape == (500,)
    assert np.isfinite(accuracy).all()
    assert ((accuracy > 0) & (accuracy < 1)).all(), "accuracy is a fraction of 1"
    assert accuracy.std() > 0
    assert len(predictor.sha256) == 64
    assert predictor.name
    check_unlabelled(space, predictor)
    uncertain = predictor.uncertainty(genes)
    if uncertain is not None:
        assert uncertain.dtype == np.float64
        assert uncertain.shape == (500,)
        assert ((uncertain >= 0) & (uncertain < 1)).all(), "an uncertainty is a fraction of 1"
    assert np.allclose(predictor.accuracy(space.canonical(genes)), accuracy, atol=1e-6)
    assert np.allclose(np.concatenate([predictor.accuracy(row[None]) for row in genes[:50]]), accuracy[:50], atol=1e-6)
    assert predictor.accuracy(genes[:0]).shape == (0,)
    batches = np.split(genes[:80], [0, 1, 24])
    for rows, values in zip(batches, predictor.accuracy_of_each(batches), strict=True):
        assert (values == predictor.accuracy(rows)).all(), "a batch is predicted otherwise than in a call by itself"
    _check_errors(predictor, asked, genes)
    _check_refused(predictor.accuracy, genes[0], takes_one=True)
    _check_forked(predictor, predictor.accuracy, genes)
    if predictor.row_wise:
        for size in (1, 2, 3, 17, 64, 499):
            pieces = [predictor.accuracy(genes[i : i + size]) for i in range(0, 500, size)]
            assert (np.concatenate(pieces) == accuracy).all(), f"accuracy depends on the batch, as of {size} rows"
        with ThreadPoolExecutor(4) as pool:
            for values in pool.map(predictor.accuracy, [genes] * 8):
                assert (values == accuracy).all(), "accuracy changes when several threads ask"


def _check_errors(predictor: AccuracyPredictor, space: DesignSpace, genes: Genes) -> None:
    """Check the errors of measurements, if they have any."""

    def errors_of(rows: Genes, times: int | NDArray[np.int64] = 0, seed: int = 1) -> NDArray[np.float64]:
        errors = predictor.measurement_errors(rows, np.zeros(len(rows), np.int64) + times, seed)
        assert errors is not None, "measurements have errors only in some batches"
        assert errors.dtype == np.float64
        assert errors.shape == (len(rows),)
        return errors

    if predictor.measurement_errors(genes, np.zeros(len(genes), np.int64), 1) is None:
        assert predictor.measurement_errors(genes[:0], np.zeros(0, np.int64), 1) is None
        return
    errors_of(genes[:0])
    times = np.arange(len(genes)) % 2
    errors, again, mixed = errors_of(genes), errors_of(genes, 1), errors_of(genes, times)
    assert (mixed == np.where(times == 1, again, errors)).all(), "an error depends on the measurements of others"
    assert (errors_of(space.canonical(genes)) == errors).all(), "an error depends on the form of the architecture"
    alone = np.array([errors_of(row[None])[0] for row in genes[:50]])
    assert (alone == errors[:50]).all(), "an error depends on the batch"
    if errors.any():
        assert np.mean(again != errors) > 0.3, "a second measurement repeats the first"
        assert np.mean(errors_of(genes, seed=2) != errors) > 0.3, "errors do not depend on the seed"
        assert abs(errors.mean()) < 6 * errors.std() / np.sqrt(len(genes)), "errors are not 0 on average"
    _check_forked(predictor, errors_of, genes)


def check_cost(cost: CostModel, space: DesignSpace) -> None:
    """Check shape, canonical form and the exact extremes of a cost model."""
    adopt(cost, CostModel)
    genes = space.sample(5000, np.random.default_rng(2))
    value = cost.cost(genes)
    assert value.dtype == np.float64
    assert value.shape == (5000,)
    assert np.allclose(cost.cost(space.canonical(genes)), value, rtol=1e-12)
    assert (value >= cost.minimum).all()
    assert (value <= cost.maximum).all()
    for row, extreme in ((cost.cheapest, cost.minimum), (cost.dearest, cost.maximum)):
        assert space.contains(row[None])[0]
        assert cost.cost(row[None])[0] == extreme
    _check_forked(cost, cost.cost, genes)
    one = cost.cost(genes[:1])
    assert one[0] == value[0], "cost depends on the batch"
    _check_refused(cost.cost, genes[0], takes_one=True)


def _check_forked(part: object, method: Callable[[Genes], NDArray[Any]], genes: Genes) -> None:
    """Check that a part of a problem that declares ``fork_safe`` returns the same in a forked process."""
    if not declares_fork_safe(part) or sys.platform != "linux":
        return
    context, wanted = multiprocessing.get_context("fork"), method(genes)
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=lambda: there.send(method(genes)))
    with threadpool_limits(1):  # as searches are forked
        process.start()
    try:
        assert here.poll(FORK_SECONDS), f"{type(part).__name__} declares fork_safe, but hangs in a forked process"
        assert (here.recv() == wanted).all(), f"{type(part).__name__} declares fork_safe, but gives something else"
    finally:
        process.kill()
        process.join()


def _check_refused(method: Callable[[Genes], Any], wrong: NDArray[Any], *, takes_one: bool = False) -> None:
    """Check that a wrong array is refused with ValueError; one row may count as an array of one."""
    try:
        given = method(wrong)
    except ValueError:
        return
    one = takes_one and np.shape(given) in ((), (1,))
    shown = f"{method.__name__} takes {wrong.dtype} {list(wrong.shape)}"
    assert one, f"{shown}; ofa_bench.spaces.check_genes(space, genes) refuses it"


def check_strategy(strategy: Strategy, problem: Problem | None = None, targets: Sequence[float] | None = None) -> None:
    """Check that a strategy's results are valid, its counts right, and both the same in another process.

    Targets may be unsorted, duplicate or infeasible. The default problem is a toy. Coroutines of a strategy must find
    together what they find alone, also in forked processes if it declares ``fork_safe``. A strategy that searches
    devices together (``across_devices``) must do all that for a fleet too.
    """
    problem = problem or toy_problem()
    low, high = problem.cost.minimum, problem.cost.maximum
    middle = low + 0.4 * (high - low)
    if targets is None:
        targets = (middle, low + 0.1 * (high - low), middle, 0.9 * low, low + 0.2 * (high - low))
    budget = Budget(generations=6, warm_generations=3)
    counting = CountingPredictor(problem.predictor)
    results = _results(strategy, Problem(problem.space, counting, problem.cost), targets, budget)
    for target, result in zip(targets, results, strict=True):
        _check_result(problem, target, result)
    for result in results:
        most = sum(one.counts.evaluations for one in results)
        assert not result.curve or result.curve[-1][1] <= most, "a curve counts more than was evaluated"
    made = sum(result.counts.measurements for result in results)
    assert made == sum(len(genes) for genes in counting.asked), "measurements are not what the predictor was asked"

    for few in ((middle,), (0.5 * low,)):
        _check_result(problem, few[0], _results(strategy, problem, few, budget)[0])

    with ProcessPoolExecutor(1, mp_context=_fresh_processes()) as pool:
        other = pool.submit(_fingerprint, strategy, problem, targets, budget).result()
    alone = _fingerprint(strategy, problem, targets, budget)
    assert other == alone, "another process finds something else"
    if isinstance(strategy, CoroutineStrategy):
        for threads in (1, 3):
            together = _together(strategy, problem, targets, budget, threads)
            assert together == alone, "searches that advance together find something else"
        if strategy.across_devices:
            _check_fleet(strategy, problem, [targets, (middle, 0.5 * low), (0.5 * low,)], budget)


def _check_fleet(
    strategy: CoroutineStrategy, problem: Problem, targets: Sequence[Sequence[float]], budget: Budget
) -> None:
    """Check the results and counts of a fleet of equal devices with different targets."""
    counting = CountingPredictor(problem.predictor)
    asked = Problem(problem.space, counting, problem.cost)
    results = _of_fleet(strategy, asked, targets, budget)
    every = list(chain.from_iterable(targets))
    assert sorted(results) == list(range(len(every))), "not exactly one result for each target of the fleet"
    for position, target in enumerate(every):
        _check_result(problem, target, results[position])
    made = sum(result.counts.measurements for result in results.values())
    assert made == sum(len(genes) for genes in counting.asked), "a fleet's measurements are not what was asked"
    most = strategy.most_evaluations_of_fleet(_fleet(problem, targets), budget)
    evaluations = sum(result.counts.evaluations for result in results.values())
    assert most is None or evaluations <= most, f"a fleet makes {evaluations} evaluations, more than {most}"
    first, again = (_of_fleet(strategy, problem, targets, budget) for _ in range(2))
    same = _prints([first[i] for i in sorted(first)]) == _prints([again[i] for i in sorted(again)])
    assert same, "another search of the fleet finds something else"


def _fleet(problem: Problem, targets: Sequence[Sequence[float]]) -> Fleet:
    return Fleet(tuple(Member(problem, tuple(some)) for some in targets))


def _of_fleet(
    strategy: CoroutineStrategy, problem: Problem, targets: Sequence[Sequence[float]], budget: Budget
) -> dict[int, SearchResult]:
    """Return the results by position."""
    coroutines = strategy.fleet_coroutines(_fleet(problem, targets), budget, np.random.default_rng(3))
    return dict(item for _, item, _ in LockstepRunner(problem, coroutines, 1))


def _fresh_processes() -> BaseContext:
    """Return a context whose processes share nothing with this one; on Linux, a server with this module forks them."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _results(strategy: Strategy, problem: Problem, targets: Sequence[float], budget: Budget) -> list[SearchResult]:
    given = list(strategy.search(problem, targets, budget, np.random.default_rng(3)))
    pairs = all(isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], SearchResult) for item in given)
    assert pairs, "search must yield (position in targets, SearchResult)"
    found = dict(given)
    assert sorted(found) == list(range(len(targets))), "not exactly one result for each target"
    return [found[i] for i in range(len(targets))]


def _together(
    strategy: CoroutineStrategy, problem: Problem, targets: Sequence[float], budget: Budget, threads: int
) -> list[str]:
    several = [strategy.coroutines(problem, targets, budget, np.random.default_rng(seed)) for seed in (4, 3, 5)]
    numbers = range(len(several[0]), len(several[0]) + len(several[1]))
    fork = is_fork_safe(strategy)
    every = LockstepRunner(problem, [coroutine for some in several for coroutine in some], threads, fork=fork)
    found = dict(item for number, item, _ in every if number in numbers)
    return _prints([found[i] for i in range(len(targets))])


def _fingerprint(strategy: Strategy, problem: Problem, targets: Sequence[float], budget: Budget) -> list[str]:
    return _prints(_results(strategy, problem, targets, budget))


def _prints(results: Sequence[SearchResult]) -> list[str]:
    return [
        f"{result.genes.tobytes().hex()} {result.accuracy!r} {result.cost!r} {result.counts} {result.curve}"
        for result in results
    ]


def _check_result(problem: Problem, target: float, result: SearchResult) -> None:
    row = result.genes[None]
    assert result.target == target
    assert problem.space.contains(row)[0], "found an architecture outside the space"
    assert (problem.space.canonical(row) == row).all(), "the found architecture is not in canonical form"
    assert result.cost == problem.cost.cost(row)[0]
    assert result.feasible == (problem.cost.minimum <= target)
    if not result.feasible:
        assert result.accuracy is None
        assert result.cost == problem.cost.minimum, "an infeasible result names the nearest cost"
        return
    assert result.cost <= target, "misses the target"
    assert result.accuracy is not None
    assert np.isclose(result.accuracy, problem.predictor.accuracy(row)[0], atol=1e-6)
    counts = result.counts
    assert result.shared > 1 or counts.unique_evaluations > 0
    assert counts.unique_evaluations <= counts.evaluations
    assert result.curve, "no best-so-far curve"
    assert result.curve[-1][-1] == result.accuracy
    for before, after in pairwise(result.curve):
        assert all(x <= y for x, y in zip(before, after, strict=True)), "the curve decreases"
    assert result.shared > 1 or result.curve[-1][1] <= counts.evaluations
