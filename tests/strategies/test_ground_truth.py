"""Strategies where the truth is known: the exact optimum of every target, and the contract in such a space."""

from functools import cache

import numpy as np
import pytest

from ofa_bench.predictors import latency_table, table_predictor
from ofa_bench.records import frontiers
from ofa_bench.records.frontiers import NOISE
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import NASBenchMacroSpace
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.strategies import (
    NSGA2,
    TPE,
    Budget,
    Chain,
    Exhaustive,
    Joint,
    LocalSearch,
    OFAReference,
    RandomSearch,
    Vanilla,
)
from ofa_bench.testing import check_strategy

SPACE = NASBenchMacroSpace()
DEVICES = sorted(path.parent.name for path in (frontiers.FOLDER.parent / "devices").glob(f"*/{SPACE.name}.json"))
SMALL = Evolution(population_size=20)
STRATEGIES = {
    "vanilla": Vanilla(SMALL),
    "top_down": Chain(SMALL, "descending"),
    "bottom_up": Chain(SMALL, "ascending"),
    "joint": Joint(evaluations=150, restart=60),
    "nsga2": NSGA2(population_size=20),
    "random": RandomSearch(population_size=20),
    "local_search": LocalSearch(population_size=20),
    "tpe": TPE(evaluations=20),
    "ofa_reference": OFAReference(SMALL),
    "exhaustive": Exhaustive(),
}
[ROWS] = architectures(SPACE, 10_000)


@cache
def problem(device="macs", labels=None):
    return Problem(SPACE, table_predictor(SPACE, labels=labels), latency_table(SPACE, device))


def optima(device, targets):
    accuracy, cost = problem().predictor.accuracy(ROWS), problem(device).cost.cost(ROWS)
    return [accuracy[cost <= target].max() for target in targets]


@pytest.mark.parametrize("device", DEVICES)
def test_exhaustive_has_no_regret(device):
    given = problem(device)
    low, high = given.cost.minimum, given.cost.maximum
    targets = [*given.cost.targets, *np.linspace(low, high, 9).tolist()]
    results = dict(Exhaustive().search(given, targets, Budget(1, 1), np.random.default_rng(0)))
    assert [results[i].accuracy for i in range(len(targets))] == optima(device, targets)


@pytest.mark.parametrize("device", DEVICES)
def test_the_frontier_in_the_package_is_exact_at_every_cost(device):
    frontier = frontiers.find(problem(device))
    assert frontier.about["exact"] is True
    costs = np.unique(problem(device).cost.cost(ROWS))[::7].tolist()
    assert [frontier.best_known(cost) for cost in costs] == pytest.approx(optima(device, costs), abs=NOISE)


@pytest.mark.parametrize("name", STRATEGIES)
def test_contract(name):
    check_strategy(STRATEGIES[name], problem(labels=100 if name == "joint" else None))


def test_a_search_by_a_fitted_predictor_finds_less_than_it_believes():
    """Its winners are overrated, and true regret tells by how much they are worse than the optimum."""
    given, truth = problem(labels=100), problem().predictor
    targets = given.cost.targets
    results = dict(Exhaustive().search(given, targets, Budget(1, 1), np.random.default_rng(0)))
    believed = np.array([results[i].accuracy for i in range(len(targets))])
    true = truth.accuracy(np.stack([results[i].genes for i in range(len(targets))]))
    regret = np.array(optima("macs", targets)) - true
    assert (regret >= 0).all()
    assert 0.001 < regret.mean() < 0.02
    assert believed.mean() > true.mean()
