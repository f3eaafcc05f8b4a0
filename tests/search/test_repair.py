import numpy as np
import pytest
from tiny import tiny_problem

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


# The resolution is one of two genes; a row costs 2 + r + 2 b, and the cheapest is (0, 0).
SPARED = tiny_problem({"r": (0.0, 0.125, 0.25), "b": (0.0, 0.25, 0.5)}, {"r": (1.0, 2.0, 3.0), "b": (1.0, 3.0, 5.0)})


@pytest.mark.parametrize(
    ("row", "target", "wanted"),
    [
        ([2, 2], 8.0, [2, 2]),
        ([2, 2], 7.0, [2, 1]),
        ([2, 2], 5.0, [2, 0]),
        ([2, 2], 3.0, [1, 0]),  # no other gene is left: a notch suffices
        ([2, 0], 3.0, [1, 0]),
        ([2, 0], 2.0, [0, 0]),
        ([1, 1], 2.0, [0, 0]),
    ],
)
def test_a_spared_resolution_is_lowered_last_and_notch_by_notch(row, target, wanted):
    for seed in range(5):
        start = np.array(row, np.int8)
        pruned = prune(SPARED.evaluator(), start, target, np.random.default_rng(seed), resolution=False)
        assert pruned.tolist() == wanted


def test_pruning_lowers_one_gene_by_one_notch_at_a_time_and_counts_one_proposal():
    evaluator = SPARED.evaluator()
    ends = {
        tuple(prune(evaluator, np.array([2, 2], np.int8), 6.0, np.random.default_rng(seed)).tolist())
        for seed in range(30)
    }
    # From 8 ms: b once (6 ms); r, then b (5 ms); r twice (6 ms).
    assert ends == {(2, 1), (1, 1), (0, 2)}
    assert evaluator.counts.proposals == 30


def test_proposals_are_counted_up_to_the_last_sample_that_is_taken():
    """Of the 9 rows, (0, 0), (1, 0), (2, 0), (0, 1) and (1, 1) meet 5 ms."""
    evaluator, rng = SPARED.evaluator(), np.random.default_rng(0)
    drawn = valid_samples(evaluator, 5.0, 20, rng)
    everything = SPARED.space.sample(1024, np.random.default_rng(0))
    meeting = np.flatnonzero(SPARED.cost.cost(everything) <= 5.0)[:20]
    assert (drawn == everything[meeting]).all()
    assert evaluator.counts.proposals == meeting[-1] + 1
    assert evaluator.counts.cost_lookups == 1024


def test_children_that_meet_the_target_are_not_redrawn_and_after_many_misses_the_parent_stays(monkeypatch):
    monkeypatch.setattr(module, "MAX_REDRAWS", 3)
    drawn = []

    def draw(slots):
        drawn.append(slots.tolist())
        return np.array([[0, 0] if slot == len(drawn) - 1 else [2, 2] for slot in slots], np.int8)

    evaluator = SPARED.evaluator()
    parents = np.array([[1, 0]] * 4, np.int8)
    children = module.redraw(evaluator, 5.0, draw, parents)
    assert drawn == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]
    assert children.tolist() == [[0, 0], [0, 0], [0, 0], [1, 0]]
    assert evaluator.counts.proposals == 4 + 3 + 2


def test_pruning_leaves_inactive_genes_alone():
    owned = tiny_problem(
        {"a": (0.0, 0.25), "d": (0.0, 0.25), "b": (0.0, 0.25, 0.5)},
        {"a": (1.0, 2.0), "d": (1.0, 2.0), "b": (1.0, 2.0, 3.0)},
        owners={"d": ("a", 1)},
    )
    for seed in range(10):
        row = np.array([0, 1, 2], np.int8)  # 4 ms: d, at 1, is inactive
        pruned = prune(owned.evaluator(), row, 3.0, np.random.default_rng(seed))
        assert pruned.tolist() == [0, 1, 1]
