"""Winners with choices outside the predictor's training data: marked and named wherever their accuracy is shown."""

import copy
import csv
import json
import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from calling import call
from rich.console import Console

from ofa_bench.analysis.figures.drawings import Drawing
from ofa_bench.api.subnets import evaluate
from ofa_bench.commands.cli.tables import print_tables
from ofa_bench.engine import Cell, run_repeats
from ofa_bench.errors import InputError
from ofa_bench.exporting.cards import describe_network, read_card
from ofa_bench.exporting.found import find_networks
from ofa_bench.exporting.pages import build_sections, write_pages
from ofa_bench.predictors import measured_predictor
from ofa_bench.records import record as records
from ofa_bench.records.frame import write_csv
from ofa_bench.records.model import to_dict
from ofa_bench.records.rows import rows, totals
from ofa_bench.records.unlabelled import describe_points, describe_winners, notes
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.strategies import Budget, Vanilla
from ofa_bench.testing import toy_problem
from ofa_bench.tracking import values as mlflow_values

SPACE = MobileNetV3Space()

NOTE = (
    "Accuracies marked *: no label of the predictor had r=160 (at 20 ms), so that what it predicts of these networks "
    "is a guess; space.choices='{r: [176, 192, 208, 224]}' restricts a search to the others."
)


CERTAIN = "Accuracies marked *: no label of the predictor had r=160 (at 20 ms); they are less certain than the others."
"""The note on a predictor that knows its uncertainty."""


@pytest.fixture
def marked(made):
    """Return a record whose winner for 20 ms, and not that for 30, has a choice that no label had."""
    record = made(repeats=1)
    vars(record.predictor).update(unlabelled={"r": [160]}, labelled={"r": [176, 192, 208, 224]})
    for result in record.repeats[0].results:
        result.unlabelled = {"r": [160]} if result.target == 20 else {}
    return record


def test_a_record_has_the_choices_of_each_winner():
    problem = toy_problem()
    problem.predictor.unlabelled = {"r": (160, 176), "d0": (4,), "k3": (3, 5, 7), "e1": (3,)}
    cell = Cell(problem, Vanilla(Evolution(population_size=10)), (1.0, 18.0, 30.0), Budget(4, 2), 0, 2, threads=1)
    choices = dict.fromkeys(("space", "device", "predictor", "strategy", "budget", "targets"), "x")
    about = {"address": "a/b", "choices": choices, "identity": "0", "config": {}}
    record = records.make_record(cell, list(run_repeats(cell, lambda *_: None)), **about)
    assert record.predictor.unlabelled == {"r": [160, 176], "d0": [4], "k3": [3, 5, 7], "e1": [3]}
    assert record.predictor.labelled == {"r": [192, 208, 224], "d0": [2, 3], "e1": [4, 6]}
    seen = set()
    for result in record.results:
        arch = result.architecture
        wanted = {
            "r": [arch["image_size"]] if arch["image_size"] < 192 else [],
            "d0": [4] if arch["d"][0] == 4 else [],
            "k3": [arch["ks"][3]] if arch["d"][0] == 4 else [],
            "e1": [3] if arch["e"][1] == 3 else [],
        }
        assert result.unlabelled == {gene: values for gene, values in wanted.items() if values}
        seen |= set(result.unlabelled)
    assert seen, "some were found"
    assert rows(record)[0].unlabelled is False, "nothing is promised where no target is met"
    problem.predictor.unlabelled = None
    record = records.make_record(cell, list(run_repeats(cell, lambda *_: None)), **about)
    assert record.predictor.unlabelled is None
    assert record.repeats[0].results[0].unlabelled is None


def test_the_table_marks_them_and_a_note_names_targets_and_choices(marked, made):
    shown = StringIO()
    print_tables([marked, made(strategy="bottom_up", repeats=1)], Console(file=shown, width=100))
    text = shown.getvalue()
    by_target = {one.target: f"{100 * one.accuracy:.2f}" for one in marked.repeats[0].results}
    assert re.search(rf"20 +vanilla +{re.escape(by_target[20])}\* ", text)
    assert re.search(rf"30 +vanilla +{re.escape(by_target[30])} ", text)
    assert re.search(r"all +vanilla +[0-9.]+\* ", text)
    assert text.count("*") == 3
    assert NOTE.replace("(at 20 ms)", "(vanilla at 20 ms)") in text, "on one line"


def test_the_note_on_a_predictor_that_knows_its_uncertainty_does_not_call_it_a_guess(marked, tmp_path):
    other = copy.deepcopy(marked)
    for result in other.repeats[0].results:
        result.uncertainty = 0.002
    assert notes(["vanilla"], [other]) == [CERTAIN]
    assert notes(["a", "b"], [other, marked]) == [NOTE], "one of them does not know it"
    [network, _] = find_networks([other])
    (tmp_path / network.folder).mkdir(parents=True)
    (tmp_path / network.folder / "card.json").write_text(json.dumps(describe_network(network, CARD)))
    write_pages(tmp_path)
    text = (tmp_path / network.folder / "card.md").read_text()
    assert "had r=160, so that the accuracy that it predicts is less certain." in text
    problem = Problem(SPACE, measured_predictor(SPACE), toy_problem().cost)
    genes = SPACE.sample(40, np.random.default_rng(0))
    assert describe_points(problem, genes).endswith(
        "(r=160, 176), so that their accuracy is less certain than that of the others"
    )
    small, large = genes[genes[:, 0] == 0][0], genes[genes[:, 0] == 4][0]
    assert "guess" not in repr(evaluate(problem, SPACE.to_ofa(small)))
    uncertain = [evaluate(problem, SPACE.to_ofa(row)).uncertainty for row in (small, large)]
    assert uncertain[0] > 2 * uncertain[1], "as the note says"


def test_the_note_is_short_for_many_targets_and_strategies(marked):
    assert notes(["vanilla"], [marked]) == [NOTE]
    assert describe_winners(marked) == "r=160 at 20 ms"
    every = copy.deepcopy(marked)
    for result in every.repeats[0].results:
        result.unlabelled = {"r": [160], **{f"k{i}": [7] for i in range(5)}}
    [text] = notes(["a", "b"], [every, every])
    assert "had r=160; k=7 (5 genes) (at all 2 targets), so" in text
    many = [replace(every.repeats[0].results[0], target=float(t)) for t in range(20, 40)]
    many[0].unlabelled = {}
    every.repeats[0].results = many
    [text] = notes(["a"], [every])
    assert "(at 19 of 20 targets, 21 to 39 ms)" in text
    for one in many:
        one.unlabelled = {}
    assert notes(["a"], [every]) == []
    other = replace(marked, predictor=replace(marked.predictor, sha256="1" * 64))
    assert notes(["a", "b"], [marked, other]) == [NOTE, NOTE], "one for each predictor"


def test_a_frontier_counts_its_points():
    problem = toy_problem()
    genes = problem.space.canonical(problem.space.sample(40, np.random.default_rng(0)))
    assert describe_points(problem, genes) == ""
    problem.predictor.unlabelled = {"r": (160, 176)}
    n = int((genes[:, 0] < 2).sum())
    assert describe_points(problem, genes) == (
        f"{n} of 40 points have choices that no label of the predictor had (r=160, 176), so that their accuracy is a "
        "guess; space.choices='{r: [192, 208, 224]}' restricts a search to the others"
    )
    assert describe_points(problem, genes[genes[:, 0] > 1]) == ""


def test_records_of_others_are_checked(marked, tmp_path):
    records.write(tmp_path / "good", marked, "")
    assert records.read(tmp_path / "good") == marked
    for at, value, message in (
        ("result", {"<b>": [1]}, "printable and without markup"),
        ("result", {"r": 160}, "unlabelled.r is 160; must be a list"),
        ("result", {"r": ["160"]}, "must be a number each"),
        ("result", [160], "must be an object or null"),
        ("unlabelled", {"r\n": [1]}, "its predictor.unlabelled is"),
        ("labelled", {"r": []}, "its predictor.labelled.r is"),
    ):
        bad = json.loads(json.dumps(to_dict(marked)))
        (bad["repeats"][0]["results"][0] if at == "result" else bad["predictor"])[
            "unlabelled" if at == "result" else at
        ] = value
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "record.json").write_text(json.dumps(bad))
        with pytest.raises(InputError) as error:
            records.read(folder)
        assert message in str(error.value)


def test_mlflow_and_csv_have_them(marked, made, tmp_path):
    tags = mlflow_values.tags(marked, "0" * 64)
    assert tags["unlabelled"] == "r=160 at 20 ms"
    page = tags["mlflow.note.content"]
    assert page.endswith(f"\n\n{NOTE}")
    assert f"{100 * totals(marked).accuracy:.2f}*" in page
    assert "unlabelled" not in mlflow_values.tags(made(), "0" * 64)
    write_csv([marked], tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        assert {row["target"]: row["unlabelled"] for row in csv.DictReader(file)} == {"30.0": "", "20.0": "r=160"}


def test_a_report_marks_and_names_them(marked, made, tmp_path, monkeypatch):
    none = Drawing("accuracy", "", lambda: None)
    monkeypatch.setattr("ofa_bench.report.sections.drawings", lambda *_: [none])
    monkeypatch.setattr("ofa_bench.report.sections.leads", lambda *_: None)
    monkeypatch.setattr("ofa_bench.analysis.figures.networks.draw", lambda *_: None)
    others = [made(strategy="bottom_up", repeats=1), made(targets=(20.0,), repeats=1)]
    others[1].repeats[0].results[0].unlabelled = {"r": [160]}
    for record in (marked, *others):
        records.write(tmp_path / "sweep" / record.address, record, "a: 1\n")
    call("report", [str(tmp_path / "sweep"), f"out={tmp_path}/out"])
    mean = f"{100 * totals(marked).accuracy:.2f}*"
    text = (tmp_path / "out/report.md").read_text()
    assert f"| vanilla | {mean} |" in text
    assert NOTE.replace("(at 20 ms)", "(vanilla at 20 ms)") in text
    assert "1 target (20 ms): Accuracies marked *" in text, "of the other target set"
    page = (tmp_path / "out/report.html").read_text()
    assert mean in page
    assert "no label of the predictor had r=160" in page


CARD = {
    "macs": 1e8, "parameters": 5e6, "measured": None,
    "weights": {"description": "weights are random", "random": True},
    "files": {name: {"bytes": 10, "sha256": "0"} for name in ("network.onnx", "network.pt2")},
    "input": {"name": "image", "type": "float32", "what": "RGB", "shape": [1, 3, 160, 160], "mean": [0.5],
              "standard_deviation": [0.2]},
    "output": {"name": "output", "what": "logits", "shape": [1, 1000]},
    "made": {"ofa_bench": "1", "torch": "2", "date": "2026-01-01", "of": "x", "opset": 17},
}  # fmt: skip


def test_exported_networks_say_it_in_card_index_and_table(marked, tmp_path):
    networks = find_networks([marked])
    assert [one.unlabelled for one in networks] == [{"r": [160]}, {}]
    for one in networks:
        (tmp_path / one.folder).mkdir(parents=True)
        (tmp_path / one.folder / "card.json").write_text(json.dumps(describe_network(one, CARD)))
    write_pages(tmp_path)
    first, second = (tmp_path / one.folder for one in networks)
    text = (first / "card.md").read_text()
    assert "no label of the predictor had r=160, so that the accuracy that it predicts is a guess" in text
    assert "no label" not in (second / "card.md").read_text()
    [section] = build_sections([(first, read_card(first)), (second, read_card(second))])
    assert section.table.heads[-1] == "in no label of the predictor"
    assert [row[-1] for row in section.table.rows] == ["r=160", ""]
    assert [row[1].endswith("*") for row in section.table.rows] == [True, False]
    assert "in no label of the predictor" in (tmp_path / "index.html").read_text()
    with (tmp_path / "networks.csv").open(newline="") as file:
        assert [row["unlabelled"] for row in csv.DictReader(file)] == ["r=160", ""]
    [section] = build_sections([(second, read_card(second))])
    assert "in no label of the predictor" not in section.table.heads
    card = read_card(first)
    for change, message in (
        ({"unlabelled": {"r": 1}}, "unlabelled.r is 1"),
        ({"accuracy": 79.6}, "its accuracy is 79.6"),
    ):
        (first / "card.json").write_text(json.dumps(card | change))
        with pytest.raises(InputError, match=message):
            read_card(first)
