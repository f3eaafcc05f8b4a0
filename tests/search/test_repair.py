import numpy as np
import pytest

from ofa_bench.search import prune, valid_samples
from ofa_bench.search import repair as module
from ofa_bench.testing import toy_problem

PROBLEM = toy_problem()
SPACE, COST = PROBLEM.space, PROBLEM.cost


def test_valid_samples_are_uniform_over_those_that_meet_the_target():
    drawn = valid_samples(PROBLEM.evaluator(), 20.0, 4000, np.random.default_rng(0))
    everything = SPACE.sample(200_000, np.random.default_rng(1))
    wanted = everything[COST.cost(everything) <= 20.0]
    assert (COST.cost(drawn) <= 20.0).all()
    assert drawn.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=0.09)


def test_valid_samples_fall_back_to_pruning_where_rejection_fails(monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLES", 2048)
    evaluator = PROBLEM.evaluator()
    drawn = valid_samples(evaluator, COST.minimum * 1.01, 50, np.random.default_rng(2))
    assert len(drawn) == 50
    assert (COST.cost(drawn) <= COST.minimum * 1.01).all()
    assert evaluator.counts.proposals < 50_000


def test_pruning_lowers_genes_and_stops_at_the_target():
    rng = np.random.default_rng(3)
    for row in SPACE.canonical(SPACE.sample(50, rng)):
        start = COST.cost(row[None])[0]
        pruned = prune(PROBLEM.evaluator(), row, start - 2, rng)
        assert COST.cost(pruned[None])[0] <= start - 2
        assert (pruned <= row).all()
        assert (pruned < row).any()


def test_pruning_is_random_and_lowers_the_resolution_too():
    row = COST.dearest
    pruned = [prune(PROBLEM.evaluator(), row, 60.0, np.random.default_rng(seed)) for seed in range(20)]
    assert len({p.tobytes() for p in pruned}) == 20
    assert any(p[SPACE.index["r"]] < row[SPACE.index["r"]] for p in pruned)
    assert any(p[SPACE.index["r"]] == row[SPACE.index["r"]] for p in pruned)


def test_pruning_leaves_alone_what_meets_the_target():
    evaluator = PROBLEM.evaluator()
    assert (prune(evaluator, COST.cheapest, 60.0, np.random.default_rng(4)) == COST.cheapest).all()
    assert evaluator.counts.cost_lookups == 1


def test_pruning_reaches_the_minimum_even_where_the_smallest_choice_is_not_the_cheapest():
    class Upside:
        """Costs less the larger the genes are."""

        name, unit, sha256, card = "upside", "ms", "", {}
        cheapest, dearest, minimum, maximum = COST.dearest, COST.cheapest, -COST.maximum, -COST.minimum

        def cost(self, genes):
            return -COST.cost(genes)

    from ofa_bench.search import Problem

    evaluator = Problem(SPACE, PROBLEM.predictor, Upside()).evaluator()
    for target in (-80.0, -COST.maximum, -COST.maximum - 1):
        pruned = prune(evaluator, COST.cheapest, target, np.random.default_rng(5))
        assert -COST.cost(pruned[None])[0] <= max(target, -COST.maximum)
