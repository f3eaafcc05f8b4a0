"""An archive gives each target the best evaluated architecture, and divides the counts exactly."""

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.predictors import latency_table
from ofa_bench.search import Archive, Problem
from ofa_bench.search.archive import best_within
from ofa_bench.spaces import ResNet50DSpace
from ofa_bench.testing import ToyPredictor, toy_problem


def test_best_within_is_what_a_plain_search_finds():
    rng = np.random.default_rng(0)
    accuracy, cost = rng.integers(20, size=200) / 20, rng.integers(30, size=200).astype(float)
    targets = np.arange(-1.5, 32, 0.5)
    for target, found in zip(targets, best_within(accuracy, cost, targets), strict=True):
        meeting = [i for i in range(200) if cost[i] <= target]
        best = max(meeting, key=lambda i: (accuracy[i], -cost[i]), default=-1)
        assert (accuracy[found], cost[found]) == (accuracy[best], cost[best]) if meeting else found == -1


def test_an_archive_keeps_the_best_for_every_target():
    problem = toy_problem()
    evaluator, rng = problem.evaluator(), np.random.default_rng(0)
    targets = [40.0, 5.0, problem.cost.maximum, 40.0]
    archive = Archive(evaluator, targets)
    for generation in range(4):
        genes = problem.space.sample(100, rng) if generation else problem.cost.cheapest[None]
        cost, accuracy = evaluator.cost(genes), evaluator.accuracy(genes)
        archive.add(genes, accuracy, cost, generation)
    assert archive.size == len(archive.genes) == len(archive.cost) == 301
    results = archive.results(3)
    assert [result.target for result in results] == targets
    assert not results[1].feasible
    for i in (0, 2, 3):
        assert results[i].accuracy == archive.accuracy[archive.cost <= targets[i]].max()
        assert results[i].shared == 3
        assert results[i].curve[0][:3] == (0, 1, 1)
        assert results[i].curve[-1][-1] == results[i].accuracy
    assert sum(result.counts.evaluations for result in results) == 301
    assert sum(result.counts.cost_lookups for result in results) == 301


def test_an_archive_that_misses_a_feasible_target_says_so():
    problem = toy_problem()
    with pytest.raises(RuntimeError, match="nothing was found"):
        Archive(problem.evaluator(), [problem.cost.minimum]).results(0)
    (infeasible,) = Archive(problem.evaluator(), [1.0]).results(0)
    assert not infeasible.feasible


def test_an_infeasible_target_beside_others_reads_no_row_that_was_never_written():
    space = ResNet50DSpace()  # whose canonical form looks genes up
    problem = Problem(space, ToyPredictor(space), latency_table(space, "macs"))
    evaluator = problem.evaluator()
    archive = Archive(evaluator, [1.0, problem.cost.maximum])
    rows = np.concatenate([problem.cost.cheapest[None], space.sample(2, np.random.default_rng(0))])
    for row in rows:
        archive.add(row[None], evaluator.accuracy(row[None]), evaluator.cost(row[None]), 0)
    archive.history._genes[archive.size :] = 124
    infeasible, found = archive.results(0)
    assert not infeasible.feasible
    assert found.accuracy == archive.accuracy.max()


def test_an_equally_accurate_later_one_replaces_nothing_and_of_one_batch_the_cheapest_is_kept():
    problem = tiny_problem({"a": (0.5, 0.5, 0.75, 0.75)}, {"a": (1.0, 2.0, 3.0, 4.0)})
    evaluator = problem.evaluator()
    archive = Archive(evaluator, [2.0, 4.0])
    for generation, batch in enumerate([[1], [0], [3, 2], [2]]):
        rows = np.array(batch, np.int8)[:, None]
        archive.add(rows, evaluator.accuracy(rows), evaluator.cost(rows), generation)
    low, high = archive.results(3)
    assert (low.genes.tolist(), low.cost) == ([1], 2.0)
    assert (high.genes.tolist(), high.cost) == ([2], 3.0)
    # Generation, evaluations, unique evaluations, accuracy.
    assert low.curve == ((0, 1, 1, 0.5),)
    assert high.curve == ((0, 1, 1, 0.5), (2, 4, 4, 0.75))
    assert [one.genes.tolist() for one in low.alternatives] == [[0]]
    assert [one.accuracy for one in high.alternatives] == [0.75, 0.5, 0.5]


def test_counts_are_dealt_out_without_a_rest():
    problem = tiny_problem({"a": (0.5, 0.25)}, {"a": (1.0, 2.0)})
    evaluator = problem.evaluator()
    archive = Archive(evaluator, [1.0, 0.5, 2.0, 3.0])
    rows = np.array([[0], [1], [0], [1], [1]], np.int8)
    archive.add(rows, evaluator.accuracy(rows), evaluator.cost(rows), 0)
    results = archive.results(0)
    assert [result.counts.evaluations for result in results] == [1, 0, 2, 2]  # 5 for three feasible targets
    assert [result.counts.unique_evaluations for result in results] == [0, 0, 1, 1]
    assert [result.shared for result in results] == [3, 1, 3, 3]
