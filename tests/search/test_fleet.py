"""Fleets, and archives of several devices that share what was evaluated, against what is computed by hand."""

import numpy as np
import pytest
from tiny import tiny_problem

from ofa_bench.devices.cost import CostLimit
from ofa_bench.devices.limited import LimitedCost
from ofa_bench.predictors import latency_table
from ofa_bench.search import Archive, Fleet, Member, Problem
from ofa_bench.search.archive import History, results_of
from ofa_bench.testing import toy_problem

TOY = toy_problem()
DEVICES = ("note10", "cpu_onnx", "jetson_gpu")
WORTH = {"a": (0.0, 0.25), "b": (0.0, 0.125)}


def on(name):
    """Return the toy problem on another device."""
    return Problem(TOY.space, TOY.predictor, latency_table(TOY.space, name))


def test_positions_run_over_the_targets_of_all_members():
    one, other = tiny_problem(WORTH, {"a": (1.0, 2.0)}), tiny_problem(WORTH, {"b": (5.0, 6.0)})
    fleet = Fleet((Member(one, (2.0, 0.5, 1.0)), Member(other, ()), Member(other, (4.0, 9.0))))
    assert fleet.starts == [0, 3, 3]
    assert fleet.number_of_targets == 5
    assert fleet.feasible == 3


def test_similarity_is_of_the_devices_costs_whatever_limits_they_have():
    note10, gpu = on("note10"), on("jetson_gpu")
    tight = CostLimit(gpu.cost, gpu.cost.minimum)
    limited = Problem(TOY.space, TOY.predictor, LimitedCost(TOY.space, note10.cost, [tight]))
    similarity = Fleet(tuple(Member(one, (1.0,)) for one in (note10, limited, gpu))).similarity
    assert similarity[0, 1] == pytest.approx(1)
    assert similarity[0, 2] == similarity[1, 2] < 0.6


def filled(targets=20, seed=0):
    """Return archives of three devices that share a history, to which the devices added in turn, and their problems."""
    rng, problems = np.random.default_rng(seed), [on(name) for name in DEVICES]
    first, history = problems[0].evaluator(), History(TOY.space)
    evaluators = [first, *(first.on(problem) for problem in problems[1:])]
    archives = [
        Archive(evaluator, rng.uniform(0.9 * one.cost.minimum, one.cost.maximum, targets).tolist(), history)
        for evaluator, one in zip(evaluators, problems, strict=True)
    ]
    for turn in range(7):
        evaluator, archive = evaluators[turn % 3], archives[turn % 3]
        rows = TOY.space.sample(31, rng)
        rows = np.concatenate([rows, [problem.cost.cheapest for problem in problems]]) if turn == 2 else rows
        archive.add(rows, evaluator.accuracy(rows), evaluator.cost(rows), turn)
    return archives, problems


def test_archives_that_share_a_history_have_the_best_for_each_devices_targets():
    archives, problems = filled()
    genes, accuracy = archives[0].genes, archives[0].accuracy
    assert len(genes) == 7 * 31 + 3
    infeasible = 0
    for results, archive, problem in zip(results_of(archives, 6), archives, problems, strict=True):
        cost = problem.cost.cost(genes)
        assert (archive.cost == cost).all()
        for result in results:
            meeting = [i for i in range(len(genes)) if cost[i] <= result.target]
            if result.target < problem.cost.minimum:
                assert not result.feasible
                infeasible += 1
                continue
            best = max(meeting, key=lambda i: accuracy[i])
            assert (result.genes == problem.space.canonical(genes[best][None])[0]).all()
            assert (result.accuracy, result.cost) == (accuracy[best], cost[best])
            assert result.curve[-1][-1] == accuracy[best]
    assert infeasible > 0


def test_counts_of_a_fleet_are_dealt_out_without_a_rest():
    archives, _ = filled()
    results = [result for of_device in results_of(archives, 6) for result in of_device]
    feasible = [result for result in results if result.feasible]
    evaluations = [result.counts.evaluations for result in results]
    assert sum(evaluations) == 7 * 31 + 3
    assert {result.counts.evaluations for result in feasible} <= {3, 4}
    assert max(result.counts.evaluations for result in results if not result.feasible) == 0
    assert {result.shared for result in feasible} == {len(feasible)}
    assert sum(result.counts.cost_lookups for result in results) == 3 * (7 * 31 + 3)  # of each on each device, once


def test_an_evaluator_on_another_device_remembers_what_was_evaluated():
    rows, evaluator = TOY.space.sample(10, np.random.default_rng(0)), TOY.evaluator()
    other = evaluator.on(on("jetson_gpu"))
    values = evaluator.accuracy(rows)
    assert (other.accuracy(rows) == values).all()
    assert (evaluator.counts.evaluations, evaluator.counts.unique_evaluations) == (20, 10)
    assert (other.cost(rows) == on("jetson_gpu").cost.cost(rows)).all()
    assert (evaluator.cost(rows) == TOY.cost.cost(rows)).all()
