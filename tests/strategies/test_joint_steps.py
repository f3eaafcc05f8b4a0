"""The steps of the joint search, against what this file computes by hand: rounds, anchors, elites and prices."""

from dataclasses import dataclass

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.predictors import latency_table
from ofa_bench.search import Archive, Problem
from ofa_bench.search.changes import Changes
from ofa_bench.spaces import CompoundSpace
from ofa_bench.strategies import Budget, Joint
from ofa_bench.strategies.joint import _Elites, draw_anchors
from ofa_bench.testing import ToyPredictor, toy_problem

PROBLEM = toy_problem()

# Five architectures of one gene; the first is the cheapest.
COST, ACCURACY = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0.5, 0.6, 0.55, 0.8, 0.7])


def five():
    """Return an archive of the five."""
    problem = tiny_problem({"a": ACCURACY}, {"a": COST})
    archive = Archive(problem.evaluator(), [5.0])
    archive.add(np.arange(5, dtype=np.int8)[:, None], ACCURACY, COST, 0)
    return archive


def elites(archive, anchors, most=2, batches=((0, 1, 2, 3, 4),)):
    made = _Elites([np.array(anchors)], most)
    for places in batches:
        made.offer(np.array(places), np.zeros(len(places), int), archive)
    return made


@pytest.mark.parametrize("batches", [[(0, 1, 2, 3, 4)], [(0, 3), (1, 4), (2,)], [(4,), (3,), (2,), (1,), (0,)]])
def test_the_elites_of_an_anchor_are_the_most_accurate_that_meet_it(batches):
    made = elites(five(), [0.5, 1.0, 2.5, 3.0, 5.0], batches=batches)
    wanted = [[], [0], [1, 0], [1, 2], [3, 4]]
    assert [
        row[values > -np.inf].tolist() for row, values in zip(made.places[0], made.accuracy[0], strict=False)
    ] == wanted


def test_of_the_whole_archive_the_elites_are_the_same():
    rng = np.random.default_rng(0)
    cost, accuracy = rng.integers(1, 100, 3000).astype(float), rng.integers(0, 1000, 3000) / 1000
    problem = tiny_problem({"a": (0.0, 0.5)}, {"a": (1.0, 2.0)})
    archive = Archive(problem.evaluator(), [100.0])
    archive.add(np.zeros((3000, 1), np.int8), accuracy, cost, 0)
    one, other = (_Elites([np.array([5.0, 20.0, 21.0, 80.0])], 4) for _ in range(2))
    one.offer(np.arange(3000), np.zeros(3000, int), archive)
    other.offer_all(archive)
    assert (one.places == other.places).all()
    assert (one.accuracy == other.accuracy).all()


def test_rounds_that_advance_together_have_elites_of_their_own():
    archive = five()
    made = _Elites([np.array([3.0, 5.0]), np.array([2.0, 4.0])], 2)
    made.offer(np.array([0, 0, 1, 3, 4]), np.array([0, 1, 1, 1, 0]), archive)
    found = [
        [row[values > -np.inf].tolist() for row, values in zip(*one, strict=False)]
        for one in zip(made.places, made.accuracy, strict=False)
    ]
    assert found == [[[0], [4, 0]], [[1, 0], [3, 1]]]
    # From (1, 0.5), for each: level to (3, 0.5), up to (5, 0.7); up to (2, 0.6), and to (4, 0.8).
    assert made.prices(archive) == pytest.approx([0.05 * 0.2 / 4, 0.2 / 2, 0.1, 0.2 / 2])
    parents, lines = made.draw(400, np.random.default_rng(0))
    for line, wanted in enumerate([{0}, {4, 0}, {1, 0}, {3, 1}]):
        assert set(parents[lines == line].tolist()) == wanted


@pytest.mark.skipif(PROBLEM.kernels is None, reason="no C compiler")
@pytest.mark.parametrize("rounds", [1, 3])
def test_compiled_elites_are_numpys(rounds):
    rng, archive = np.random.default_rng(0), Archive(PROBLEM.evaluator(), [9.0])
    cost, accuracy = rng.integers(1, 10, 600).astype(float), rng.integers(0, 40, 600) / 40  # many are equal
    archive.add(PROBLEM.space.sample(600, rng), accuracy, cost, 0)
    anchors = np.sort(rng.integers(1, 10, (rounds, 4)).astype(float), axis=1)
    ours, numpys = _Elites(list(anchors), 5, PROBLEM.kernels), _Elites(list(anchors), 5)
    for begin in range(0, 600, 40):
        places, of = np.arange(begin, begin + 40), rng.integers(rounds, size=40)
        for made in (ours, numpys):
            made.offer(places, of, archive)
        assert (ours.accuracy == numpys.accuracy).all()
        assert np.where(np.isfinite(ours.accuracy), ours.places == numpys.places, True).all()


def test_a_price_is_the_slope_below_its_anchor_and_never_flatter_than_a_twentieth_of_the_mean():
    archive = five()
    prices = elites(archive, [2.5, 3.0, 5.0]).prices(archive)
    # From (1, 0.5): to (2.5, 0.6); then level to (3, 0.6); then to (5, 0.8). The mean slope is 0.3 / 4.
    assert prices == pytest.approx([0.1 / 1.5, 0.05 * 0.3 / 4, 0.2 / 2])


def test_parents_come_from_all_elites_of_all_anchors_with_equal_chance():
    archive, rng = five(), np.random.default_rng(0)
    made = elites(archive, [1.0, 2.5, 5.0])
    drawn = [made.draw(1, rng) for _ in range(1800)]
    anchors = np.array([anchor for _, (anchor,) in drawn])
    assert np.bincount(anchors) == pytest.approx(np.full(3, 600), abs=100)  # its standard deviation is 20
    for anchor, wanted in enumerate([[0], [0, 1], [3, 4]]):
        places = [place for (place,), (at,) in drawn if at == anchor]
        found, times = np.unique(places, return_counts=True)
        assert found.tolist() == wanted
        assert times == pytest.approx(np.full(len(wanted), len(places) / len(wanted)), abs=75)


def test_the_anchors_of_a_generation_take_turns():
    made = elites(five(), [1.0, 2.5, 5.0])
    for seed in range(10):
        _, anchors = made.draw(7, np.random.default_rng(seed))
        assert (np.diff(anchors) % 3 == 1).all()


def test_up_to_ten_targets_are_all_anchors_and_of_more_one_of_each_tenth_is():
    rng = np.random.default_rng(0)
    assert draw_anchors([3.0, 4.0, 9.0], rng).tolist() == [3.0, 4.0, 9.0]
    assert draw_anchors(list(range(10)), rng).tolist() == list(range(10))
    drawn = np.array([draw_anchors(list(range(20)), rng) for _ in range(400)])
    assert (drawn // 2 == np.arange(10)).all()
    assert (drawn % 2).mean(axis=0) == pytest.approx(np.full(10, 0.5), abs=0.12)


@dataclass
class Step:
    """A generation: what its children are drawn from, and the archive at that time."""

    parents: np.ndarray
    targets: np.ndarray
    prices: np.ndarray
    accuracy: np.ndarray
    cost: np.ndarray


def rounds(monkeypatch, strategy, targets=(20.0, 30.0, 45.0), problem=PROBLEM):
    """Search, and return for each round the size of the archive at its begin, and its generations."""
    found, real_round, real_children = [], Joint._rounds, Changes.children

    def spied_round(self, budgeted, *others, **more):
        assert len(found) < 20, "the search does not end"
        found.append((budgeted.archive.size, []))
        yield from real_round(self, budgeted, *others, **more)

    def spied_children(self, parents, anchors, prices):
        archive = self._archive
        found[-1][1].append(Step(parents, anchors, prices, archive.accuracy.copy(), archive.cost.copy()))
        return real_children(self, parents, anchors, prices)

    monkeypatch.setattr(Joint, "_rounds", spied_round)
    monkeypatch.setattr(Changes, "children", spied_children)
    list(strategy.search(problem, targets, Budget(1, 1), np.random.default_rng(0)))
    return found


def test_parents_are_elites_of_their_anchor_and_prices_are_those_of_their_anchor(monkeypatch):
    anchors = np.array([20.0, 30.0, 45.0])
    ((_, steps),) = rounds(monkeypatch, Joint(evaluations=400, restart=1000, elites=5), tuple(anchors))
    assert len(steps) > 15
    ranks = []
    for step in steps:
        meets = step.cost <= anchors[:, None]
        values = np.sort(np.where(meets, step.accuracy, -np.inf), axis=1)[:, ::-1]
        path = np.concatenate([step.accuracy[:1], values[:, 0]])
        ends = np.concatenate([step.cost[:1], anchors])
        slopes = np.diff(path) / np.diff(ends)
        wanted = np.maximum(slopes, 0.05 * (path[-1] - path[0]) / (ends[-1] - ends[0]))
        which = np.searchsorted(anchors, step.targets)
        assert (anchors[which] == step.targets).all()
        assert step.prices == pytest.approx(wanted[which])
        assert len(set(wanted.tolist())) == 3
        assert (step.cost[step.parents] <= step.targets).all()
        ranks += (step.accuracy[step.parents][:, None] < values[which]).sum(axis=1).tolist()
    assert set(ranks) == {0, 1, 2, 3, 4}


def test_a_round_ends_after_its_evaluations_and_every_fourth_and_the_last_look_at_the_whole_archive(monkeypatch):
    found = rounds(monkeypatch, Joint(evaluations=1 + 6 * 50, restart=50))
    assert [begin for begin, _ in found] == [1, 151, 201, 251]  # the cheapest was evaluated before
    for (begin, steps), fresh in zip(found, (3, 0, 1, 0), strict=True):  # three fresh rounds advance together
        parents = np.concatenate([step.parents for step in steps])
        assert len(steps[0].cost) == begin + 20 * fresh  # a fresh round begins with random ones
        assert ((parents > 0) & (parents < begin)).any() == (fresh == 0)


def test_parents_in_fresh_rounds_that_advance_together_are_of_their_own_round(monkeypatch):
    rounds_of, lines_drawn, real_draw, real_children = [0], [], _Elites.draw, Changes.children

    def spied_draw(self, n, rng):
        parents, lines = real_draw(self, n, rng)
        lines_drawn.clear()
        if len(self.anchors) == 3:
            lines_drawn[:] = [lines // self.anchors.shape[1]]
        return parents, lines

    def spied_children(self, parents, *given):
        if len(rounds_of) < self._archive.size:
            rounds_of.extend([0, 1, 2] * 20)
        for place, of in zip(parents, lines_drawn[0] if lines_drawn else (), strict=False):
            assert place == 0 or rounds_of[place] == of
        rows, of = real_children(self, parents, *given)
        rounds_of.extend(lines_drawn[0][of] if lines_drawn else 0 * of)
        return rows, of

    monkeypatch.setattr(_Elites, "draw", spied_draw)
    monkeypatch.setattr(Changes, "children", spied_children)
    list(Joint(evaluations=801, restart=200).search(PROBLEM, (20.0, 30.0), Budget(1, 1), np.random.default_rng(0)))
    assert len(rounds_of) == 801


def test_one_round_alone_is_a_fresh_one(monkeypatch):
    ((begin, steps),) = rounds(monkeypatch, Joint(evaluations=60, restart=100))
    assert (begin, len(steps[0].cost)) == (1, 21)


def test_a_search_without_anything_new_ends_after_four_rounds(monkeypatch):
    """All of a space of 4 architectures is found in the first rounds; one of the archive and three more find none."""
    problem = tiny_problem({"a": (0.0, 0.5), "b": (0.0, 0.25)}, {"a": (1.0, 2.0), "b": (1.0, 2.0)})
    found = rounds(monkeypatch, Joint(evaluations=100, restart=10), (4.0,), problem)
    assert [begin for begin, _ in found] == [1, 4, 4]


def test_a_search_goes_on_from_random_architectures_where_the_archive_leads_to_nothing_new():
    """After its first round, it would look at the archive only; but most of this small space is still unseen."""
    space = CompoundSpace()
    problem = Problem(space, ToyPredictor(space), latency_table(space, "macs"))
    found = Joint(evaluations=1000).search(problem, (problem.cost.maximum,), Budget(1, 1), np.random.default_rng(0))
    assert [result.counts.unique_evaluations > 990 for _, result in found] == [True]
