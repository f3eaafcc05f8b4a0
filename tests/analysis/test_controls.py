"""Chains compared with controls that spent as much."""

import numpy as np
import pytest

import ofa_bench as ob
from ofa_bench.analysis.controls import control_table, controls, sentences
from ofa_bench.analysis.figures.controls import draw_controls
from ofa_bench.analysis.figures.drawing import Style
from ofa_bench.analysis.studies import studies
from ofa_bench.search import Evolution
from ofa_bench.strategies import Chain, Vanilla


@pytest.fixture(scope="module")
def swept():
    problem = ob.problem("mbv3")
    quick = {"budget.generations": 25, "repeats": 3, "progress": False}
    ascending = {"budget.match": "unique_evaluations", "budget.chain.order": "ascending"}
    records = []
    for targets in ("paper2", "paper3"):
        for strategy in ("vanilla", "top_down", "bottom_up"):
            records += ob.run(problem, strategy, targets=targets, **quick).records
        for keys in ({}, ascending):
            records += ob.run(problem, "vanilla", budget="matched", targets=targets, **quick, **keys).records
    return studies(records)


def test_each_chain_is_compared_with_the_control_of_its_budget(swept):
    two, three = swept
    assert [entry.name for entry in three.entries] == [
        "bottom_up", "top_down", "vanilla", "vanilla, equal generations",
        "vanilla, equal unique evaluations (ascending)",
    ]  # fmt: skip
    found = {(one.chain, one.measure): one.paired for one in controls(three)}
    assert set(found) == {
        ("bottom_up", "generations"), ("top_down", "generations"), ("bottom_up", "unique_evaluations"),
    }  # fmt: skip
    entries = {entry.name: entry for entry in three.entries}
    wanted = entries["top_down"].accuracy.mean() - entries["vanilla, equal generations"].accuracy.mean()
    assert found["top_down", "generations"].difference == pytest.approx(wanted)
    assert found["top_down", "generations"].n == 3
    generations = [sum(one.generations for one in repeat) for repeat in entries["vanilla, equal generations"].repeats]
    assert generations == [25 + 2 * 5] * 3
    assert len(controls(two)) == 3


def test_they_stand_in_a_table_and_in_sentences(swept):
    table = control_table([one for study in swept for one in controls(study)])
    assert [row[2:5] for row in table.rows] == [
        ("2", "25, 5", "bottom_up"), ("2", "25, 5", "top_down"),
        ("3", "25, 5", "bottom_up"), ("3", "25, 5", "top_down"),
    ]  # fmt: skip
    assert table.heads[6:] == ("equal generations", "verdict", "equal unique evaluations", "verdict")
    assert table.rows[1][8:] == ("", "")  # no control of top-down's unique evaluations
    assert sentences(controls(swept[1]))[0].startswith("bottom_up less vanilla with equal generations: ")
    assert control_table([]) is None


def test_they_are_drawn_by_number_of_targets(swept):
    figure = draw_controls([one for study in swept for one in controls(study)], Style([]))
    [axes] = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "3"]
    drawn = sorted(
        line.get_ydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() in "s^"
    )
    wanted = {}
    for study in swept:
        for one in controls(study):
            wanted.setdefault((one.chain, one.measure), []).append(one.paired.difference)
    assert np.allclose(drawn, sorted(wanted.values()))
    assert draw_controls(controls(swept[0]), Style([])) is None


def test_a_control_is_that_of_chains_that_search_each_target_like_it():
    """Other populations are other budgets; and joint, with a matched budget too, is no control."""
    problem, records = ob.problem("mbv3"), []
    quick = {"targets": "paper2", "budget": "matched", "budget.generations": 9, "repeats": 2, "progress": False}
    for size in (10, 12):
        for strategy in ("vanilla", "top_down", "joint"):
            records += ob.run(problem, strategy, **quick, **{"evolution.population_size": size}).records
    unlike = {"evolution.population_size": 12, "budget.match": "unique_evaluations", "evolution.memo": False}
    records += ob.run(problem, "vanilla", **quick, **unlike, **{"budget.chain.warm_start.prunings": 2}).records
    records += ob.run(problem, "vanilla", **quick, **unlike).records
    [study] = studies(records)
    entries = {entry.name: entry for entry in study.entries}
    found = {(one.chain, one.measure): one.paired.difference for one in controls(study)}
    assert len(found) == len(controls(study))
    assert found == {
        (f"top_down population_size={size}", measure): pytest.approx(
            (entries[f"top_down population_size={size}"].accuracy - entries[control].accuracy).mean()
        )
        for size, measure, control in (
            (10, "generations", "vanilla population_size=10, equal generations"),
            (12, "generations", "vanilla population_size=12, equal generations"),
            (12, "unique_evaluations", next(name for name in entries if "equal unique" in name and "memo" in name)),
        )
    }


def test_objects_made_in_python_have_their_controls():
    problem, evolution = ob.problem("mbv3"), Evolution(population_size=10)
    keys = {"budget": "matched", "targets": "paper2", "budget.generations": 9, "repeats": 2, "progress": False}
    equal = {"budget.match": "unique_evaluations", "evolution.population_size": 10}
    records = ob.run(problem, Chain(evolution, "descending"), **keys).records
    records += ob.run(problem, Vanilla(evolution), **keys).records
    records += ob.run(problem, "vanilla", **keys, **equal).records
    [study] = studies(records)
    assert sorted((one.chain.split()[0], one.measure) for one in controls(study)) == [
        ("Chain", "generations"), ("Chain", "unique_evaluations"),
    ]  # fmt: skip


def test_records_of_long_addresses_are_one_entry_for_all_seeds():
    """Where an address is cut, its hash depends on the seed and the budget; the entry does not."""
    problem, records = ob.problem("mbv3"), []
    keys = {"budget": "matched", "budget.generations": 16, "targets": [20, 30, 40], "progress": False}
    keys |= {"evolution.population_size": 10, "budget.match": "unique_evaluations"}
    for seed in (0, 1):
        for strategy in ("vanilla", "top_down"):
            records += ob.run(problem, strategy, seed=seed, **keys, **{"evolution.mutate_prob": 0.2}).records
    assert all("~" in record.address for record in records)
    [study] = studies(records)
    names = ["top_down", "vanilla, equal unique evaluations (descending)"]
    assert {entry.name: len(entry.keys) for entry in study.entries} == dict.fromkeys(names, 2)
    records += ob.run(problem, "top_down", **keys, **{"evolution.mutate_prob": 0.3}).records
    [study] = studies(records)
    assert sorted(len(entry.keys) for entry in study.entries) == [1, 2, 2]
