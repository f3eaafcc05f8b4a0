import json
from pathlib import Path

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.search import Evolution, Problem
from ofa_bench.testing import CountingPredictor, toy_problem

GOLDEN = Path(__file__).parents[1] / "golden" / "evolution.json"
PROBLEM = toy_problem()


def search(target=30.0, generations=20, seed=0, start=None, problem=PROBLEM, **settings):
    rng = np.random.default_rng(seed)
    return Evolution(**settings).search(problem.evaluator(), target, generations, rng, start)


def trace(result):
    return {
        "genes": result.genes.tolist(),
        "accuracy": result.accuracy,
        "cost": result.cost,
        "counts": vars(result.counts),
        "curve": [list(point) for point in result.curve],
    }


@pytest.mark.parametrize("name", ["middle", "tight", "small_population", "reference_compat"])
def test_golden_trace(name):
    golden = json.loads(GOLDEN.read_text())[name]
    found = trace(search(**golden["arguments"]))
    assert found["genes"] == golden["trace"]["genes"]
    assert found["counts"] == {**golden["trace"]["counts"], "repeated_measurements": 0}
    assert found["cost"] == pytest.approx(golden["trace"]["cost"], rel=1e-12)
    assert np.array(found["curve"]) == pytest.approx(np.array(golden["trace"]["curve"]), rel=1e-12)


def test_no_architecture_is_evaluated_twice():
    counting = CountingPredictor(PROBLEM.predictor)
    result = search(problem=Problem(PROBLEM.space, counting, PROBLEM.cost), generations=60)
    keys = [key for genes in counting.asked for key in PROBLEM.space.keys(genes)]
    assert len(keys) == len(set(keys)) == result.counts.unique_evaluations
    assert result.counts.evaluations == 100 * 61
    assert result.counts.unique_evaluations < 0.8 * result.counts.evaluations
    assert result.counts.cost_lookups >= result.counts.proposals > result.counts.evaluations


def test_every_evaluated_architecture_meets_the_target():
    counting = CountingPredictor(PROBLEM.predictor)
    search(problem=Problem(PROBLEM.space, counting, PROBLEM.cost), target=16.0)
    assert PROBLEM.cost.cost(np.concatenate(counting.asked)).max() <= 16.0


def test_more_generations_find_better():
    few, many = search(generations=2), search(generations=100)
    assert many.accuracy > few.accuracy


def test_the_last_parents_and_their_children_come_back_best_first():
    result = search(generations=30)
    accuracy = PROBLEM.predictor.accuracy(result.population)
    assert len(accuracy) == 25 + 100
    assert (np.diff(accuracy) <= 0).all()
    assert accuracy[0] == result.accuracy


def test_the_last_generation_counts_unless_reference_compat():
    differ = 0
    for seed in range(10):
        ours = search(generations=1, seed=seed, population_size=40)
        theirs = search(generations=1, seed=seed, population_size=40, reference_compat=True)
        assert theirs.accuracy == theirs.curve[0][-1]  # nothing but the first population was considered
        assert ours.accuracy >= theirs.accuracy
        differ += ours.accuracy > theirs.accuracy
    assert differ > 0


def test_start_enters_the_first_population():
    best = search(generations=100).genes
    result = search(generations=1, seed=1, start=best[None])
    assert result.curve[0] == (0, 100, result.curve[0][2], PROBLEM.predictor.accuracy(best[None])[0])


@pytest.mark.parametrize(("ratio", "size"), [(1.0, 100), (0.5, 50), (0.001, 1)])
def test_the_first_population_is_a_share_of_the_others(ratio, size):
    result = search(generations=3, initial_ratio=ratio)
    assert result.counts.evaluations == size + 3 * 100
    seeds = np.repeat(PROBLEM.cost.cheapest[None], 130, axis=0)
    for given, wanted in ((1, size), (70, max(70, size)), (130, 100)):
        started = search(generations=3, initial_ratio=ratio, start=seeds[:given])
        assert started.counts.evaluations == wanted + 3 * 100


def test_a_soft_constraint_redraws_nothing_and_finds_what_meets_the_target():
    for target in (12.0, 20.0, 40.0):
        counting = CountingPredictor(PROBLEM.predictor)
        problem = Problem(PROBLEM.space, counting, PROBLEM.cost)
        result = search(target, generations=40, constraint="soft", problem=problem)
        asked = np.concatenate(counting.asked)
        cost, accuracy = PROBLEM.cost.cost(asked), PROBLEM.predictor.accuracy(asked)
        assert cost.max() > target >= result.cost
        assert PROBLEM.cost.cost(counting.asked[0]).max() <= target
        assert result.accuracy == accuracy[cost <= target].max()
        first = search(target, generations=0)
        assert result.counts.proposals == first.counts.proposals + 40 * 100
        assert result.accuracy > first.accuracy


def test_a_soft_constraint_keeps_parents_by_reward():
    target, exponent = 25.0, -0.2
    result = search(target, generations=10, constraint="soft", reward_exponent=exponent)
    reward = PROBLEM.predictor.accuracy(result.population) * (PROBLEM.cost.cost(result.population) / target) ** exponent
    assert (np.diff(reward) <= 0).all()
    mean_cost = [
        PROBLEM.cost.cost(search(target, 30, constraint="soft", reward_exponent=w).population).mean()
        for w in (0.0, -0.07, -0.5)
    ]
    assert mean_cost == sorted(mean_cost, reverse=True)


@pytest.mark.parametrize("settings", [{"constraint": "soft"}, {"initial_ratio": 0.3}])
def test_compiled_or_not_the_same_is_found(settings):
    plain = toy_problem()
    plain.__dict__["kernels"] = None
    for target in (14.0, 35.0):
        assert trace(search(target, problem=plain, **settings)) == trace(search(target, **settings))


def test_infeasible_target_names_the_nearest_cost():
    result = search(target=5.0)
    assert (result.feasible, result.accuracy, result.cost) == (False, None, PROBLEM.cost.minimum)
    assert result.counts.proposals == 0


def test_target_just_above_the_minimum_ends_and_is_met():
    result = search(target=PROBLEM.cost.minimum * (1 + 1e-9), generations=3)
    assert result.cost == PROBLEM.cost.minimum
    assert (result.genes == PROBLEM.cost.cheapest).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population_size": 0}, "evolution.population_size=0: must be 1 or more"),
        ({"mutate_prob": 1.5}, "evolution.mutate_prob=1.5: must be from 0 to 1"),
        ({"parent_ratio": float("nan")}, "evolution.parent_ratio=nan"),
        ({"mutation_ratio": -0.1}, "evolution.mutation_ratio=-0.1"),
        ({"initial_ratio": 0}, "evolution.initial_ratio=0: must be above 0 and at most 1"),
        ({"initial_ratio": 1.5}, "evolution.initial_ratio=1.5: must be above 0"),
        ({"constraint": "sfot"}, "evolution.constraint=sfot: must be hard or soft; did you mean 'soft'"),
        ({"reward_exponent": 0.07}, "evolution.reward_exponent=0.07: must be a number of 0 or less"),
        ({"reward_exponent": float("nan")}, "evolution.reward_exponent=nan: must be"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(InputError, match=message):
        Evolution(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"population_size": 1},
        {"mutation_ratio": 0.0},
        {"mutation_ratio": 1.0},
        {"constraint": "soft", "population_size": 1},
        {"constraint": "soft", "reference_compat": True},
    ],
)
def test_extreme_settings_work(settings):
    result = search(generations=5, **settings)
    assert result.cost <= 30
