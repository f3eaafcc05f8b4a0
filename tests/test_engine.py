import dataclasses
import time

import numpy as np
import pytest

from ofa_bench import engine
from ofa_bench.engine import Cell, run_repeats, stream
from ofa_bench.search import Evolution, Problem, SearchResult
from ofa_bench.search.alternatives import Alternative
from ofa_bench.strategies import Budget, Chain, Joint, Strategy, Vanilla
from ofa_bench.testing import ToyPredictor, toy_problem

PROBLEM = toy_problem()
EVOLUTION = Evolution(population_size=20)


def made(strategy=None, targets=(40.0, 20.0, 40.0), **changes):
    cell = Cell(PROBLEM, strategy or Vanilla(EVOLUTION), targets, Budget(4, 2), seed=0, repeats=2, threads=1)
    return dataclasses.replace(cell, **changes)


def run(cell, report=lambda repeat, result: None):
    return list(run_repeats(cell, report))


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_results_come_back_in_the_given_order(order):
    for repeat in run(made(Chain(EVOLUTION, order))):
        assert [result.target for result in repeat.results] == [40.0, 20.0, 40.0]
        assert len(repeat.target_seconds) == 3
        assert repeat.seconds >= sum(repeat.target_seconds) > 0


@pytest.mark.parametrize("lockstep", [True, False])
def test_targets_that_one_search_serves_share_its_seconds(lockstep):
    for repeat in run(made(Joint(evaluations=300), targets=(1.0, 20.0, 40.0), lockstep=lockstep)):
        infeasible, *others = repeat.target_seconds
        assert others[0] == others[1] > 10 * infeasible
        assert sum(others) == pytest.approx(repeat.seconds, rel=0.1)


def test_repeats_differ_and_seeds_repeat():
    first, second = (run(made()) for _ in range(2))
    genes = [[result.genes.tobytes() for result in repeat.results] for repeat in first]
    assert genes[0] != genes[1]
    assert genes == [[result.genes.tobytes() for result in repeat.results] for repeat in second]
    assert genes != [[result.genes.tobytes() for result in repeat.results] for repeat in run(made(seed=1))]


def test_the_stream_does_not_depend_on_the_strategy():
    drawn = [stream(made(strategy), 1).random(4) for strategy in (Vanilla(EVOLUTION), Chain(EVOLUTION, "ascending"))]
    assert (drawn[0] == drawn[1]).all()
    for other in (made(seed=1), made(targets=(40.0,))):
        assert (stream(other, 1).random(4) != drawn[0]).any()
    assert (stream(made(), 0).random(4) != drawn[0]).any()


def test_the_clock_stands_still_while_reporting(monkeypatch):
    now = [0.0]

    def tick():
        now[0] += 1
        return now[0]

    def report(repeat, result):
        now[0] += 1000

    monkeypatch.setattr(engine.time, "perf_counter", tick)
    for repeat in run(made(lockstep=False), report):
        assert repeat.target_seconds == (1, 1, 1)
        assert repeat.seconds == 4  # and one more to find that there is nothing more


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("order", [None, "ascending", "descending"])
def test_lockstep_changes_nothing_of_what_is_found(order, threads):
    strategy = Chain(EVOLUTION, order) if order else Vanilla(EVOLUTION)
    given = {"targets": (40.0, 5.0, 20.0, 40.0, 12.0), "repeats": 4}
    reported = []
    together = run(made(strategy, threads=threads, **given), lambda repeat, result: reported.append(repeat))
    alone = run(made(strategy, lockstep=False, **given))
    assert [found(repeat) for repeat in together] == [found(repeat) for repeat in alone]
    assert sorted(reported) == sorted([0, 1, 2, 3] * 5)


def found(repeat):
    return [(r.target, r.genes.tobytes(), r.accuracy, r.cost, vars(r.counts), r.curve) for r in repeat.results]


def test_seconds_of_lockstep_are_shares_of_the_time_taken():
    PROBLEM.kernels  # noqa: B018  # may have to be compiled
    began = time.perf_counter()
    repeats = run(made(repeats=3, budget=Budget(30, 5)))
    taken = time.perf_counter() - began
    seconds = [second for repeat in repeats for second in repeat.target_seconds]
    assert min(seconds) > 0
    assert 0.5 * taken < sum(seconds) < taken
    assert [repeat.seconds for repeat in repeats] == pytest.approx([sum(r.target_seconds) for r in repeats])


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(engine.time, "perf_counter", lambda: self.now)


class Timed(ToyPredictor):
    """Takes 4 s for each call."""

    def __init__(self, space, clock):
        super().__init__(space)
        self.clock = clock

    def accuracy(self, genes):
        self.clock.now += 4
        return super().accuracy(genes)


def test_seconds_of_lockstep_add_up_to_the_time_taken_with_that_of_the_preparation(monkeypatch):
    """Preparing a repeat takes 10 s; both of them and all targets share 20 s, and 5 calls of 4 s each."""
    clock = Clock(monkeypatch)

    class Prepared(Vanilla):
        def coroutines(self, *given):
            clock.now += 10
            return super().coroutines(*given)

    space = PROBLEM.space
    problem = Problem(space, Timed(space, clock), PROBLEM.cost)
    problem.predictor.row_wise  # noqa: B018  # tried out in advance

    def report(repeat, result):
        clock.now += 1000

    cell = made(Prepared(EVOLUTION), targets=(40.0, 30.0), problem=problem)
    repeats = run(cell, report)
    assert [repeat.target_seconds for repeat in repeats] == [pytest.approx((10, 10))] * 2
    assert [repeat.seconds for repeat in repeats] == pytest.approx([20, 20])


def test_seconds_of_processes_are_scaled_to_the_time_of_all(monkeypatch):
    """Processes side by side took 12 s for what lasted 6 s: a second of theirs is half a second of the cell's."""

    class Processes:
        seconds = 6.0

        def __init__(self, problem, coroutines, threads, *, fork):
            assert (len(coroutines), threads, fork) == (2, 2, False)

        def __iter__(self):
            for coroutine, seconds in ((1, 5.0), (0, 7.0)):
                yield coroutine, (0, result()), seconds

    monkeypatch.setattr(engine, "LockstepRunner", Processes)
    Clock(monkeypatch)
    repeats = run(made(targets=(40.0,), threads=2))
    assert [repeat.target_seconds for repeat in repeats] == [(3.5,), (2.5,)]
    assert [repeat.seconds for repeat in repeats] == [3.5, 2.5]


def test_targets_of_one_search_share_what_it_took_and_others_keep_theirs(monkeypatch):
    shared = [dataclasses.replace(result(target), shared=2) for target in (40.0, 30.0)]
    taken = [(0, shared[0]), (2, result(20.0)), (1, shared[1])]
    clock = Clock(monkeypatch)

    class Slow(Strategy):
        def search(self, problem, targets, budget, rng):
            for seconds, item in zip((9, 4, 1), taken, strict=True):
                clock.now += seconds
                yield item

    (repeat,) = run(made(Slow(), targets=(40.0, 30.0, 20.0), repeats=1))
    assert repeat.target_seconds == (5, 5, 4)
    assert repeat.seconds == 14


@pytest.mark.parametrize(("generations", "forked"), [(499, False), (500, True)])
def test_searches_of_many_generations_are_forked(generations, forked, monkeypatch):
    """Four searches of 500 generations are worth it; 2,000 in all."""
    asked = []

    class Runner:
        seconds = 1.0

        def __init__(self, problem, coroutines, threads, *, fork):
            asked.append(fork)

        def __iter__(self):
            return iter([(i, (i % 2, result(target)), 1.0) for i, target in enumerate((40.0, 20.0) * 2)])

    monkeypatch.setattr(engine, "LockstepRunner", Runner)
    run(made(targets=(40.0, 20.0), budget=Budget(generations, 2)))
    assert asked == [forked]


def test_a_strategy_without_lines_runs_one_search_after_another():
    class Plain(Strategy):
        def search(self, problem, targets, budget, rng):
            yield from Vanilla(EVOLUTION).search(problem, targets, budget, rng)

    plain, lines = made(Plain()), made()
    assert (plain.together, lines.together, made(lockstep=False).together) == (False, True, False)
    assert [found(repeat) for repeat in run(plain)] == [found(repeat) for repeat in run(lines)]


class Fixed(Strategy):
    """Returns preset values."""

    def __init__(self, items):
        self.items = items

    def search(self, problem, targets, budget, rng):
        yield from self.items


def result(target=40.0, genes=PROBLEM.cost.cheapest):
    return SearchResult(target, True, genes, 0.5, PROBLEM.cost.minimum)


def with_alternatives(*genes, feasible=True):
    others = tuple(Alternative(one, 0.5, PROBLEM.cost.minimum) for one in genes)
    return dataclasses.replace(result(), alternatives=others, feasible=feasible)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "gave 0 results for 1 targets"),
        ([(0, result()), (0, result())], "duplicate or unknown target"),
        ([(1, result())], "duplicate or unknown target"),
        ([result()], r"gave SearchResult; it must yield \(position in targets, SearchResult\)"),
        ([(0, "result")], r"gave tuple; it must yield \(position in targets, SearchResult\)"),
        ([(0, dataclasses.replace(result(), accuracy=None))], "gave accuracy None for target 40.0"),
        ([(0, dataclasses.replace(result(), accuracy=80.0))], "gave accuracy 80.0 for target 40.0"),
        ([(0, result(target=41.0))], "duplicate or unknown target"),
        ([(0, result(genes=PROBLEM.cost.dearest))], "misses target 40.0"),
        ([(0, result(genes=PROBLEM.cost.cheapest - np.int8(1)))], "outside space mbv3"),
        ([(0, result(genes=PROBLEM.cost.cheapest[None]))], "outside space mbv3"),
        ([(0, result(genes=PROBLEM.cost.cheapest + 0.0))], "outside space mbv3"),
        *(
            ([(0, with_alternatives(PROBLEM.cost.cheapest, one))], "invalid alternative for target 40.0")
            for one in (
                PROBLEM.cost.dearest,
                PROBLEM.cost.cheapest - np.int8(1),
                PROBLEM.cost.cheapest[:-1],
                PROBLEM.cost.cheapest[None],
                PROBLEM.cost.cheapest + 0.0,
                None,
            )
        ),
        ([(0, with_alternatives(PROBLEM.cost.cheapest, feasible=False))], "invalid alternative for target 40.0"),
    ],
)
def test_what_a_strategy_gives_is_checked(items, message):
    with pytest.raises(RuntimeError, match=message):
        run(made(Fixed(items), targets=(40.0,)))
