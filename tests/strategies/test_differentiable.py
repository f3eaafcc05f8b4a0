"""The differentiable search: it keeps to its budget, uses gradients where there are some, and has no side effects."""

import copy
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from tiny import tiny_problem

from ofa_bench.devices.cost import CostModel, CostTable
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import embedded_predictor, latency_table
from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.search import Problem
from ofa_bench.strategies import Budget, Differentiable, Exhaustive, Joint, RandomSearch
from ofa_bench.strategies.differentiable import _Learned
from ofa_bench.strategies.shared import BudgetedEvaluator
from ofa_bench.testing import CountingPredictor, ToyPredictor, check_strategy

TARGETS = (20.0, 30.0, 45.0)
OWNED = {"b": ("a", 1)}
WORTH = {"a": (0.5, 0.5625, 0.59375), "b": (0.0, 0.125, 0.0625), "c": (0.0, 0.03125), "one": (0.0,)}
COST = {"a": (1.0, 2.0, 4.0), "b": (1.0, 6.0, 2.0), "c": (0.5, 1.0), "one": (1.0,)}


class Whole(CostModel):
    """A cost model that is no table: that of a table, by its method alone."""

    def __init__(self, cost):
        self._cost = cost
        for name in ("name", "unit", "sha256", "card", "cheapest", "dearest", "minimum", "maximum"):
            setattr(self, name, getattr(cost, name))

    def cost(self, genes):
        return self._cost.cost(genes)


@pytest.fixture(scope="module")
def mbv3():
    space = load_space("mbv3")
    return Problem(space, embedded_predictor(space), latency_table(space, "note10"))


def search(strategy, problem, targets=TARGETS, budget=None, seed=0):
    results = dict(strategy.search(problem, targets, budget or Budget(5, 3), np.random.default_rng(seed)))
    return [results[i] for i in range(len(targets))]


def counted(results, key="evaluations"):
    return sum(getattr(result.counts, key) for result in results)


def mean(results):
    return np.mean([result.accuracy for result in results])


def test_it_keeps_the_contract_with_and_without_gradients(mbv3):
    check_strategy(Differentiable(evaluations=100))
    check_strategy(Differentiable(evaluations=100), mbv3)


def test_it_keeps_the_contract_with_a_cost_model_of_a_users():
    space = load_space("compofa")
    check_strategy(
        Differentiable(evaluations=60), Problem(space, ToyPredictor(space), Whole(latency_table(space, "macs")))
    )


def test_a_table_whose_class_has_a_cost_of_its_own_is_not_additive(mbv3):
    class Rounded(CostTable):
        def cost(self, genes):
            return np.round(super().cost(genes))

    assert _Learned(BudgetedEvaluator(mbv3, TARGETS, 10)).expected
    rounded = copy.copy(mbv3.cost)
    rounded.__class__ = Rounded
    problem = Problem(mbv3.space, mbv3.predictor, rounded)
    assert not _Learned(BudgetedEvaluator(problem, TARGETS, 10)).expected
    results = search(Differentiable(evaluations=100), problem)
    assert all(result.cost == round(result.cost) for result in results)


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_it_finds_the_optima_of_a_tiny_space(gradient, whole):
    problem = tiny_problem(WORTH, COST, OWNED, gradient)
    if whole:
        problem = Problem(problem.space, problem.predictor, Whole(problem.cost))
    targets = (4.0, 6.0, 7.0, 12.0, 1.0)
    found = search(Differentiable(evaluations=1000), problem, targets)
    best = search(Exhaustive(), problem, targets)
    assert [one.accuracy for one in found] == [one.accuracy for one in best]
    assert counted(found) <= 1 + 14, "the cheapest, and each architecture once"
    assert not found[-1].feasible


def test_the_budget_is_spent_on_new_architectures_and_gradients_are_counted(mbv3):
    counting = CountingPredictor(mbv3.predictor)
    problem = Problem(mbv3.space, counting, mbv3.cost)
    results = search(Differentiable(evaluations=500), problem)
    keys = [key for genes in counting.asked for key in problem.space.keys(genes)]
    assert len(keys) == len(set(keys)) == counted(results) == 500
    assert counted(results, "gradients") == 0
    results = search(Differentiable(evaluations=500), mbv3)
    assert counted(results) == 500
    assert 480 < counted(results, "gradients") < 500, "each sample but those of the last step, and the cheapest"
    assert {result.shared for result in results} == {3}


def test_gradients_are_charged_to_the_budget(mbv3):
    for given, cost in ((3.5, 3.5), ("measured", gradient_cost("mbv3", mbv3.predictor.sha256))):
        strategy = Differentiable(evaluations=600, gradient_cost=given)
        results = search(strategy, mbv3)
        charged = counted(results) + cost * counted(results, "gradients")
        assert strategy.charge(mbv3) == cost
        assert 600 - 1 < charged <= 600 + cost * 6
        assert counted(results) < 600 / cost


def test_gradients_help_and_reinforce_without_them_does(mbv3):
    blind = Problem(mbv3.space, CountingPredictor(mbv3.predictor), mbv3.cost)
    with_gradient, without = (mean(search(Differentiable(evaluations=3000), one)) for one in (mbv3, blind))
    random = mean(search(RandomSearch(evaluations=3000), mbv3))
    assert with_gradient > without + 0.002
    assert without > random + 0.001


def test_a_run_ends_where_it_has_converged_and_the_next_begins_anew(mbv3, monkeypatch):
    runs, run = [], Differentiable._run

    def recorded(self, learned, targets, generator):
        runs.append((len(targets), learned.budgeted.archive.size))
        yield from run(self, learned, targets, generator)

    monkeypatch.setattr(Differentiable, "_run", recorded)
    search(Differentiable(evaluations=600, steps=30), mbv3)
    sizes = [size for _, size in runs]
    assert len(sizes) >= 3, "600 evaluations are three runs of 30 steps or more"
    assert sizes[0] == 1
    assert 150 < sizes[1] <= 1 + 34 * 6
    many = np.linspace(15, 60, 200)
    runs.clear()
    results = search(Differentiable(evaluations=1000), mbv3, many)
    assert {targets for targets, _ in runs} == {10}
    assert counted(results) == 1000
    assert all(a.accuracy <= b.accuracy for a, b in pairwise(results))


def test_it_changes_nothing_outside(mbv3):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    state, kind = torch.get_rng_state(), torch.get_default_dtype()
    try:
        first = search(Differentiable(evaluations=300), mbv3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert (torch.get_rng_state() == state).all()
    assert torch.get_default_dtype() == kind
    again = search(Differentiable(evaluations=300), mbv3)
    assert [one.genes.tobytes() for one in first] == [one.genes.tobytes() for one in again]
    other = search(Differentiable(evaluations=300), mbv3, seed=1)
    assert [one.genes.tobytes() for one in first] != [one.genes.tobytes() for one in other]


def test_torch_is_imported_by_the_strategy_before_its_search_and_not_by_the_package():
    code = (
        "import sys, ofa_bench as ob; from ofa_bench.strategies import Budget, Differentiable; import numpy as np;"
        "from ofa_bench.testing import toy_problem; problem = toy_problem(); assert 'torch' not in sys.modules;"
        "made = Differentiable(evaluations=50); assert 'torch' in sys.modules; before = set(sys.modules);"
        "list(made.search(problem, [20.0], Budget(1, 1), np.random.default_rng(0)));"
        "assert not [name for name in set(sys.modules) - before if name.startswith('torch')]"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="strategy=differentiable: needs torch"):
        Differentiable()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("evaluations", 0, "must be a whole number of 1 or more"),
        ("samples", 0, "must be a whole number of 1 or more"),
        ("steps", 1.5, "must be a whole number of 1 or more"),
        ("learning_rate", 0, "must be more than 0"),
        ("temperature", float("nan"), "must be a number of 0 or more"),
        ("gradient_cost", "mesured", "must be a number of 0 or more, or measured"),
    ],
)
def test_wrong_values_are_refused(key, value, words):
    with pytest.raises(InputError, match=rf"strategy\.{key}={value}: {words}"):
        Differentiable(**{key: value})


def test_it_is_behind_joint_and_ahead_of_random(mbv3):
    joint, found, random = (
        mean(search(strategy, mbv3))
        for strategy in (Joint(evaluations=2000), Differentiable(evaluations=2000), RandomSearch(evaluations=2000))
    )
    assert random + 0.005 < found < joint
