import copy
from dataclasses import replace

import numpy as np
import pytest
from plain import change_record

from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.predictors import latency_table
from ofa_bench.records import frontiers
from ofa_bench.records import record as records
from ofa_bench.records.frontiers import NOISE, confirm, find, read, staircase, write
from ofa_bench.records.improve_frontier import collect_candidates, improve_frontier, improvements, mean_best_known
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import CompoundSpace
from ofa_bench.strategies import Budget, Vanilla
from ofa_bench.testing import ToyPredictor, toy_problem

PROBLEM = toy_problem()
CHOICES = dict.fromkeys(("space", "device", "predictor", "strategy", "budget", "targets"), "any")
GENES = PROBLEM.space.sample(3000, np.random.default_rng(0))
FIRST = improve_frontier(PROBLEM, None, GENES[:1000])
ABOUT = {
    "device": {"name": "note10", "unit": "ms", "sha256": PROBLEM.cost.sha256},
    "predictor": {"name": "toy", "sha256": PROBLEM.predictor.sha256},
    "card": {"title": "of toys"},
}


def written(folder, frontier=FIRST, version=1):
    path = folder / "mbv3" / "note10" / f"toy{version}.json"
    write(path, replace(frontier, version=version, about=ABOUT))
    return path


def test_staircase_keeps_what_nothing_cheaper_equals():
    cost = np.array([3.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    accuracy = np.array([0.7, 0.5, 0.5, 0.8, 0.8 + NOISE / 2, 0.9])
    assert staircase(cost, accuracy).tolist() == [1, 3, 5]


def test_first_frontier_begins_at_the_cheapest_and_has_the_best_at_every_cost():
    assert FIRST.cost[0] == PROBLEM.cost.minimum
    cost, accuracy = PROBLEM.cost.cost(GENES[:1000]), PROBLEM.predictor.accuracy(GENES[:1000])
    for target in (12.0, 20.0, 33.3, 50.0, 200.0):
        within = accuracy[cost <= target]
        assert FIRST.best_known(target) == pytest.approx(within.max(initial=FIRST.accuracy[0]), abs=NOISE)
    assert FIRST.best_known(PROBLEM.cost.minimum - 0.01) is None


def test_raising_takes_what_is_better_and_nothing_else():
    assert improve_frontier(PROBLEM, FIRST, GENES[:1000]) is FIRST
    assert improve_frontier(PROBLEM, FIRST, GENES[:0]) is FIRST
    more = improve_frontier(PROBLEM, FIRST, GENES)
    whole = improve_frontier(PROBLEM, None, GENES)
    assert (more.cost == whole.cost).all()
    assert (more.genes == whole.genes).all()
    gains = [(more.best_known(cost), FIRST.best_known(cost)) for cost in more.cost.tolist()]
    assert all(after >= before for after, before in gains)
    assert len(improvements(FIRST, more)) == sum(after > before + NOISE for after, before in gains) > 0
    targets = [1.0, 20.0, 30.0]
    assert mean_best_known(more, targets) >= mean_best_known(FIRST, targets) > 0
    assert mean_best_known(None, targets) is mean_best_known(more, [1.0]) is None


def test_files_come_back(tmp_path):
    again = read(written(tmp_path, version=7), PROBLEM.space)
    assert again.version == 7
    assert (again.genes == FIRST.genes).all()
    assert again.cost.tolist() == FIRST.cost.tolist()
    assert again.accuracy.tolist() == FIRST.accuracy.tolist()
    assert len(again.sha256) == 64
    assert again.about["card"] == {"title": "of toys"}
    assert [path.name for path in (tmp_path / "mbv3" / "note10").iterdir()] == ["toy7.json"]


def test_a_frontier_is_found_for_its_own_problem_only(tmp_path):
    written(tmp_path)
    assert find(PROBLEM, [tmp_path]).version == 1
    for part in ("predictor", "cost"):
        other = toy_problem()
        getattr(other, part).sha256 = "1" * 64
        assert find(other, [tmp_path]) is None
    space = CompoundSpace()
    assert find(Problem(space, ToyPredictor(space), latency_table(space, "note10")), [tmp_path]) is None
    guarded = toy_problem()
    guarded.cost.entries *= 1.01
    assert find(guarded, [tmp_path]) is None
    assert find(PROBLEM, []) is find(PROBLEM, [tmp_path / "absent"]) is None


def test_of_several_the_highest_version_is_found(tmp_path):
    more = improve_frontier(PROBLEM, FIRST, GENES)
    written(tmp_path / "a", more, 2)
    written(tmp_path / "b", FIRST, 1)
    assert len(find(PROBLEM, [tmp_path / "a", tmp_path / "b"]).cost) == len(more.cost)
    written(tmp_path / "b", FIRST, 2)
    assert len(find(PROBLEM, [tmp_path / "a", tmp_path / "b"]).cost) == len(FIRST.cost)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-40], "not readable as a frontier"),
        (lambda text: "[]", "it holds no JSON object"),
        (lambda text: text.replace("frontier/1", "frontier/9"), "it is not of format"),
        (lambda text: text.replace('"version"', '"sion"'), "it has no version"),
        (lambda text: text.replace('"predictor"', '"pre"'), "it has no predictor"),
        (lambda text: text.replace('["0', '["9', 1), "no staircase of architectures"),
        (lambda text: text.replace('["0', '["', 1), "not readable as a frontier"),
        (lambda text: text.replace('"points": [\n', '"points": [\n["0", 99.0, 0.1],'), "not readable as a frontier"),
        (lambda text: text.replace('"space": "mbv3"', '"space": "other"'), "space mbv3"),
    ],
)
def test_what_is_no_frontier_is_refused(tmp_path, change, message):
    path = written(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=message):
        read(path, PROBLEM.space)


def test_altered_points_are_refused():
    assert confirm(FIRST, PROBLEM) is FIRST
    assert confirm(replace(FIRST, accuracy=FIRST.accuracy + NOISE / 2), PROBLEM)
    accuracy = FIRST.accuracy.copy()
    accuracy[-1] += 0.001
    with pytest.raises(InputError, match="1 of its points have another accuracy or cost"):
        confirm(replace(FIRST, accuracy=accuracy), PROBLEM)


def test_records_add_what_can_be_confirmed(tmp_path):
    cell = Cell(PROBLEM, Vanilla(Evolution(population_size=10)), (30.0, 5.0, 20.0), Budget(3, 2), 0, 2, threads=1)
    repeats = list(run_repeats(cell, lambda *_: None))
    record = records.make_record(cell, repeats, address="a", choices=CHOICES, identity="0", config={})
    records.write(tmp_path / "good", record, "")
    lying = copy.deepcopy(record)
    lying.repeats[0].results[0].accuracy += 0.01
    lying.repeats[1].results[2].cost -= 1.0
    records.write(tmp_path / "lying", lying, "")
    other = change_record(record, predictor={"sha256": "1" * 64})
    records.write(tmp_path / "other", other, "")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / records.RECORD).write_text("{")
    found = collect_candidates(tmp_path, PROBLEM)
    assert (found.records, found.refused, found.unreadable, len(found.genes)) == (2, 2, 1, 6)
    assert len(collect_candidates(tmp_path / "good", PROBLEM).genes) == 4
    assert collect_candidates(tmp_path / "other", PROBLEM).genes.shape == (0, PROBLEM.space.n_genes)


def test_a_small_space_has_an_exact_frontier():
    space = CompoundSpace()
    problem = Problem(space, ToyPredictor(space), latency_table(space, "note10"))
    every = np.stack(np.meshgrid(*map(np.arange, space.cardinality), indexing="ij"), -1).reshape(-1, space.n_genes)
    exact = improve_frontier(problem, None, every.astype(np.int8))
    cost, accuracy = problem.cost.cost(every.astype(np.int8)), problem.predictor.accuracy(every.astype(np.int8))
    for target in problem.cost.targets:
        assert exact.best_known(target) == pytest.approx(accuracy[cost <= target].max(), abs=NOISE)
    found = Evolution(population_size=50).search(problem.evaluator(), 30.0, 20, np.random.default_rng(0))
    assert found.accuracy <= exact.best_known(30.0) + NOISE
    assert improve_frontier(problem, exact, found.genes[None]) is exact


SHIPPED = sorted(frontiers.FOLDER.glob("*/*/*.json")) if frontiers.FOLDER.is_dir() else []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "/".join(path.parts[-3:]))
def test_shipped_frontiers_hold(path, request):
    from ofa_bench import predictors
    from ofa_bench.experiment.building import load_space

    if path.stem == "official":
        request.getfixturevalue("assets")
    name, device, predictor = path.parts[-3], path.parts[-2], path.stem
    space = load_space(name)
    load = getattr(predictors, f"{predictor}_predictor")
    problem = Problem(space, load(space), latency_table(space, device))
    frontier = read(path, space)
    assert frontier.fits(problem), "the predictor or the table has changed since"
    assert confirm(frontier, problem).cost[0] == problem.cost.minimum
    assert find(problem) is not None
    for bound in frontier.about.get("bounds", ()):
        short = bound["upper"] - frontier.best_known(bound["target"])
        assert short >= -NOISE
        assert bound["certified"] == (short <= 1e-5)
