"""An archive gives each target the best evaluated architecture, and divides the counts exactly."""

import numpy as np
import pytest

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
    archive._genes[archive.size :] = 124
    infeasible, found = archive.results(0)
    assert not infeasible.feasible
    assert found.accuracy == archive.accuracy.max()
