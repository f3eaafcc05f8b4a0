"""What each search of a chain starts from, by hand: whose seeds, in which order, and how they are pruned."""

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.search import Evolution, Problem, SearchResult
from ofa_bench.search.problem import drive
from ofa_bench.strategies import Budget, Chain, WarmStart

# Each gene costs what it is worth times 8: the cost of a row is 3 + its sum.
NAMES = "abc"
WORTH = dict.fromkeys(NAMES, (0.0, 0.125, 0.25, 0.375))
COST = dict.fromkeys(NAMES, (1.0, 2.0, 3.0, 4.0))
PROBLEM = tiny_problem(WORTH, COST)
EVOLUTION = Evolution(population_size=8)


def found(target, genes, population=None):
    """Return a finding for a target."""
    row = np.array(genes, np.int8)
    cost = float(PROBLEM.cost.cost(row[None])[0])
    population = None if population is None else np.array(population, np.int8)
    return SearchResult(target, True, row, 0.5, cost, population=population)


def start(results, target, previous=None, size=8, problem: Problem = PROBLEM, **warm_start):
    """Return the seeds of a search after these results, and the search's evaluator."""
    previous = None if previous is None else np.array(previous, np.int8)
    chain = Chain(Evolution(population_size=size), "ascending", WarmStart(**warm_start), previous)
    evaluator = problem.evaluator()
    rows = drive(chain._start(evaluator, results, [], target, np.random.default_rng(0)), problem.predictor)
    return rows.tolist(), evaluator


def test_seeds_are_those_of_the_nearest_target_and_of_equally_near_ones_of_the_last():
    low, high = found(6.0, [1, 1, 1]), found(10.0, [1, 1, 0])
    assert start([low, high], 7.0)[0] == start([high, low], 7.0)[0] == [[1, 1, 1]]
    assert start([low, high], 9.0)[0] == start([high, low], 9.0)[0] == [[1, 1, 0]]
    assert start([low, high], 8.0)[0] == [[1, 1, 0]]
    assert start([high, low], 8.0)[0] == [[1, 1, 1]]
    same = [found(9.0, [2, 0, 0]), found(9.0, [0, 2, 0])]
    assert start(same, 9.0)[0] == [[0, 2, 0]]


def test_equally_near_targets_of_a_whole_search():
    """Where the middle of three targets comes last, it starts from whichever of its neighbours came second."""

    class Recorder(Evolution):
        def steps(self, evaluator, target, generations, rng, start=None):
            starts[target] = start
            return super().steps(evaluator, target, generations, rng, start)

    lasts = set()
    for seed in range(12):
        starts = {}
        chain = Chain(Recorder(population_size=8), "random")
        came = [r for _, r in chain.search(PROBLEM, (6.0, 8.0, 10.0), Budget(6, 2), np.random.default_rng(seed))]
        if came[2].target == 8.0:
            (row,), second = starts[8.0], came[1]
            lasts.add(second.target)
            assert (row <= second.genes).all()
            assert row.sum() == min(second.genes.sum(), 5)  # 5 meets 8 ms; each notch is 1 ms
    assert lasts == {6.0, 10.0}


def test_previous_architectures_stand_behind_the_first_own_seed():
    """The first of the last population, then the most accurate of a record, then the others of the population."""
    own = found(8.0, [2, 2, 0], population=[[2, 2, 0], [2, 1, 0], [1, 1, 0]])
    previous = [[0, 0, 1], [0, 3, 0], [0, 0, 2]]
    rows, _ = start([own], 9.0, previous, seed="population", from_best=2)
    assert rows == [[2, 2, 0], [0, 3, 0], [0, 0, 2], [2, 1, 0], [1, 1, 0]]
    rows, _ = start([own], 9.0, previous, seed="population", from_best=2, share=0.5)
    assert rows == [[2, 2, 0], [0, 3, 0], [0, 0, 2], [2, 1, 0]]
    rows, _ = start([own], 9.0, previous, seed="best", from_best=1, share=0.5)
    assert rows == [[2, 2, 0], [0, 3, 0]] * 2


def test_of_previous_ones_that_miss_the_target_only_the_nearest_compete_pruned():
    previous = [[3, 3, 3], [3, 0, 0], [3, 3, 0]]  # 12, 6 and 9 ms
    rows, evaluator = start([], 8.0, previous, seed="none", from_best=1)
    assert sum(rows[0]) == 5  # [3, 3, 0] less a notch: 8 ms, and more accurate than [3, 0, 0]
    assert rows[0][2] == 0
    assert len(rows) == 1
    assert evaluator.counts.evaluations == 2
    assert evaluator.counts.proposals == 2
    rows, evaluator = start([], 8.0, previous, seed="none", from_best=3)
    assert evaluator.counts.evaluations == 3
    assert [sum(row) for row in rows] == [5, 5, 3]


def test_only_what_pruning_changes_is_copied():
    rows, _ = start([found(12.0, [2, 2, 2], population=[[2, 2, 2], [2, 1, 0]])], 8.0, seed="population", prunings=3)
    assert rows[1] == [2, 1, 0]
    assert len(rows) == 4
    assert all(sum(row) == 5 for row in (rows[0], *rows[2:]))


def test_seeds_beyond_the_population_are_not_pruned():
    many = found(12.0, [3, 3, 3], population=[[3, 3, 3]] * 20)
    rows, evaluator = start([many], 12.0, size=8, seed="population")
    assert len(rows) == 8
    assert evaluator.counts.proposals == 8


@pytest.mark.parametrize("first", [0, 1])
def test_warm_generations_count_the_searches_before(first):
    """With a record the first search is warm, and the schedule begins with it."""
    previous = np.array([[0, 0, 1]], np.int8) if first else None
    chain = Chain(EVOLUTION, "ascending", previous=previous)
    results = chain.search(PROBLEM, (2.0, 5.0, 7.0, 9.0), Budget(7, (5, 3)), np.random.default_rng(0))
    assert [result.generations for _, result in results] == ([0, 5, 3, 3] if first else [0, 7, 5, 3])


@pytest.mark.parametrize(
    ("chain", "wanted"),
    [
        (Chain(EVOLUTION, "ascending"), (8 + 8 * 6) + 2 * (8 + 8 * 2)),
        (Chain(EVOLUTION, "ascending", previous=np.zeros((1, 3), np.int8)), 3 * (8 + 8 * 2)),
        (Chain(Evolution(8, initial_ratio=0.5), "ascending"), (4 + 8 * 6) + 2 * (4 + 8 * 2)),
        (Chain(Evolution(8, initial_ratio=0.5), "ascending", WarmStart("population")), (4 + 8 * 6) + 2 * (8 + 8 * 2)),
    ],
)
def test_the_most_evaluations_are_those_of_one_search_from_scratch_and_warm_ones(chain, wanted):
    targets, budget = (2.0, 5.0, 7.0, 9.0), Budget(6, 2)
    assert chain.most_evaluations(PROBLEM, targets, budget) == wanted
    spent = sum(r.counts.evaluations for _, r in chain.search(PROBLEM, targets, budget, np.random.default_rng(0)))
    assert spent <= wanted + (3 if chain.previous is not None else 0)  # seeds of a record come in addition
