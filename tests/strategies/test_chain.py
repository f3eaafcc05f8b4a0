"""Orders and warm starts of chained searches; the paper's two strategies themselves are in test_strategies."""

from itertools import pairwise

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table
from ofa_bench.search import Evolution, Problem, prune
from ofa_bench.strategies import Budget, Chain, OFAReference, Vanilla, WarmStart
from ofa_bench.testing import CountingPredictor, check_strategy, toy_problem

PROBLEM = toy_problem()
SPACE, COST = PROBLEM.space, PROBLEM.cost
R = SPACE.index["r"]
EVOLUTION = Evolution(population_size=20)
BUDGET = Budget(generations=12, warm_generations=4)
TARGETS = (20.0, 25.0, 30.0, 40.0, 50.0)
PREVIOUS = SPACE.canonical(SPACE.sample(60, np.random.default_rng(7)))
SOFT = Evolution(population_size=20, constraint="soft")
HALF = Evolution(population_size=20, initial_ratio=0.5, reference_compat=True)


def chain(order="ascending", evolution=EVOLUTION, previous=None, **warm_start):
    return Chain(evolution, order, WarmStart(**warm_start), previous)


VARIANTS = {
    "middle_out": chain("middle_out"),
    "random": chain("random"),
    "cold": chain("random", seed="none"),
    "population_up": chain(seed="population"),
    "population_down": chain("descending", seed="population"),
    "prunings": chain("descending", prunings=5),
    "share": chain("descending", share=0.5, prunings=3),
    "resolution_kept": chain("descending", prune_resolution=False),
    "authors_top_down": chain("descending", HALF, share=1.0, prune_resolution=False),
    "authors_bottom_up": chain("ascending", HALF, seed="population"),
    "soft": chain("descending", SOFT),
    "soft_population": chain("middle_out", SOFT, seed="population", share=0.7, prunings=2),
    "previous": chain("descending", previous=PREVIOUS),
    "previous_only": chain(seed="none", previous=PREVIOUS, from_best=3),
    "previous_and_all_else": chain("random", SOFT, PREVIOUS, seed="population", share=1.0, prunings=2, from_best=30),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_contract(name):
    check_strategy(VARIANTS[name])


class Recorder(Evolution):
    """Keeps what each search starts from."""

    starts: list = []  # noqa: RUF012

    def steps(self, evaluator, target, generations, rng, start=None):
        self.starts.append((target, start))
        return super().steps(evaluator, target, generations, rng, start)


def run(strategy, targets=TARGETS, budget=BUDGET, seed=0, problem=PROBLEM):
    return list(strategy.search(problem, targets, budget, np.random.default_rng(seed)))


def starts(targets=TARGETS, budget=BUDGET, size=20, previous=None, order="ascending", ratio=1.0, **warm_start):
    """Return what was found, and what each search started from, by target."""
    Recorder.starts.clear()
    found = run(Chain(Recorder(size, initial_ratio=ratio), order, WarmStart(**warm_start), previous), targets, budget)
    return {result.target: result for _, result in found}, dict(Recorder.starts)


@pytest.mark.parametrize(
    ("order", "k", "wanted"),
    [
        ("ascending", 4, [0, 1, 2, 3]),
        ("descending", 4, [3, 2, 1, 0]),
        ("middle_out", 5, [2, 1, 3, 0, 4]),
        ("middle_out", 4, [2, 1, 3, 0]),
        ("middle_out", 2, [1, 0]),
        ("middle_out", 1, [0]),
    ],
)
def test_orders(order, k, wanted):
    shuffled = (3, 1, 4, 0, 2)
    targets = [20.0 + 5 * i for i in shuffled if i < k]
    assert [(result.target - 20) / 5 for _, result in run(chain(order), targets, Budget(1, 1))] == wanted


def test_random_orders_differ_by_seed_and_leave_the_targets_streams_alone():
    orders = [[i for i, _ in run(chain("random"), budget=Budget(1, 1), seed=seed)] for seed in range(8)]
    assert len({tuple(order) for order in orders}) > 4
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    for seed, order in enumerate(orders):
        vanilla = dict(run(Vanilla(EVOLUTION), budget=Budget(1, 1), seed=seed))
        first, result = run(chain("random"), budget=Budget(1, 1), seed=seed)[0]
        assert first == order[0]
        assert (result.genes == vanilla[first].genes).all()


@pytest.mark.parametrize("order", ["ascending", "descending", "middle_out", "random"])
def test_seeds_come_from_the_nearest_target_searched(order):
    for seed in range(3):
        Recorder.starts.clear()
        found = [result for _, result in run(Chain(Recorder(20), order), (50, 21, 20, 33, 24, 5), seed=seed)]
        feasible = [result for result in found if result.feasible]
        started = [start for target, start in Recorder.starts if target != 5]
        assert started[0] is None
        for i in range(1, len(feasible)):
            nearest = min(feasible[:i], key=lambda result, i=i: abs(result.target - feasible[i].target))
            (row,) = started[i]
            assert (row <= nearest.genes).all()
            assert (row == nearest.genes).all() == (nearest.cost <= feasible[i].target)


def test_without_seeds_later_searches_are_cold_ones_of_the_warm_budget():
    cold = run(chain(seed="none"))
    vanilla = dict(run(Vanilla(EVOLUTION), budget=Budget(BUDGET.warm_generations, 1)))
    assert [result.generations for _, result in cold] == [12, 4, 4, 4, 4]
    for i, result in cold[1:]:
        assert (result.genes == vanilla[i].genes).all()
        assert result.counts == vanilla[i].counts


def test_a_whole_population_goes_on_upwards_as_it_is():
    found, started = starts(seed="population")
    for before, target in pairwise(TARGETS):
        assert len(found[before].population) == 25  # the parents and their children
        assert (started[target] == found[before].population[:20]).all()


def test_a_whole_population_is_pruned_downwards():
    found, started = starts(order="descending", seed="population")
    for target, before in pairwise(TARGETS):
        assert (COST.cost(started[target]) <= target).all()
        assert (started[target] <= found[before].population[:20]).all()
        assert len(np.unique(started[target], axis=0)) > 10


@pytest.mark.parametrize("prunings", [1, 4])
def test_prunings_are_independent_copies(prunings):
    found, started = starts((30.0, 50.0), order="descending", prunings=prunings)
    assert len(np.unique(started[30.0], axis=0)) == len(started[30.0]) == prunings
    assert (started[30.0] <= found[50.0].genes).all()
    _, started = starts((30.0, 50.0), prunings=prunings)
    assert len(started[50.0]) == 1  # nothing to prune upwards


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"share": 0.5}, 10),
        ({"share": 1.0}, 20),
        ({"share": 0.01}, 1),
        ({"share": 0.5, "ratio": 0.5}, 5),
        ({"share": 0.5, "prunings": 3}, 10),
        ({"share": 0.5, "prunings": 13}, 10),
        ({"share": 0.25, "seed": "population"}, 5),
        ({"share": None, "seed": "population", "prunings": 2}, 40),
    ],
)
def test_a_share_of_the_first_population_is_seeded(settings, size):
    _, started = starts((30.0, 50.0), order="descending", **settings)
    assert len(started[30.0]) == size
    assert (COST.cost(started[30.0]) <= 30).all()
    if settings.get("seed") != "population":
        assert len(np.unique(started[30.0], axis=0)) == min(size, settings.get("prunings", 1))


def test_pruning_leaves_the_resolution_alone_as_long_as_it_can():
    top = COST.dearest
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert prune(PROBLEM.evaluator(), top, 35.0, rng, resolution=False)[R] == top[R]
    last = prune(PROBLEM.evaluator(), top, COST.minimum, np.random.default_rng(0), resolution=False)
    assert COST.cost(last[None])[0] == COST.minimum  # the target has to be met
    lowered = {
        kept: sum(
            (starts((30.0, 40.0), Budget(2, 1), order="descending", prunings=10, prune_resolution=kept)[1][30.0])[:, R]
            < run(chain("descending"), (30.0, 40.0), Budget(2, 1))[0][1].genes[R]
        )
        for kept in (True, False)
    }
    assert lowered[False] == 0 < lowered[True]


def test_the_authors_variants():
    found, started = starts(order="descending", ratio=0.5, share=1.0, prune_resolution=False)
    for target, before in pairwise(TARGETS):
        assert len(started[target]) == 10
        assert len(np.unique(started[target], axis=0)) == 1
        assert started[target][0, R] == found[before].genes[R]
    assert found[50.0].counts.evaluations == 10 + 12 * 20
    assert found[40.0].counts.evaluations == 10 + 4 * 20
    found, started = starts(ratio=0.5, seed="population")
    assert [len(started[target]) for target in TARGETS[1:]] == [20] * 4
    assert found[25.0].counts.evaluations == 20 + 4 * 20


def test_a_schedule_gives_each_warm_search_its_own_generations():
    budget = Budget(9, (5, 3))
    found = run(chain(), (5, 20, 25, 30, 35), budget)
    assert [result.generations for _, result in found] == [0, 9, 5, 3, 3]
    found = run(chain(previous=PREVIOUS), (5, 20, 25, 30), budget)
    assert [result.generations for _, result in found] == [0, 5, 3, 3]


@pytest.mark.parametrize("seed", ["best", "population", "none"])
@pytest.mark.parametrize("share", [None, 1.0])
def test_from_what_was_found_before_no_target_gets_worse(seed, share):
    before = dict(run(Vanilla(EVOLUTION), budget=Budget(60, 1)))
    previous = np.array([result.genes for result in before.values()])
    after = run(chain("random", previous=previous, seed=seed, share=share), budget=Budget(60, 1))
    assert all(result.accuracy >= before[i].accuracy for i, result in after)
    assert {result.generations for _, result in after} == {1}
    cold = dict(run(Vanilla(EVOLUTION), budget=Budget(1, 1)))
    assert all(result.accuracy > cold[i].accuracy for i, result in after)


def test_what_was_found_on_another_device_is_costed_anew():
    macs = Problem(SPACE, PROBLEM.predictor, latency_table(SPACE, "macs"))
    targets = (150.0, 250.0, 400.0)
    previous = np.array([result.genes for _, result in run(Vanilla(EVOLUTION), budget=Budget(60, 1))])
    after = run(chain(previous=previous), targets, Budget(60, 1), problem=macs)
    cold = dict(run(Vanilla(EVOLUTION), targets, Budget(1, 1), problem=macs))
    assert all(result.cost <= result.target for _, result in after)
    assert all(result.accuracy > cold[i].accuracy for i, result in after)


def test_the_most_accurate_of_what_was_found_before_seed_each_search():
    _, started = starts(previous=PREVIOUS, seed="none", from_best=4)
    cost, accuracy = COST.cost(PREVIOUS), PROBLEM.predictor.accuracy(PREVIOUS)
    for target, rows in started.items():
        assert len(rows) == 4
        assert (COST.cost(rows) <= target).all()
        values = PROBLEM.predictor.accuracy(rows)
        assert (np.diff(values) <= 0).all()
        assert values[0] >= accuracy[cost <= target].max(initial=0)
    _, started = starts(previous=PREVIOUS, from_best=4)
    assert [len(started[target]) for target in TARGETS] == [4, 5, 5, 5, 5]


def test_nothing_is_asked_for_an_infeasible_target():
    counting = CountingPredictor(PROBLEM.predictor)
    problem = Problem(SPACE, counting, COST)
    ((_, result),) = run(chain(previous=PREVIOUS), (5.0,), problem=problem)
    assert not result.feasible
    assert counting.asked == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": "bst"}, "seed=bst: must be best, population or none; did you mean 'best'"),
        ({"prunings": 0}, "prunings=0: must be a whole number of 1 or more"),
        ({"prunings": True}, "prunings=True: must be a whole number"),
        ({"from_best": 1.5}, "from_best=1.5: must be a whole number"),
        ({"prune_resolution": "no"}, "prune_resolution=no: must be true or false"),
        ({"share": 0}, "share=0: must be null, or a number above 0 and at most 1"),
        ({"share": 1.1}, "share=1.1: must be"),
        ({"share": "half"}, "share=half: must be"),
        ({"share": float("nan")}, "share=nan: must be"),
        ({"share": True}, "share=True: must be"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(InputError, match=rf"strategy\.warm_start\.{message}"):
        WarmStart(**settings)


def test_parts_of_another_kind_are_refused():
    with pytest.raises(InputError, match=r"strategy.order=middle: must be .*did you mean 'middle_out'"):
        Chain(EVOLUTION, "middle")
    with pytest.raises(InputError, match=r"strategy.warm_start=best: give its keys"):
        Chain(EVOLUTION, "ascending", "best")
    with pytest.raises(InputError, match=r"strategy.previous=3: .*name a record by strategy.warm_start.from"):
        Chain(EVOLUTION, "ascending", None, 3)


@pytest.mark.parametrize("changed", [{"constraint": "soft"}, {"initial_ratio": 0.5}])
def test_the_reference_refuses_what_ofa_does_not_do(changed):
    with pytest.raises(InputError, match=rf"evolution.{next(iter(changed))}=.*: strategy ofa_reference has"):
        OFAReference(Evolution(population_size=20, **changed))
