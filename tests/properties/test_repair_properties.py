"""Repair makes every architecture meet its target, in any space and with any table."""

import numpy as np
import pytest
from arbitrary import NAMED, TABLES, draw_few, examples, plain, problems, seeds, targets_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.search import Problem, prune, repair, valid_samples
from ofa_bench.testing import ToyPredictor


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    draw_few(monkeypatch)


@st.composite
def cases(draw):
    problem = draw(problems())
    return problem, draw(targets_of(problem.cost, most=1))[0], np.random.default_rng(draw(seeds()))


@examples(150)
@given(cases(), st.booleans())
def test_a_pruned_architecture_meets_the_target_or_is_the_cheapest(case, resolution):
    problem, target, rng = case
    space, cost = problem.space, problem.cost
    for start in space.sample(3, rng):
        evaluator, before = problem.evaluator(), start.copy()
        pruned = prune(evaluator, start, target, rng, resolution=resolution)
        reached = cost.cost(pruned[None])[0]
        assert (start == before).all()
        assert space.contains(pruned[None]).all()
        assert reached <= cost.cost(start[None])[0]
        assert reached <= target or (target < cost.minimum and (pruned == cost.cheapest).all())
        if cost.cost(start[None])[0] <= target:
            assert (pruned == start).all()
        assert evaluator.counts.cost_lookups <= 1 + space.cardinality.sum() + space.n_genes
        assert (evaluator.counts.proposals, evaluator.counts.evaluations) == (1, 0)


@examples(40)
@given(st.sampled_from([space for space in NAMED if "r" in space.index]), st.data(), seeds())
def test_a_spared_resolution_falls_only_where_nothing_else_is_left(space, data, seed):
    problem = Problem(space, ToyPredictor(space), TABLES[space.name])
    (target, *_), start, r = data.draw(targets_of(problem.cost, most=1)), problem.cost.dearest, space.index["r"]
    pruned = prune(problem.evaluator(), start, target, np.random.default_rng(seed), resolution=False)
    others = space.active(pruned[None])[0] & (np.arange(space.n_genes) != r)
    assert pruned[r] == start[r] or (pruned[others] == 0).all()


@examples(80)
@given(cases(), st.integers(0, 30))
def test_drawn_architectures_meet_a_feasible_target(case, n):
    problem, target, rng = case
    target = max(target, problem.cost.minimum)
    evaluator = problem.evaluator()
    drawn = valid_samples(evaluator, target, n, rng)
    assert drawn.shape == (n, problem.space.n_genes)
    assert problem.space.contains(drawn).all()
    assert (problem.cost.cost(drawn) <= target).all()
    assert evaluator.counts.cost_lookups >= evaluator.counts.proposals >= n


@examples(60)
@given(cases(), st.integers(1, 20), st.floats(0, 1))
def test_redrawn_children_meet_the_target_or_are_their_parents(case, n, prob):
    problem, target, rng = case
    parents = valid_samples(problem.evaluator(), max(target, problem.cost.minimum), n, rng)
    space, evaluator = problem.space, plain(problem).evaluator()
    children = repair.redraw(evaluator, target, lambda slots: space.mutate(parents[slots], prob, rng), parents)
    met = problem.cost.cost(children) <= target
    assert (children[~met] == parents[~met]).all()
    assert n <= evaluator.counts.proposals == evaluator.counts.cost_lookups <= 20 * n
