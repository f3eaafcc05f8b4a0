"""Limits on other costs: what is within them, the exact extremes, and searches by all strategies."""

import itertools

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.devices.cost import CostLimit, CostTable, Term
from ofa_bench.devices.limited import LimitedCost
from ofa_bench.errors import InputError
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import (
    NSGA2,
    Budget,
    Chain,
    Differentiable,
    Joint,
    LocalSearch,
    MAPElites,
    RandomSearch,
    Vanilla,
)

WORTH = dict.fromkeys("abcdef", (0.25, 0.375, 0.5))
COST = dict.fromkeys("abcdef", (1.0, 2.0, 4.0))
OTHER = {"a": (1.0, 5.0, 9.0), "b": (3.0, 2.0, 1.0)}
EVERY = np.array([*itertools.product(range(3), repeat=6)], np.int8)


def limited(most=6.0, gradient=True):
    problem = tiny_problem(WORTH, COST, gradient=gradient)
    terms = [Term(((name,),), np.array(values)) for name, values in OTHER.items()]
    other = CostTable(problem.space, terms, name="other", unit="MB", sha256="1" * 64, card={})
    cost = LimitedCost(problem.space, problem.cost, [CostLimit(other, most)])
    return Problem(problem.space, problem.predictor, cost), problem, other


def test_costs_are_infinite_where_a_limit_is_missed_and_the_extremes_are_exact():
    problem, plain, other = limited()
    within = other.cost(EVERY) <= 6
    assert 0 < within.sum() < len(EVERY)
    assert problem.cost.cost(EVERY).tolist() == np.where(within, plain.cost.cost(EVERY), np.inf).tolist()
    assert problem.cost.without_limits(EVERY).tolist() == plain.cost.cost(EVERY).tolist()
    assert problem.cost.costs_elsewhere(EVERY)["other"].tolist() == other.cost(EVERY).tolist()
    assert problem.cost.minimum == plain.cost.cost(EVERY)[within].min()
    assert problem.cost.cost(problem.cost.cheapest[None]).tolist() == [problem.cost.minimum]
    assert problem.cost.proven
    assert problem.cost.sha256 not in (plain.cost.sha256, limited(7.0)[0].cost.sha256)


def test_limits_that_no_architecture_meets_are_refused():
    problem, _, other = limited()
    with pytest.raises(InputError, match=r"^limits: no architecture of tiny meets other 1.5 MB together$"):
        LimitedCost(problem.space, problem.cost, [CostLimit(other, 1.5)])


EVOLUTION = Evolution(population_size=30)
STRATEGIES = {
    "vanilla": Vanilla(EVOLUTION),
    "top_down": Chain(EVOLUTION, "descending"),
    "joint": Joint(evaluations=300),
    "random": RandomSearch(evaluations=300),
    "local_search": LocalSearch(evaluations=300),
    "map_elites": MAPElites(evaluations=300),
    "nsga2": NSGA2(population_size=20, evaluations=300),
    "differentiable": Differentiable(evaluations=300),
}


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_strategies_find_the_best_within_target_and_limits(name, gradient):
    problem, plain, other = limited(gradient=gradient)
    accuracy, cost, within = (plain.predictor.accuracy(EVERY), plain.cost.cost(EVERY), other.cost(EVERY) <= 6)
    targets = [7.0, 12.0, 100.0]
    found = dict(STRATEGIES[name].search(problem, targets, Budget(25, 8), np.random.default_rng(0)))
    for i, target in enumerate(targets):
        best = accuracy[within & (cost <= target)].max()
        row = found[i].genes[None]
        assert other.cost(row)[0] <= 6
        assert plain.cost.cost(row)[0] == found[i].cost <= target
        assert found[i].accuracy >= best - (0.25 if name == "random" else 0.125)
        for one in found[i].alternatives:
            assert other.cost(one.genes[None])[0] <= 6


def test_without_the_limit_the_best_would_miss_it():
    _, plain, other = limited()
    [(_, found)] = Joint(evaluations=300).search(plain, [100.0], Budget(1, 1), np.random.default_rng(0))
    assert other.cost(found.genes[None])[0] > 6
