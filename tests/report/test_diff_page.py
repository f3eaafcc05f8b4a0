"""The page that compares two sweeps."""

import csv

import numpy as np
import pytest
from calling import call
from pages import Checked

from ofa_bench.analysis.diff import compare_sweeps
from ofa_bench.errors import InputError
from ofa_bench.records import record as records

NAMES = ("vanilla", "bottom_up", "top_down")
SETTINGS = {"targets": (20.0, 25.0, 30.0)}


def shifted(record, points, seconds):
    """Return the record with other accuracies and seconds: what a change of the code may do."""
    for repeat in record.repeats:
        repeat.seconds = seconds
    record.made.lockstep = False
    for repeat in record.repeats:
        for number, result in enumerate(repeat.results):
            result.accuracy += points * (1 + number / 1000) / 100
            result.evaluations += 1000 * points
    return record


def write(folder, *several):
    for record in several:
        records.write(folder / record.address, record, "a: 1\n")
    return str(folder)


def test_two_sweeps_are_compared_strategy_by_strategy(made, tmp_path):
    before = write(tmp_path / "before", *(shifted(made(strategy=name, **SETTINGS), 0.0, 1.0) for name in NAMES))
    changed = shifted(made(repeats=6, **SETTINGS), 0.5, 0.5)
    changed.made.ofa_bench = "9.9.9"
    changed.config = {**changed.config, "evolution": {"population_size": 7}}
    same, other = shifted(made(strategy="bottom_up", **SETTINGS), 0.0, 1.0), made(strategy="bottom_up", targets=(20.0,))
    after = write(tmp_path / "after", changed, same, other)
    out = tmp_path / "out"
    page = Checked(call("report", [before, after, "diff=true", f"out={out}", "title=Mine & <yours>"]).read_text())
    assert page.sources == []
    for text in (
        "Mine & <yours>",
        "The same to the bit in all repeats: bottom_up.",
        "vanilla: +0.50 points of accuracy (",
        "+1,500 evaluations, 50 % of the time.",
        "Versions differ: a difference of seconds includes theirs.",
        "Only in A: top_down.",
        "Only in B: vanilla (seed 0: 3 repeats).",
        "evolution.population_size",
        "9.9.9",
    ):
        assert text in page.words
    assert "| vanilla | 3 | 0 of 3 |" in (out / "diff.md").read_text()
    rows = list(csv.DictReader((out / "diff.csv").open()))
    assert {(row["strategy"], row["same"]) for row in rows} == {("vanilla", "False"), ("bottom_up", "True")}
    differences = [float(row["accuracy of B"]) - float(row["accuracy of A"]) for row in rows]
    assert differences == pytest.approx([0.0 if row["same"] == "True" else 0.501 for row in rows], abs=2e-3)
    assert {path.name for path in out.iterdir()} == {"diff.html", "diff.md", "diff.csv", ".gitignore"}


def test_another_predictor_or_machine_is_said(made, tmp_path):
    other = shifted(made(), 0.5, 1.0)
    other.predictor.sha256, other.choices.predictor, other.made.machine = "9" * 64, "other", "another"
    first = write(tmp_path / "a", shifted(made(), 0.0, 1.0))
    text = Checked(
        call("report", [first, write(tmp_path / "b", other), "diff=true", f"out={tmp_path}/out"]).read_text()
    ).words
    assert "The predictors differ" in text
    assert "points of accuracy (other predictor)" in text
    assert "Time is not compared: it was not measured in one way (machine)." in text
    assert "999999999999" in text
    assert "of the time" not in text
    assert "seconds of" not in text


def test_what_says_nothing_is_left_out(made, tmp_path):
    both = [write(tmp_path / name, *(made(strategy=one) for one in NAMES[:2])) for name in "ab"]
    text = Checked(call("report", [*both, "diff=true", f"out={tmp_path}/out"]).read_text()).words
    assert "The same to the bit in all repeats: bottom_up, vanilla." in text
    assert "Time is not compared: searches that advance together share it" in text
    for one in ("of the time", "% of A's", "seconds of A", "What is in one only", "What was left out"):
        assert one not in text
    page = call("report", [both[0], f"out={tmp_path}/one"]).read_text()
    text = Checked(page).words
    assert "Time is not compared: searches that advance together share it" in text
    assert text.count("Time is not compared") == 1
    for one in ("of the time", "over seconds", "What was kept apart", "What was left out"):
        assert one not in text


def test_without_common_seeds_two_means_are_compared(made):
    a, b = made(repeats=6), shifted(made(seed=1, repeats=6), 0.3, 1.0)
    [pair] = compare_sweeps([a], [b]).pairs
    [change] = pair.changes
    assert (change.keys, change.identical, change.paired.n) == ((), False, 0)
    assert pair.only_b == ("vanilla (seed 1: 6 repeats)",)
    [single] = compare_sweeps([made(repeats=1)], [made(seed=1, repeats=1)]).pairs
    assert single.only_b == ("vanilla (seed 1: 1 repeat)",)
    means = [entry.accuracy.mean(axis=1) for entry in (change.a, change.b)]
    assert change.paired.difference == pytest.approx(means[1].mean() - means[0].mean())
    low, high = change.paired.interval
    assert low < change.paired.difference < high
    error = np.hypot(*(one.std(ddof=1) / np.sqrt(6) for one in means))
    assert 2 * error < (high - low) / 2 < 2.6 * error  # Student's t of 5 to 10 degrees of freedom


def test_studies_of_one_problem_go_with_their_predictor(made):
    def guided(name):
        record = made()
        record.predictor.sha256, record.choices.predictor, record.predictor.name = name[0] * 64, name, name
        return record

    found = compare_sweeps([guided("a"), guided("b"), guided("c")], [guided("b"), guided("a"), guided("d")])
    assert sorted((pair.a.predictor, pair.b.predictor) for pair in found.pairs) == [("a", "a"), ("b", "b"), ("c", "d")]
    assert (found.only_a, found.only_b) == ((), ())
    found = compare_sweeps([guided("a"), guided("b")], [guided("c"), guided("d")])
    assert found.pairs == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "diff=true"], "compares two folders of records .*, not 1$"),
        (["a", "b", "c", "diff=true"], "not 3$"),
        (["a", "b", "diff=true", "mlflow=x"], "not 2 with mlflow=x$"),
        (["a", "a/../a", "diff=true"], "a and a/../a are the same folder"),
        (["a", "c", "diff=true"], "no study in both .*: a has mbv3 on toy, 1 target .*; c has mbv3 on toy, 2 targets"),
        (["a", "b", "diff"], "diff: no such folder; as an option, it is given as diff=<value>"),
    ],
)
def test_bad_input_is_one_line(words, message, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a", made(targets=(20.0,)))
    write(tmp_path / "b", made(targets=(20.0,)))
    write(tmp_path / "c", made(targets=(20.0, 30.0)))
    with pytest.raises(InputError, match=message) as raised:
        call("report", words)
    assert "\n" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}
