"""Changes that promise accuracy for their cost, by hand: gains, savings, scores, and the child that is kept."""

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.search import Archive
from ofa_bench.search.changes import Changes
from ofa_bench.search.children import GUMBEL, draw_candidates

# Gene d is active where a is 1 or 2.
WORTH = {"a": (0.0, 0.125, 0.25), "b": (0.0, 0.5), "d": (0.0, 0.0625)}
COST = {"a": (1.0, 2.0, 4.0), "b": (1.0, 3.0), "d": (1.0, 5.0)}
CHANGES = ("a0", "a1", "a2", "b0", "b1", "d0", "d1")


def make(rows, worth=WORTH, cost=COST, owners=None, gradient=True, seed=0, **settings):
    """Return a problem, an archive of these rows and its changes."""
    problem = tiny_problem(worth, cost, owners, gradient)
    evaluator, genes = problem.evaluator(), np.array(rows, np.int8)
    archive = Archive(evaluator, [problem.cost.maximum])
    archive.add(genes, evaluator.accuracy(genes), evaluator.cost(genes), 0)
    given = {"tries": 1, "most_changes": 1, "noise": 0.0} | settings
    return evaluator, archive, Changes(evaluator, archive, np.random.default_rng(seed), **given)


def children(changes, parents, target=np.inf, price=0.0):
    n = len(parents)
    return changes.children(np.array(parents), np.full(n, target), np.full(n, price))[0].tolist()


def candidates(changes, n, price=0.0):
    """Draw n candidates of the first architecture: what they are drawn by, their rows, and the sums of their gains."""
    evaluator, found = changes._evaluator, []
    evaluator.children = lambda draw, rng: found.append((draw, *draw_candidates(evaluator.problem.space, draw, rng)))
    changes.children(np.zeros(n, int), np.full(n, np.inf), np.full(n, price))
    return found[0]


@pytest.mark.parametrize(
    ("row", "gains", "savings", "scale"),
    [
        # d is inactive: what it is set to changes nothing, but with a1 and a2 it costs 1.
        ([0, 0, 0], {"a1": 0.125, "a2": 0.25, "b1": 0.5}, {"a1": -2.0, "a2": -4.0, "b1": -2.0}, 0.875 / 3),
        # a0 takes d's 0.0625, and its cost of 5, away as well.
        (
            [1, 1, 1],
            {"a0": -0.1875, "a2": 0.125, "b0": -0.5, "d0": -0.0625},
            {"a0": 6.0, "a2": -2.0, "b0": 2.0, "d0": 4.0},
            0.875 / 4,
        ),
    ],
)
def test_gains_and_savings_of_single_changes_are_exact_and_what_changes_nothing_is_no_change(
    row, gains, savings, scale
):
    _, _, changes = make([row], owners={"d": ("a", 1)})
    (gain,), (saving,), mean = changes._learn(np.array([0]))
    found = dict(zip(CHANGES, gain.tolist(), strict=True))
    assert {name: value for name, value in found.items() if value > -np.inf} == gains
    worth = dict(zip(CHANGES, saving.tolist(), strict=True))
    assert {name: worth[name] for name in gains} == savings
    assert mean == pytest.approx([scale])


def test_every_candidate_is_another_network_than_its_parent():
    evaluator, _, changes = make([[0, 0, 0]], owners={"d": ("a", 1)}, most_changes=3, noise=5.0)
    _, rows, _ = candidates(changes, 500)
    canonical = evaluator.problem.space.canonical(rows)
    assert (canonical != 0).any(axis=1).all()
    assert len(np.unique(canonical, axis=0)) == 2 * 3 - 1  # of a and b; d stays as it is, because it was inactive


def test_a_gradient_is_taken_and_counted_once_for_each_parent():
    evaluator, _, changes = make([[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    children(changes, [0, 1, 0, 0, 1])
    children(changes, [1, 2, 0])
    assert evaluator.problem.predictor.linearised_at == [[0, 0, 0], [1, 0, 0], [2, 0, 0]]
    assert evaluator.counts.gradients == 3
    assert evaluator.counts.cost_lookups == 3 + 3 * 7 + 8  # of the parents, their changes, and the candidates
    evaluator, _, changes = make([[0, 0, 0]], gradient=False)
    children(changes, [0])
    assert evaluator.counts.gradients == 0


def test_a_price_has_a_log_normal_factor_of_its_own_for_each_candidate():
    _, _, changes = make([[1, 0, 1]])
    draw, _, _ = candidates(changes, 4000, price=0.25)
    # ln of it is normal with a standard deviation of 0.7: of 4,000, its errors are 0.011 and 0.008.
    assert np.log(draw.price / 0.25).mean() == pytest.approx(0, abs=0.05)
    assert np.log(draw.price / 0.25).std() == pytest.approx(0.7, abs=0.04)


def test_a_change_is_made_with_the_probability_of_its_score():
    """With Gumbel noise of scale s, the highest score is that of change j with a probability like exp(score_j / s)."""
    _, _, changes = make([[0, 0, 0]], noise=0.5)
    draw, rows, _ = candidates(changes, 8000)
    gains = np.array([0.125, 0.25, 0.5, 0.0625])  # of a1, a2, b1, d1: without owners, d is active
    scale = 0.5 * gains.sum() / 4
    assert draw.noise == pytest.approx(scale)
    made, times = np.unique(rows, axis=0, return_counts=True)
    assert made.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0], [2, 0, 0]]
    wanted = np.exp(gains[[3, 2, 0, 1]] / scale)
    assert times / 8000 == pytest.approx(wanted / wanted.sum(), abs=0.025)  # its standard deviation is below 0.006


def test_a_score_counts_savings_at_their_price():
    _, _, changes = make([[2, 1, 1]], noise=1.0)
    draw, rows, _ = candidates(changes, 8000, price=0.1)
    # a0, a1, b0, d0 lose and save; one price for all would leave these shares, its factor spreads them.
    scores = draw.gain[0] + draw.price * draw.saving[0]
    shares = np.where(draw.gain[0] > -np.inf, np.exp(scores / draw.noise[0]), 0)
    shares = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
    made, times = np.unique(rows, axis=0, return_counts=True)
    assert made.tolist() == [[0, 1, 1], [1, 1, 1], [2, 0, 1], [2, 1, 0]]
    assert times / 8000 == pytest.approx(shares[[0, 1, 3, 5]], abs=0.025)


def test_gumbel_quantiles_have_its_mean_and_deviation():
    assert GUMBEL.mean() == pytest.approx(0.5772, abs=0.001)  # Euler's constant
    assert GUMBEL.std() == pytest.approx(np.pi / np.sqrt(6), abs=0.001)
    assert (np.diff(GUMBEL) >= 0).all()


def test_the_noise_of_a_candidates_value_is_gumbel_at_the_same_scale():
    _, _, changes = make([[0, 0, 0]], noise=0.5)
    draw, _, _ = candidates(changes, 4000)
    assert (draw.luck / draw.noise[:, None]).mean() == pytest.approx(0.5772, abs=0.1)  # its error is 0.02
    assert (draw.luck / draw.noise[:, None]).std() == pytest.approx(np.pi / np.sqrt(6), abs=0.1)


def test_a_candidate_has_1_to_most_changes_with_equal_chance_and_they_are_the_highest_scoring():
    worth = {"a": (0.0, 0.5), "b": (0.0, 0.25), "c": (0.0, -0.125)}
    _, _, changes = make([[0, 0, 0]], worth, dict.fromkeys(worth, (1.0, 2.0)), most_changes=3)
    _, every, change = candidates(changes, 3000)
    rows, times = np.unique(every, axis=0, return_counts=True)
    assert rows.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert times == pytest.approx(1000, abs=150)  # its standard deviation is 26
    gains = {1: 0.5, 2: 0.75, 3: 0.625}
    assert (change == [gains[n] for n in every.sum(axis=1).tolist()]).all()


def test_of_two_changes_of_a_gene_the_one_that_scores_higher_is_made():
    worth = {"a": (0.0, 0.25, 0.5), "b": (0.0, -0.125)}
    _, _, changes = make([[0, 0]], worth, {"a": (1.0, 1.0, 1.0), "b": (1.0, 1.0)}, most_changes=2)
    _, rows, _ = candidates(changes, 50)
    assert np.unique(rows, axis=0).tolist() == [[2, 0]]


def test_the_child_is_the_candidate_of_the_highest_gain_that_meets_the_target_and_is_new():
    worth = {"a": (0.0, 0.5), "b": (0.0, 0.25), "c": (0.0, -0.125)}
    cost = dict.fromkeys(worth, (1.0, 2.0))

    def child(rows=([0, 0, 0],), **given):
        evaluator, _, changes = make(rows, worth, cost, tries=40, most_changes=3)
        found = children(changes, [0], **given)
        assert evaluator.counts.proposals == 40
        return found

    assert child() == [[1, 1, 0]]
    assert child(target=5.0) == [[1, 1, 0]]  # just met
    assert child(target=4.9) == [[1, 0, 0]]
    assert child(target=3.9) == []
    assert child([[0, 0, 0], [1, 1, 0]]) == [[1, 1, 1]]  # 0.625, and not the 0.5 of [1, 0, 0]
    assert child([[0, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 0]]) == []


def test_children_of_one_call_are_distinct_and_keep_the_order_of_their_parents():
    worth = {"a": (0.0, 0.5), "b": (0.0, 0.25)}
    _, _, changes = make([[0, 0], [1, 0]], worth, dict.fromkeys(worth, (1.0, 2.0)), tries=40, most_changes=2)
    assert children(changes, [1, 0, 0, 0]) == [[1, 1]]  # then [1, 0], the only other one, was there before


def test_a_high_price_makes_the_changes_that_save_most():
    _, _, changes = make([[2, 1, 1]])
    assert children(changes, [0], price=1e6) == [[2, 1, 0]]  # it saves 4: a0 3, a1 2, b0 2
    _, _, changes = make([[2, 1, 1]])
    assert children(changes, [0], price=0.0) == [[2, 1, 0]]  # and loses least
    _, _, changes = make([[2, 0, 0]])
    assert children(changes, [0], price=1e6) == [[0, 0, 0]]
    _, _, changes = make([[2, 0, 0]])
    assert children(changes, [0], price=0.0) == [[2, 1, 0]]


def test_without_a_gradient_gains_are_those_of_a_ridge_regression():
    """Of all 8 rows of three genes of two choices, a gain is shrunk by n / (n + 2), for a penalty of 1.

    A gene's two centred columns are +-1/2 and opposite: their weights +-w solve (n/2 + 1) w = n e/4, of an effect e.
    """
    worth = {"a": (0.0, 0.5), "b": (0.0, 0.25), "c": (0.0, -0.125)}
    rows = [[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    _, _, changes = make(rows, worth, dict.fromkeys(worth, (1.0, 2.0)), gradient=False)
    (first, last), _, _ = changes._learn(np.array([0, 7]))
    assert first[1::2] == pytest.approx([0.8 * 0.5, 0.8 * 0.25, -0.8 * 0.125], rel=1e-5)
    assert last[::2] == pytest.approx([-0.8 * 0.5, -0.8 * 0.25, 0.8 * 0.125], rel=1e-5)
    assert np.isneginf(first[::2]).all()


def test_a_regression_has_a_constant():
    """Of one gene, 0 twice and 1 once, the centred columns are +-(1/3, 1/3, -2/3), of squares 2/3.

    Their weights +-w solve (2/3 + 2/3 + 1) w = 2/3 e.
    """
    _, _, changes = make([[0], [0], [1]], {"a": (0.5, 0.75)}, {"a": (1.0, 2.0)}, gradient=False)
    (gain,), _, _ = changes._learn(np.array([0]))
    assert gain[1] == pytest.approx(4 / 7 * 0.25, rel=1e-5)
