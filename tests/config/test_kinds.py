"""Users' classes need not derive from ours."""

import numpy as np
import pytest

from ofa_bench.config.kinds import adopt, missing_members
from ofa_bench.predictors import AccuracyPredictor, CostModel
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import Budget, Joint, Vanilla
from ofa_bench.testing import check_cost, check_predictor, toy_problem

TOY = toy_problem()


class Mine:
    name, sha256 = "mine", "0" * 64

    def accuracy(self, genes):
        return TOY.predictor.accuracy(genes)


class Costs:
    name, unit, sha256, card = "board", "ms", "1" * 64, {}
    cheapest, dearest, minimum, maximum = (
        TOY.cost.cheapest, TOY.cost.dearest, TOY.cost.minimum, TOY.cost.maximum,
    )  # fmt: skip

    def cost(self, genes):
        return TOY.cost.cost(genes)


@pytest.mark.parametrize("strategy", [Vanilla(Evolution(population_size=10)), Joint(evaluations=100)])
def test_they_are_searched_as_ours_are(strategy):
    def best(problem):
        found = dict(strategy.search(problem, (30.0, 20.0), Budget(4, 2), np.random.default_rng(0)))
        return [found[i].accuracy for i in range(2)]

    theirs = Problem(TOY.space, Mine(), Costs())
    assert best(theirs) == best(Problem(TOY.space, adopt(Mine(), AccuracyPredictor), Costs()))
    assert isinstance(theirs.predictor, AccuracyPredictor)
    assert isinstance(theirs.cost, CostModel)
    assert (theirs.guard_band, theirs.predictor.row_wise, theirs.predictor.fork_safe) == (1.0, False, False)


def test_they_are_held_to_the_contracts():
    check_predictor(Mine(), TOY.space)
    check_cost(Costs(), TOY.space)


def test_what_is_missing_is_named():
    class Less:
        name = "less"

    assert missing_members(Less(), AccuracyPredictor) == ["sha256", "accuracy"]
    assert not isinstance(adopt(Less(), AccuracyPredictor), AccuracyPredictor)
