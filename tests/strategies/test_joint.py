"""The joint search: it keeps to its budget, evaluates nothing twice, and beats vanilla with fewer evaluations."""

from itertools import pairwise

import numpy as np
import pytest

from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import embedded_predictor, latency_table
from ofa_bench.search import Archive, Evolution, Problem
from ofa_bench.search.changes import Changes
from ofa_bench.strategies import Budget, Joint, Vanilla
from ofa_bench.testing import CountingPredictor, check_strategy, toy_problem


@pytest.fixture(scope="module")
def mbv3():
    space = load_space("mbv3")
    return Problem(space, embedded_predictor(space), latency_table(space, "note10"))


def _found(strategy, problem, targets, seed=0, budget=None):
    results = dict(strategy.search(problem, targets, budget or Budget(5, 3), np.random.default_rng(seed)))
    return [results[i] for i in range(len(targets))]


def _mean(results):
    return np.mean([result.accuracy for result in results])


def test_it_keeps_the_contract_with_and_without_gradients(mbv3):
    check_strategy(Joint(evaluations=400, restart=120))
    check_strategy(Joint(evaluations=400, restart=120), mbv3)


@pytest.mark.parametrize("name", ["mbv3", "resnet50d", "proxyless"])
def test_it_beats_vanilla_with_a_tenth_of_the_evaluations(name):
    space = load_space(name)
    problem = Problem(space, embedded_predictor(space), latency_table(space, "macs"))
    low, high = problem.cost.minimum, problem.cost.maximum
    targets = [low + share * (high - low) for share in (0.05, 0.1, 0.2, 0.3)]
    vanilla = _found(Vanilla(Evolution()), problem, targets, budget=Budget(30, 5))
    joint = _found(Joint(evaluations=1000), problem, targets)
    assert sum(result.counts.evaluations for result in joint) == 1000
    assert sum(result.counts.unique_evaluations for result in vanilla) > 3000
    assert _mean(joint) > _mean(vanilla)


def test_it_evaluates_nothing_twice_and_counts_gradients(mbv3):
    counting = CountingPredictor(mbv3.predictor)
    problem = Problem(mbv3.space, counting, mbv3.cost)
    _found(Joint(evaluations=700, restart=200), problem, [20.0, 30.0])
    keys = [key for genes in counting.asked for key in problem.space.keys(genes)]
    assert len(keys) == len(set(keys)) == 700
    for with_gradient, one in ((True, mbv3), (False, problem)):
        gradients = sum(result.counts.gradients for result in _found(Joint(evaluations=300), one, [20.0, 30.0]))
        assert (gradients > 0) == with_gradient


def test_gradients_help_and_without_them_a_regression_does(mbv3):
    blind = Problem(mbv3.space, CountingPredictor(mbv3.predictor), mbv3.cost)
    targets = [15.0, 20.0, 30.0, 45.0]
    with_gradient, without = (_mean(_found(Joint(evaluations=1500), one, targets)) for one in (mbv3, blind))
    vanilla = _mean(_found(Vanilla(Evolution()), mbv3, targets, budget=Budget(15, 5)))
    assert with_gradient > without > vanilla


def test_its_cost_does_not_grow_with_the_number_of_targets(mbv3):
    few, many = ([float(t) for t in np.linspace(15, 60, k)] for k in (10, 1000))
    for targets in (few, many):
        results = _found(Joint(evaluations=1000), mbv3, targets)
        assert sum(result.counts.evaluations for result in results) == 1000
        assert all(a.accuracy <= b.accuracy for a, b in pairwise(results))
        assert all(result.shared == len(targets) for result in results)


def test_a_space_smaller_than_the_budget_is_no_endless_loop():
    space = load_space("compofa")
    problem = Problem(space, embedded_predictor(space), latency_table(space, "note10"))
    results = _found(Joint(evaluations=10_000), problem, [problem.cost.maximum])
    assert results[0].counts.evaluations <= 1215


def test_a_change_that_is_linear_is_estimated_exactly(mbv3):
    """One gene changed so little that no unit switches: the estimate is the difference of predictions."""
    space, predictor = mbv3.space, mbv3.predictor
    genes = space.canonical(space.sample(40, np.random.default_rng(0)))
    features = predictor.features(genes)[:, :-1]
    gradient = predictor._gradient(features)
    step = 1e-5 * np.random.default_rng(1).normal(size=features.shape).astype(np.float32)

    def value(inputs):
        hidden = inputs.astype(np.float64)
        for weight, bias in predictor._padded[:-1]:
            hidden = np.maximum(hidden @ weight.astype(np.float64) + bias, 0)
        return (hidden @ predictor._padded[-1][0].astype(np.float64))[:, 0]

    expected = (value(features + step) - value(features - step)) / 2
    assert np.allclose((gradient * step).sum(axis=1), expected, rtol=1e-3, atol=1e-9)
    changed = np.repeat(genes[:, None], 3, axis=1)
    changed[:, 1, 0] = (genes[:, 0] + 1) % 5
    changed[:, 2, 6] = (genes[:, 6] + 1) % 3
    estimate = predictor.linearised(genes, changed)
    assert estimate.shape == (40, 3)
    assert (estimate[:, 0] == 0).all()
    after = predictor.features(changed.reshape(120, -1))[:, :-1].reshape(40, 3, -1)
    assert np.allclose(estimate, ((after - features[:, None]) * gradient[:, None]).sum(axis=2), atol=1e-6)


def test_a_part_of_a_space_is_linearised_as_the_whole(mbv3):
    part = load_space("compofa")
    within = embedded_predictor(part)
    genes = part.canonical(part.sample(5, np.random.default_rng(0)))
    changed = np.repeat(genes[:, None], 2, axis=1)
    changed[:, 1, 0] = (genes[:, 0] + 1) % part.cardinality[0]
    whole = mbv3.predictor.linearised(part.to_parent(genes), part.to_parent(changed.reshape(10, -1)).reshape(5, 2, -1))
    assert (within.linearised(genes, changed) == whole).all()


def test_children_are_new_and_meet_their_targets():
    problem = toy_problem()
    evaluator, rng = problem.evaluator(), np.random.default_rng(0)
    archive = Archive(evaluator, [30.0])
    rows = problem.space.canonical(problem.space.sample(50, rng))
    archive.add(rows, evaluator.accuracy(rows), evaluator.cost(rows), 0)
    changes = Changes(evaluator, archive, rng, tries=4, most_changes=3, noise=0.5)
    targets = np.full(30, 40.0)
    children, parents = changes.children(np.arange(30), targets, np.full(30, 1e-4))
    assert (np.diff(parents) > 0).all()
    assert 0 < len(children) <= 30
    assert (problem.cost.cost(children) <= 40.0).all()
    assert (problem.space.canonical(children) == children).all()
    keys = set(problem.space.keys(children))
    assert len(keys) == len(children)
    assert not keys & set(problem.space.keys(rows))


@pytest.mark.parametrize("key", ["batch", "elites", "restart", "tries", "most_changes", "evaluations"])
def test_a_number_too_small_is_refused(key):
    with pytest.raises(InputError, match=rf"strategy\.{key}=0: must be"):
        Joint(**{key: 0})


def test_noise_is_a_number():
    with pytest.raises(InputError, match=r"strategy\.noise=-1"):
        Joint(noise=-1)
    with pytest.raises(InputError, match=r"strategy\.noise"):
        Joint(noise=float("nan"))
