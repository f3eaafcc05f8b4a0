import dataclasses
import time

import numpy as np
import pytest

from ofa_bench import engine
from ofa_bench.engine import Cell, run_repeats, stream
from ofa_bench.search import Evolution, SearchResult
from ofa_bench.strategies import Budget, Chain, Joint, Strategy, Vanilla
from ofa_bench.testing import toy_problem

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
    ],
)
def test_what_a_strategy_gives_is_checked(items, message):
    with pytest.raises(RuntimeError, match=message):
        run(made(Fixed(items), targets=(40.0,)))
