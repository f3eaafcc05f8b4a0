import copy
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import SubspacePredictor, embedded_predictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.search import Evolution, LockstepRunner, Problem, lockstep
from ofa_bench.strategies import Budget, Chain, Vanilla, is_fork_safe
from ofa_bench.testing import CountingPredictor, ToyPredictor, check_predictor, check_strategy, toy_problem

EVOLUTION = Evolution(population_size=30)
BUDGET = Budget(20, 5)
SPACE, TABLE = toy_problem().space, toy_problem().cost
TARGETS = (15.0, 60.0, 5.0, 30.0, 20.0, 30.0)


class Counting(CountingPredictor):
    """Counts calls of a predictor that may serve several searches at once."""

    row_wise = True


class Noisy(ToyPredictor):
    """Its values depend on the rows beside them, and it does not hide it."""

    row_wise = False

    def accuracy(self, genes):
        return super().accuracy(genes) + 1e-9 * len(genes)


class Unforked(ToyPredictor):
    """Declares nothing of forks."""


class Declares(Vanilla):
    """A user's strategy."""

    fork_safe = True


def problem(wrap=lambda predictor: predictor):
    made = toy_problem()
    return Problem(made.space, wrap(Unforked(made.space)), made.cost)


def coroutines(made, strategy=None, seeds=(0,)):
    strategy = strategy or Vanilla(EVOLUTION)
    several = [strategy.coroutines(made, TARGETS, BUDGET, np.random.default_rng(seed)) for seed in seeds]
    return [coroutine for of_one in several for coroutine in of_one]


def together(made, made_lines, threads=1):
    every = LockstepRunner(made, made_lines, threads, fork=True)
    found = {(number, position): (result, seconds) for number, (position, result), seconds in every}
    return every, found


def prints(found):
    return {at: (r.genes.tobytes(), r.accuracy, r.cost, str(r.counts), r.curve) for at, (r, _) in found.items()}


def test_one_call_a_generation_serves_all_searches():
    counting = problem(Counting)
    _, found = together(counting, coroutines(counting))
    assert len(counting.predictor.asked) == BUDGET.generations + 1
    made = sum(result.counts.unique_evaluations for result, _ in found.values())
    assert made == sum(len(rows) for rows in counting.predictor.asked)


def test_chains_of_several_repeats_share_calls():
    counting = problem(Counting)
    together(counting, coroutines(counting, Chain(EVOLUTION, "ascending"), range(4)))
    assert len(counting.predictor.asked) == BUDGET.generations + 1 + 4 * (BUDGET.warm_generations + 1)


def test_grouping_does_not_matter(monkeypatch):
    made = problem()
    _, wanted = together(made, coroutines(made, seeds=(0, 1)))
    for rows, threads, worth in ((1, 1, 1.0), (40, 1, 1.0), (10**9, 1, 1.0), (40, 2, 1e-9), (512, 5, 1e-6)):
        monkeypatch.setattr(lockstep, "ROWS", rows)
        monkeypatch.setattr(lockstep, "WORTH_A_THREAD", worth)
        _, found = together(made, coroutines(made, seeds=(0, 1)), threads)
        assert prints(found) == prints(wanted)


def test_no_more_searches_join_than_fill_a_call(monkeypatch):
    monkeypatch.setattr(lockstep, "ROWS", 50)
    counting = problem(Counting)
    together(counting, coroutines(counting, seeds=range(5)))
    assert max(len(rows) for rows in counting.predictor.asked) < 150  # 575 without


def test_a_predictor_that_is_not_row_wise_is_called_for_each_search(monkeypatch):
    noisy = problem(lambda predictor: Noisy(predictor.space))
    _, found = together(noisy, coroutines(noisy), threads=4)
    run_single = dict(Vanilla(EVOLUTION).search(noisy, TARGETS, BUDGET, np.random.default_rng(0)))
    assert prints(found) == prints({(i, i): (result, 0.0) for i, result in run_single.items()})


@pytest.mark.parametrize("threads", [1, 3])
def test_seconds_are_shared(threads):
    made = problem()
    began = time.perf_counter()
    every, found = together(made, coroutines(made, seeds=range(4)), threads)
    assert 0 < every.seconds <= time.perf_counter() - began
    assert sum(seconds for _, seconds in found.values()) == pytest.approx(every.seconds)


def test_each_finding_gets_its_equal_share_of_the_time_since_the_one_before(monkeypatch):
    """By a clock that moves only as the predictor is asked: 1 s, then 2 s, then 3 s."""
    now, calls = [0.0], []

    class Timed(Counting):
        def accuracy(self, genes):
            calls.append(len(genes))
            now[0] += len(calls)
            return super().accuracy(genes)

    def asking(*times):
        for i, n in enumerate(times):
            for _ in range(n):
                yield SPACE.sample(3, np.random.default_rng(0))
            yield i, None

    monkeypatch.setattr(lockstep.time, "perf_counter", lambda: now[0])
    made = problem(Timed)
    every, found = together(made, [asking(1, 2), asking(2), asking(3)])
    # The first call is shared by three, the second too (one of them ends there), the third by two.
    assert calls == [9, 9, 6]
    seconds = {at: seconds for at, (_, seconds) in found.items()}
    assert seconds == {(0, 0): 1 / 3, (0, 1): 2 / 3 + 1.5, (1, 0): 1.0, (2, 0): 2.5}
    assert every.seconds == 6


def test_calls_that_take_long_are_split_among_threads():
    class Slow(Counting):
        def accuracy(self, genes):
            names.setdefault(threading.current_thread().name, []).append(len(genes))
            time.sleep(2e-5 * len(genes))
            return super().accuracy(genes)

    names = {}
    made = problem(Slow)
    _, found = together(made, coroutines(made, seeds=(0, 1)), threads=3)
    assert len(names) == 3
    assert sum(map(sum, names.values())) == sum(result.counts.unique_evaluations for result, _ in found.values())
    _, wanted = together(made, coroutines(made, seeds=(0, 1)), threads=1)
    assert prints(found) == prints(wanted)


def test_short_calls_are_not_split(monkeypatch):
    monkeypatch.setattr(lockstep, "WORTH_A_THREAD", 10.0)
    counting = problem(Counting)
    together(counting, coroutines(counting), threads=4)
    assert len(counting.predictor.asked) == BUDGET.generations + 1


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_in_a_search_ends_all(threads, monkeypatch):
    class Failing(Counting):
        def accuracy(self, genes):
            if len(self.asked) >= 4:
                raise ValueError("no accuracy today")
            return super().accuracy(genes)

    monkeypatch.setattr(lockstep, "WORTH_A_THREAD", 1e-9)
    made = problem(Failing)
    with pytest.raises(ValueError, match="no accuracy today"):
        together(made, coroutines(made, seeds=range(20)), threads)
    assert len(made.predictor.asked) <= 6


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_end_when_nobody_listens(threads):
    counting = problem(Counting)
    running = iter(LockstepRunner(counting, coroutines(counting, seeds=range(200)), threads))
    next(running)
    running.close()
    assert sum(thread.name.startswith("ThreadPool") for thread in threading.enumerate()) == 0
    assert len(counting.predictor.asked) < 1000


EMBEDDED = embedded_predictor(SPACE)
FORKS = lockstep.may_fork(Problem(SPACE, EMBEDDED, TABLE))
forked = pytest.mark.skipif(not FORKS, reason="no forked processes here")


@forked
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_find_what_one_finds(processes):
    made = Problem(SPACE, EMBEDDED, TABLE)
    every, found = together(made, coroutines(made, seeds=(0, 1)), processes)
    assert every.processes == processes
    _, wanted = together(made, coroutines(made, seeds=(0, 1)), 1)
    assert prints(found) == prints(wanted)
    assert every.seconds > 0
    assert not multiprocessing.active_children()


class Unsure(ToyPredictor):
    """It may be forked, but is not known to be row-wise."""

    fork_safe, row_wise = True, False


def product_threads(number):
    """Find, instead of a target, how many threads a matrix product takes here, and the process."""
    yield number, (max(pool["num_threads"] for pool in threadpool_info()), os.getpid())


@pytest.mark.skipif(not threadpool_info(), reason="no library of matrix products has threads here")
@pytest.mark.parametrize("predictor", [EMBEDDED, Unsure(SPACE)], ids=["row_wise", "unsure"])
@pytest.mark.parametrize("fork", [pytest.param(True, marks=forked), False])
def test_a_matrix_product_has_one_thread(predictor, fork):
    """Two processes on two cores, with two threads each, would wait for each other; and last digits would differ."""
    made = Problem(SPACE, predictor, TABLE)
    with threadpool_limits(3):
        every = LockstepRunner(made, [product_threads(0), product_threads(1)], 2, fork=fork)
        found = dict(item for _, item, _ in every)
    threads, processes = zip(*found.values(), strict=True)
    assert set(threads) == {1}
    assert len({os.getpid(), *processes}) == (3 if fork else 1)


@forked
def test_one_line_stays_in_this_process():
    made = Problem(SPACE, EMBEDDED, TABLE)
    chain = coroutines(made, Chain(EVOLUTION, "ascending"))
    assert LockstepRunner(made, chain, 8, fork=True).processes == 1


@forked
def test_nothing_is_forked_unless_the_searches_are_fork_safe():
    made = Problem(SPACE, EMBEDDED, TABLE)
    assert LockstepRunner(made, coroutines(made), 8).processes == 1


def test_a_part_that_does_not_declare_it_is_not_forked():
    class Own(type(EMBEDDED)):
        """Another predictor, whatever it calls: what it inherits says nothing of that."""

    part = load_space("compofa")
    own = SubspacePredictor(part, CountingPredictor(ToyPredictor(SPACE)))
    assert not lockstep.may_fork(Problem(part, own, TABLE.within(part)))
    vars(own)["predictor"] = Own(SPACE, one_hot_columns(SPACE), EMBEDDED.layers, name="own", sha256="")
    assert not lockstep.may_fork(Problem(part, own, TABLE.within(part)))
    assert lockstep.may_fork(Problem(part, embedded_predictor(part), TABLE.within(part))) == FORKS
    made = problem()
    assert LockstepRunner(made, coroutines(made), 8, fork=True).processes == 1


@forked
def test_the_parts_of_a_user_are_forked_where_they_declare_it():
    class Space(type(SPACE)):
        fork_safe = True

    class Predictor(ToyPredictor):
        fork_safe = True

    class Table(type(TABLE)):
        fork_safe = True

    space, table = Space(), copy.copy(TABLE)
    table.__class__ = Table
    made = Problem(space, Predictor(space), table)
    every, found = together(made, coroutines(made), 2)
    assert every.processes == 2
    assert prints(found) == prints(together(made, coroutines(made), 1)[1])


def test_a_strategy_declares_it_with_its_evolution():
    class Inherits(Vanilla):
        pass

    class Other(Evolution):
        pass

    assert is_fork_safe(Vanilla(EVOLUTION))
    assert is_fork_safe(Declares(EVOLUTION))
    assert not is_fork_safe(Declares(Other()))
    assert not is_fork_safe(Inherits(EVOLUTION))
    check_strategy(Declares(EVOLUTION))


@forked
def test_the_contract_finds_what_is_not_fork_safe():
    class Lies(ToyPredictor):
        fork_safe = True

        def __init__(self, space):
            super().__init__(space)
            self.home = os.getpid()

        def accuracy(self, genes):
            return super().accuracy(genes) + 1e-9 * (os.getpid() != self.home)

    with pytest.raises(AssertionError, match="Lies declares fork_safe, but gives something else"):
        check_predictor(Lies(SPACE), SPACE)


def broken_line():
    yield SPACE.sample(3, np.random.default_rng(0))
    raise ValueError("no accuracy today")


def lost_line():
    yield SPACE.sample(3, np.random.default_rng(0))
    os.kill(os.getpid(), signal.SIGKILL)


@forked
@pytest.mark.parametrize(
    ("coroutine", "error", "message"),
    [(broken_line, ValueError, "no accuracy today"), (lost_line, RuntimeError, "ended before its work")],
)
def test_what_goes_wrong_in_a_process_ends_all(coroutine, error, message):
    made = Problem(SPACE, EMBEDDED, TABLE)
    with pytest.raises(error, match=message):
        together(made, [*coroutines(made), coroutine()], 2)
    assert not multiprocessing.active_children()


@forked
def test_processes_end_when_nobody_listens():
    made = Problem(SPACE, EMBEDDED, TABLE)
    running = iter(LockstepRunner(made, coroutines(made, seeds=range(100)), 2, fork=True))
    next(running)
    running.close()
    assert not multiprocessing.active_children()


def test_nothing_to_do():
    every, found = together(problem(), [], threads=2)
    assert (found, every.seconds) == ({}, 0.0)


def test_a_predictor_that_gives_too_few_values_is_refused():
    class Short(Counting):
        def accuracy(self, genes):
            return super().accuracy(genes)[:-1]

    for wrap in (Short, lambda predictor: CountingPredictor(Short(predictor))):
        made = problem(wrap)
        with pytest.raises(ValueError, match=r"gave (accuracies of shape )?\(\d+,\)"):
            together(made, coroutines(made))
