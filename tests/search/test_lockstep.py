import threading
import time

import numpy as np
import pytest

from ofa_bench.search import Evolution, Problem, Together, kernels, lockstep
from ofa_bench.strategies import Budget, Chain, Vanilla
from ofa_bench.testing import CountingPredictor, ToyPredictor, toy_problem

EVOLUTION = Evolution(population_size=30)
BUDGET = Budget(20, 5)
TARGETS = (15.0, 60.0, 5.0, 30.0, 20.0, 30.0)


class Counting(CountingPredictor):
    """Counts calls of a predictor that may serve several searches at once."""

    row_wise = True


class Noisy(ToyPredictor):
    """Its values depend on the rows beside them, and it does not hide it."""

    row_wise = False

    def accuracy(self, genes):
        return super().accuracy(genes) + 1e-9 * len(genes)


def problem(wrap=lambda predictor: predictor):
    made = toy_problem()
    return Problem(made.space, wrap(made.predictor), made.cost)


def lines(made, strategy=None, seeds=(0,)):
    strategy = strategy or Vanilla(EVOLUTION)
    several = [strategy.lines(made, TARGETS, BUDGET, np.random.default_rng(seed)) for seed in seeds]
    return [line for of_one in several for line in of_one]


def together(made, made_lines, threads=1):
    every = Together(made, made_lines, threads)
    found = {(number, position): (result, seconds) for number, (position, result), seconds in every}
    return every, found


def prints(found):
    return {at: (r.genes.tobytes(), r.accuracy, r.cost, str(r.counts), r.curve) for at, (r, _) in found.items()}


def test_one_call_a_generation_serves_all_searches():
    counting = problem(Counting)
    _, found = together(counting, lines(counting))
    assert len(counting.predictor.asked) == BUDGET.generations + 1
    made = sum(result.counts.unique_evaluations for result, _ in found.values())
    assert made == sum(len(rows) for rows in counting.predictor.asked)


def test_chains_of_several_repeats_share_calls():
    counting = problem(Counting)
    together(counting, lines(counting, Chain(EVOLUTION, "ascending"), range(4)))
    assert len(counting.predictor.asked) == BUDGET.generations + 1 + 4 * (BUDGET.warm_generations + 1)


def test_grouping_does_not_matter(monkeypatch):
    made = problem()
    _, wanted = together(made, lines(made, seeds=(0, 1)))
    for rows, threads in ((1, 1), (40, 1), (10**9, 1), (40, 2), (512, 5)):
        monkeypatch.setattr(lockstep, "ROWS", rows)
        _, found = together(made, lines(made, seeds=(0, 1)), threads)
        assert prints(found) == prints(wanted)


def test_no_more_searches_join_than_fill_a_call(monkeypatch):
    monkeypatch.setattr(lockstep, "ROWS", 50)
    counting = problem(Counting)
    together(counting, lines(counting, seeds=range(5)))
    assert max(len(rows) for rows in counting.predictor.asked) < 150  # 575 without


def test_a_predictor_that_is_not_row_wise_is_called_for_each_search(monkeypatch):
    noisy = problem(lambda predictor: Noisy(predictor.space))
    every, found = together(noisy, lines(noisy), threads=4)
    assert every.workers == 1
    alone = dict(Vanilla(EVOLUTION).search(noisy, TARGETS, BUDGET, np.random.default_rng(0)))
    assert prints(found) == prints({(i, i): (result, 0.0) for i, result in alone.items()})


def test_seconds_are_shared_and_the_busiest_thread_counts():
    made = problem()
    for threads in (1, 3):
        began = time.perf_counter()
        every, found = together(made, lines(made, seeds=range(4)), threads)
        taken = time.perf_counter() - began
        assert 0 < every.seconds <= taken
        assert sum(seconds for _, seconds in found.values()) <= every.workers * every.seconds * (1 + 1e-9)


@pytest.mark.skipif(kernels._library() is None, reason="no C compiler: one thread")
def test_threads_work_at_the_same_time():
    names = set()

    class Named(Counting):
        def accuracy(self, genes):
            names.add(threading.current_thread().name)
            time.sleep(0.001)
            return super().accuracy(genes)

    made = problem(Named)
    every, _ = together(made, lines(made, seeds=(0, 1)), threads=3)
    assert every.workers == len(names) == 3


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_in_a_search_ends_all(threads):
    class Failing(Counting):
        def accuracy(self, genes):
            if len(self.asked) == 4:
                raise ValueError("no accuracy today")
            return super().accuracy(genes)

    made = problem(Failing)
    with pytest.raises(ValueError, match="no accuracy today"):
        together(made, lines(made, seeds=range(20)), threads)
    assert len(made.predictor.asked) <= 5


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_stop_when_nobody_listens(threads):
    counting = problem(Counting)
    running = iter(Together(counting, lines(counting, seeds=range(200)), threads))
    next(running)
    running.close()
    assert sum(thread.name.startswith("ThreadPool") for thread in threading.enumerate()) == 0
    assert len(counting.predictor.asked) < 1000


def test_nothing_to_do():
    every, found = together(problem(), [], threads=2)
    assert (found, every.seconds) == ({}, 0.0)
