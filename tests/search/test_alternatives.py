"""Alternatives to a winner: the best other distinct architectures that were evaluated and met the target."""

from dataclasses import replace

import numpy as np
import pytest

from ofa_bench.search import Archive, Evolution, kernels
from ofa_bench.search.library import COMPILED_VARIABLE
from ofa_bench.strategies import (
    NSGA2,
    SMSEMOA,
    SPEA2,
    Budget,
    Chain,
    Differentiable,
    Joint,
    LocalSearch,
    MAPElites,
    OFAReference,
    RandomSearch,
    Vanilla,
)
from ofa_bench.testing import CountingPredictor, toy_problem

SMALL = Evolution(population_size=20)
STRATEGIES = {
    "vanilla": Vanilla(SMALL),
    "soft": Vanilla(replace(SMALL, constraint="soft")),
    "chain": Chain(SMALL, "descending"),
    "nsga2": NSGA2(population_size=20),
    "sms_emoa": SMSEMOA(population_size=20),
    "spea2": SPEA2(population_size=20),
    "map_elites": MAPElites(population_size=20),
    "joint": Joint(evaluations=300),
    "differentiable": Differentiable(evaluations=300),
    "local_search": LocalSearch(evaluations=300),
    "random": RandomSearch(evaluations=300),
}


def search(strategy, target=30.0, keep=10):
    problem = toy_problem()
    predictor = CountingPredictor(problem.predictor)
    problem = replace(problem, predictor=predictor, keep=keep)
    [(_, result)] = strategy.search(problem, [target], Budget(15, 4), np.random.default_rng(0))
    return problem, result, np.concatenate(predictor.asked)


@pytest.fixture(params=[True, False], ids=["compiled", "numpy"])
def compiled(request, monkeypatch):
    if not request.param:
        monkeypatch.setenv(COMPILED_VARIABLE, "0")
        kernels._library.cache_clear()
    yield
    kernels._library.cache_clear()


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("keep", [1, 10, 25])
def test_they_are_what_sorting_everything_evaluated_gives(name, keep):
    problem, result, asked = search(STRATEGIES[name], keep=keep)
    rows = np.unique(problem.space.canonical(asked), axis=0)
    rows = rows[problem.cost.cost(rows) <= 30.0]
    best = np.sort(problem.predictor.predictor.accuracy(rows))[::-1][:keep]
    found = [result, *result.alternatives]
    assert [one.accuracy for one in found] == best.tolist()
    assert len({one.genes.tobytes() for one in found}) == len(found)
    for one in found:
        row = one.genes[None]
        assert (problem.space.canonical(row) == row).all()
        assert problem.cost.cost(row)[0] == one.cost <= 30.0
        assert problem.predictor.predictor.accuracy(row)[0] == one.accuracy


def test_each_target_of_one_search_has_its_own():
    problem, targets = toy_problem(), [40.0, 15.0, 25.0, 5.0, 25.0]
    found = dict(Joint(evaluations=400).search(problem, targets, Budget(15, 4), np.random.default_rng(0)))
    assert found[3].alternatives == ()  # infeasible
    assert [one.accuracy for one in found[2].alternatives] == [one.accuracy for one in found[4].alternatives]
    for i in (0, 1, 2):
        assert len(found[i].alternatives) == 9
        assert max(one.cost for one in found[i].alternatives) <= targets[i]
        accuracies = [one.accuracy for one in (found[i], *found[i].alternatives)]
        assert accuracies == sorted(accuracies, reverse=True)


@pytest.mark.parametrize("canonical", [True, False])
def test_those_of_many_targets_are_those_of_each_by_itself(canonical):
    problem, rng = toy_problem(), np.random.default_rng(0)
    rows = np.concatenate([problem.cost.cheapest[None], problem.space.sample(500, rng)])
    rows = problem.space.canonical(rows) if canonical else rows
    evaluator, targets = problem.evaluator(), rng.uniform(problem.cost.minimum, problem.cost.maximum, 120).tolist()
    archive = Archive(evaluator, targets)
    archive.add(rows, evaluator.accuracy(rows), evaluator.cost(rows), 0)
    for target, result in zip(targets, archive.results(0), strict=True):
        (alone,) = Archive(evaluator, [target], archive.history).results(0)
        assert str(result.alternatives) == str(alone.alternatives)


def test_what_ofa_does_not_consider_is_no_alternative():
    for strategy in (OFAReference(SMALL), Vanilla(replace(SMALL, reference_compat=True))):
        _, result, _ = search(strategy)
        assert len(result.alternatives) == 9
        assert max(one.accuracy for one in result.alternatives) <= result.accuracy


def test_how_many_are_kept_is_checked(forks, tmp_path):
    ran = forks.run("run", ("keep=0", "tracking=none"), tmp_path)
    assert (ran.returncode, ran.stderr) == (
        2,
        "ofa_bench: keep=0: must be 1 or more\n",
    )


@pytest.mark.usefixtures("compiled")
def test_looking_for_them_takes_no_memory_for_all_that_was_evaluated():
    problem = replace(toy_problem(), keep=3)
    evaluator = problem.evaluator()
    evaluator.accuracy(problem.space.sample(5000, np.random.default_rng(0)))
    sizes = [len(genes) for genes, _ in evaluator._memo.best_first()]
    assert max(sizes) <= 64
    assert sum(sizes) == evaluator.counts.unique_evaluations
    values = np.concatenate([accuracy for _, accuracy in evaluator._memo.best_first()])
    assert (np.diff(values) <= 0).all()
