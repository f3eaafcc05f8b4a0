import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.search import Evolution
from ofa_bench.strategies import Budget, Chain, Vanilla
from ofa_bench.testing import check_strategy, toy_problem

PROBLEM = toy_problem()
EVOLUTION = Evolution(population_size=40)
STRATEGIES = {
    "vanilla": Vanilla(EVOLUTION),
    "top_down": Chain(EVOLUTION, order="descending"),
    "bottom_up": Chain(EVOLUTION, order="ascending"),
}
BUDGET = Budget(generations=30, warm_generations=6)


def run(name, targets, budget=BUDGET, seed=0):
    return list(STRATEGIES[name].search(PROBLEM, targets, budget, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", STRATEGIES)
def test_contract(name):
    check_strategy(STRATEGIES[name])


@pytest.mark.parametrize(
    ("name", "order"), [("vanilla", [0, 1, 2, 3]), ("top_down", [0, 2, 3, 1]), ("bottom_up", [1, 2, 3, 0])]
)
def test_order_and_budget(name, order):
    results = run(name, (50, 20, 30, 30))
    assert [i for i, _ in results] == order
    generations = [result.generations for _, result in results]
    assert generations == ([30] * 4 if name == "vanilla" else [30, 6, 6, 6])


@pytest.mark.parametrize("name", ["top_down", "bottom_up"])
def test_the_first_search_of_a_chain_is_vanillas(name):
    targets = (40, 20, 30)
    vanilla = dict(run("vanilla", targets))
    first, result = run(name, targets)[0]
    assert (result.genes == vanilla[first].genes).all()
    assert result.counts == vanilla[first].counts


def test_bottom_up_never_gets_worse_upwards():
    accuracies = [result.accuracy for _, result in run("bottom_up", (15, 20, 25, 30, 40, 50))]
    assert accuracies == sorted(accuracies)


def test_top_down_starts_from_a_pruned_winner():
    winner = run("top_down", (60,))[0][1].genes
    pruned = STRATEGIES["top_down"].seed(PROBLEM.evaluator(), winner, 40.0, np.random.default_rng(1))
    assert PROBLEM.cost.cost(pruned[None])[0] <= 40.0
    assert (pruned <= winner).all()
    # One generation suffices to show the start: a cold search of the same stream is worse.
    budget = Budget(generations=60, warm_generations=1)
    _, warm = run("top_down", (60, 58), budget)[1]
    cold = dict(run("vanilla", (60, 58), Budget(1, 1)))[1]
    assert warm.accuracy > cold.accuracy


@pytest.mark.parametrize("name", ["top_down", "bottom_up"])
def test_a_chain_goes_on_over_infeasible_targets(name):
    results = run(name, (5, 20, 30, 1))
    assert {i: result.feasible for i, result in results} == {0: False, 1: True, 2: True, 3: False}
    feasible = [result.generations for _, result in results if result.feasible]
    assert feasible == [30, 6]


def test_unknown_order_is_refused():
    with pytest.raises(InputError, match=r"strategy.order=up: must be ascending or descending"):
        Chain(EVOLUTION, order="up")


def test_contract_says_what_a_search_must_yield():
    class Bare(Vanilla):
        def search(self, problem, targets, budget, rng):
            for _, result in super().search(problem, targets, budget, rng):
                yield result

    with pytest.raises(AssertionError, match=r"search must yield \(position in targets, SearchResult\)"):
        check_strategy(Bare(EVOLUTION))
