"""A memo changes only how often the predictor is called; compiled loops change nothing."""

from functools import partial

import numpy as np
import pytest
from arbitrary import draw_few, examples, plain, problems, seeds, targets_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.search import Evolution, Problem, kernels, valid_samples
from ofa_bench.testing import CountingPredictor

approx = partial(pytest.approx, abs=1e-6)  # in other batches, some processors round the last bit otherwise


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    draw_few(monkeypatch)


@st.composite
def cases(draw):
    problem = draw(problems())
    sizes = draw(st.lists(st.sampled_from([0, 1, 2, 7, 40, 600]), min_size=1, max_size=5))
    return problem if draw(st.booleans()) else plain(problem), sizes, np.random.default_rng(draw(seeds()))


def batches(space, sizes, rng):
    """Draw batches in which architectures come again, in the same and in other forms; in the end all of them do."""
    known = space.sample(10, rng)
    for size in sizes:
        fresh = space.sample(size, rng)
        again = known[rng.integers(len(known), size=size)]
        rows = np.where(rng.random((size, 1)) < 0.5, fresh, again)
        known = np.concatenate([known, fresh])
        yield np.where(space.active(rows), rows, space.sample(size, rng))
    yield known


@examples(100)
@given(cases())
def test_a_memo_gives_what_the_predictor_gives_and_asks_for_each_form_once(case):
    given_problem, sizes, rng = case
    counting = CountingPredictor(given_problem.predictor)
    problem = Problem(given_problem.space, counting, given_problem.cost)
    vars(problem)["kernels"] = given_problem.kernels
    evaluator, asked = problem.evaluator(), []
    for rows in batches(problem.space, sizes, rng):
        assert evaluator.accuracy(rows) == approx(given_problem.predictor.accuracy(rows))
        asked += problem.space.keys(rows)
        counts = evaluator.counts
        assert counts.evaluations == len(asked)
        assert counts.unique_evaluations == len(set(asked))
    passed_on = [key for rows in counting.asked for key in problem.space.keys(rows)]
    assert sorted(passed_on) == sorted(set(asked))


class Failing(CountingPredictor):
    """Fails every second time that it is asked."""

    def accuracy(self, genes):
        super().accuracy(genes)
        if len(self.asked) % 2:
            raise OSError("not now")
        return self.predictor.accuracy(genes)


@examples(50)
@given(cases())
def test_what_was_not_given_is_asked_for_again(case):
    given_problem, sizes, rng = case
    problem = Problem(given_problem.space, Failing(given_problem.predictor), given_problem.cost)
    vars(problem)["kernels"] = given_problem.kernels
    evaluator, asked = problem.evaluator(), []
    for rows in batches(problem.space, sizes, rng):
        new = set(problem.space.keys(rows)) - set(asked)
        before = vars(evaluator.counts).copy()
        if new:
            with pytest.raises(OSError, match="not now"):
                evaluator.accuracy(rows)
        assert vars(evaluator.counts) == before
        assert evaluator.accuracy(rows) == approx(given_problem.predictor.accuracy(rows))
        asked += problem.space.keys(rows)
        assert evaluator.counts.unique_evaluations == len(set(asked))


@examples(60)
@given(cases(), st.integers(1, 50))
def test_batches_and_their_order_do_not_matter(case, size):
    problem, sizes, rng = case
    rows = np.concatenate(list(batches(problem.space, sizes, rng)))
    order = rng.permutation(len(rows))
    whole, pieces = problem.evaluator(), problem.evaluator()
    accuracy, mixed = whole.accuracy(rows), np.empty(len(rows))
    for begin in range(0, len(rows), size):
        some = order[begin : begin + size]
        mixed[some] = pieces.accuracy(rows[some])
    assert mixed == approx(accuracy)
    assert whole.counts == pieces.counts


@pytest.mark.skipif(kernels._library() is None, reason="no C compiler")
@examples(100)
@given(problems(), seeds())
def test_compiled_costs_are_numpys_to_the_bit(problem, seed):
    assert problem.kernels, "the loops do not serve this space and table"
    rows, costs = problem.space.sample(300, np.random.default_rng(seed)), np.empty(300)
    problem.kernels.loops.costs(problem.kernels._at, rows.ctypes.data, len(rows), costs.ctypes.data)
    assert costs.tobytes() == problem.cost.cost(rows).tobytes()


@st.composite
def evolutions(draw):
    share = st.floats(0, 1)
    return Evolution(
        population_size=draw(st.integers(1, 12)),
        parent_ratio=draw(share),
        mutation_ratio=draw(share),
        mutate_prob=draw(share),
        reference_compat=draw(st.booleans()),
        initial_ratio=draw(st.floats(0.01, 1)),
        constraint=draw(st.sampled_from(["hard", "soft"])),
    )


@examples(100)
@given(problems(), evolutions(), seeds(), st.integers(0, 6), st.data())
def test_compiled_searches_are_numpys_to_the_bit(problem, evolution, seed, generations, data):
    target = data.draw(targets_of(problem.cost, most=1))[0]

    def found(made):
        result = evolution.search(made.evaluator(), target, generations, np.random.default_rng(seed))
        return result.genes.tobytes(), result.accuracy, result.cost, result.counts, result.curve, result.generations

    compiled = found(problem)
    assert compiled == found(plain(problem))
    counts = compiled[3]
    if target >= problem.cost.minimum:
        size = evolution.initial_size + generations * evolution.population_size
        assert counts.evaluations == size
        assert 1 <= counts.unique_evaluations <= counts.evaluations <= counts.proposals <= counts.cost_lookups
        assert compiled[2] <= target
        assert compiled[1] == problem.predictor.accuracy(np.frombuffer(compiled[0], np.int8)[None])[0]
    else:
        assert vars(counts) == dict.fromkeys(vars(counts), 0)


@examples(50)
@given(problems(), evolutions(), seeds(), st.integers(0, 6), st.data())
def test_a_search_finds_the_best_that_it_evaluated(problem, evolution, seed, generations, data):
    target = max(problem.cost.minimum, data.draw(targets_of(problem.cost, most=1))[0])
    counting = CountingPredictor(problem.predictor)
    made = Problem(problem.space, counting, problem.cost)
    result = evolution.search(made.evaluator(), target, generations, np.random.default_rng(seed))
    rows = np.concatenate(counting.asked)
    best = problem.predictor.accuracy(rows)[problem.cost.cost(rows) <= target].max()
    assert result.accuracy <= best
    assert evolution.reference_compat or result.accuracy == best


@examples(40)
@given(problems(), seeds(), st.integers(1, 30), st.integers(0, 30), st.data())
def test_compiled_children_leave_the_random_stream_where_numpys_do(problem, seed, n_parents, n, data):
    target = max(problem.cost.minimum, data.draw(targets_of(problem.cost, most=1))[0])
    evolution = Evolution(population_size=n + 1, mutation_ratio=data.draw(st.floats(0, 1)))

    def children(made):
        rng, evaluator = np.random.default_rng(seed), made.evaluator()
        parents = valid_samples(evaluator, target, n_parents, rng)
        make = partial(evolution._children, evaluator, parents, target)
        return [make(rng).tobytes(), make(rng).tobytes(), evaluator.counts, rng.random()]

    assert children(problem) == children(plain(problem))
