"""The gradients of ``joint``: charged to its budget, at their measured cost too, or not used at all."""

import json

import numpy as np
import pytest

import ofa_bench as ob
from ofa_bench.errors import InputError
from ofa_bench.predictors.embedded import EARLIER
from ofa_bench.predictors.gradient_costs import FILE, gradient_cost
from ofa_bench.records.charges import charged_evaluations
from ofa_bench.strategies import Budget, Joint
from ofa_bench.testing import check_strategy

TARGETS = [20.0, 30.0, 45.0]
MEASURED = json.loads(FILE.read_text())["predictors"]


@pytest.fixture(scope="module")
def problem():
    return ob.problem("mbv3")


def counts(strategy, problem):
    found = [result for _, result in strategy.search(problem, TARGETS, Budget(9, 3), np.random.default_rng(0))]
    return [sum(getattr(one.counts, key) for one in found) for key in ("evaluations", "gradients")]


def test_gradients_are_charged_to_the_budget(problem):
    free, gradients = counts(Joint(evaluations=600), problem)
    assert (free, gradients > 60) == (600, True)
    evaluations, gradients = counts(Joint(evaluations=600, gradient_cost=3.5), problem)
    last = 3.5 * 20  # the gradients at which the last generation's parents were linearised
    assert 600 - 1 < evaluations + 3.5 * gradients <= 600 + last
    assert 0 < evaluations < 600 - 3.5 * 40
    check_strategy(Joint(evaluations=400, restart=120, gradient_cost=2.5), problem)


def test_a_charge_that_leaves_nothing_ends_the_search(problem):
    evaluations, gradients = counts(Joint(evaluations=100, gradient_cost=1e6), problem)
    assert 0 < evaluations < 100
    assert 0 < gradients <= 20


def test_the_measured_cost_is_that_of_the_predictor(problem):
    cost = gradient_cost("mbv3", problem.predictor.sha256)
    assert Joint(gradient_cost="measured").charge(problem) == cost > 1
    assert counts(Joint(evaluations=600, gradient_cost="measured"), problem) == counts(
        Joint(evaluations=600, gradient_cost=cost), problem
    )
    assert Joint().charge(problem) == 0


def test_all_predictors_of_the_package_are_measured():
    measured = {(one["space"], one["sha256"]) for one in MEASURED}
    for space in ("mbv3", "resnet50d"):
        for member in (1, 2, 3, 4):
            assert (space, ob.problem(space, predictor="member", member=member).predictor.sha256) in measured
    for space in ("mbv3", "resnet50d", "proxyless"):
        assert (space, ob.problem(space).predictor.sha256) in measured
    for space in ("mbv3", "mbv3_w1.0", "proxyless"):
        assert (space, ob.problem(space, predictor="measured").predictor.sha256) in measured
    assert {("proxyless", sha256) for sha256 in EARLIER} <= measured, "records name it"
    for one in MEASURED:
        assert one["cost"]["median"] == pytest.approx(np.median(one["cost"]["runs"]))
        assert one["cost_by_batches_of_100"]["median"] > one["cost"]["median"] > 1


def test_a_predictor_that_was_not_measured_is_charged_the_most():
    assert gradient_cost("mbv3", "unknown") == max(one["cost"]["median"] for one in MEASURED)
    [embedded] = {one["sha256"] for one in MEASURED if (one["space"], one["predictor"]) == ("mbv3", "embedded")}
    in_spaces = [one["cost"]["median"] for one in MEASURED if one["sha256"] == embedded]
    assert len(in_spaces) == 2
    assert gradient_cost("another space", embedded) == max(in_spaces)
    assert gradient_cost("mbv3", embedded, batches_of_100=True) > gradient_cost("mbv3", embedded)


def test_records_are_charged_at_the_measured_cost(problem):
    result = ob.run(problem, "joint", targets=TARGETS, evaluations=300)
    record = result.record
    cost = gradient_cost("mbv3", problem.predictor.sha256)
    evaluations, gradients = (sum(getattr(one, key) for one in record.results) for key in ("evaluations", "gradients"))
    assert gradients > 0
    charged = sum(charged_evaluations(record, one) for one in record.results)
    assert charged == pytest.approx(evaluations + cost * gradients)
    assert result.to_dataframe().charged_evaluations.sum() == pytest.approx(charged)


def test_without_gradient_a_predictor_that_has_one_is_not_linearised(problem):
    assert counts(Joint(evaluations=300, gradient=False), problem) == [300, 0]


@pytest.mark.parametrize(
    ("key", "value"), [("gradient_cost", -1), ("gradient_cost", "mesured"), ("gradient_cost", True), ("gradient", 1)]
)
def test_wrong_values_are_refused(key, value):
    with pytest.raises(InputError, match=rf"strategy\.{key}={value}: must be"):
        Joint(**{key: value})
