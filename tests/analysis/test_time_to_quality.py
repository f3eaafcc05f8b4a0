"""Section ``time_to_quality`` of the benchmarks: searches that stop as soon as they are as good, and their figures."""

import json
from pathlib import Path

import numpy as np
import pytest
import quality_tables

from ofa_bench.search import Problem
from ofa_bench.testing import toy_problem

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

EVALUATIONS = 400


@pytest.fixture
def stopped(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import stopped

    return stopped


@pytest.fixture
def quality_figures(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import quality_figures

    return quality_figures


def members(devices):
    """Return toy devices of one space and predictor, each with three targets."""
    problem = toy_problem()
    low, high = problem.cost.minimum, problem.cost.maximum
    targets = [low + share * (high - low) for share in (0.3, 0.5, 0.7)]
    return [(Problem(problem.space, problem.predictor, problem.cost), targets) for _ in range(devices)]


def accuracy(found, part):
    return float(np.mean([one.accuracy for one in found.results[part]]))


@pytest.mark.parametrize("devices", [1, 2])
def test_a_search_stops_where_its_curves_say_that_it_is_as_good(stopped, devices):
    every = slice(None)
    whole = stopped.search(members(devices), EVALUATIONS, 0)
    start, end = whole.batches[0], whole.batches[-1]
    first = np.mean([one.curve[0][-1] for one in whole.results])
    goal = [(every, (first + accuracy(whole, every)) / 2)]
    until = stopped.search_until(members(devices), EVALUATIONS, 0, goal)
    stop = until.stopped.evaluations
    assert start[0] < stop < end[0] == whole.evaluations == until.whole.evaluations
    assert accuracy(until.stopped, every) >= goal[0][1]
    made = [at for at, _ in until.stopped.batches]
    assert made == [at for at, _ in whole.batches if at <= stop]
    before = stopped.search(members(devices), EVALUATIONS, 0, made[-2])
    assert accuracy(before, every) < goal[0][1]
    assert until.numbers["evaluations"] == stop
    assert until.curve[-1][1] == pytest.approx(accuracy(whole, every))


def test_each_part_of_a_goal_must_be_met(stopped):
    found = stopped.search(members(1), EVALUATIONS, 0)
    parts = [(slice(i, i + 1), found.results[i].accuracy) for i in range(3)]
    alone = [stopped.reached(found, [part]) for part in parts]
    assert stopped.reached(found, parts) == max(alone)
    assert alone == [one.curve[-1][1] for one in found.results]


def test_a_search_that_is_never_as_good_says_so(stopped):
    until = stopped.search_until(members(1), EVALUATIONS, 0, [(slice(None), 1.5)])
    assert until.stopped is None
    assert until.numbers["seconds"] is until.numbers["evaluations"] is None
    assert until.numbers["whole seconds"] > 0


def numbers(seconds, whole=2.0):
    return {
        "seconds": seconds, "evaluations": seconds and 1000 * seconds, "whole seconds": whole, "whole accuracy": 80.0
    }  # fmt: skip


@pytest.fixture
def results(quality_figures):
    """Two rounds of two searches, of which one was not as good."""

    def made(*seconds):
        rows = {row: numbers(seconds[0]) for row in quality_figures.MULTIPLES}
        rows["100 targets"] = numbers(seconds[1])
        devices = {"note10": {"together": 500, "one by one": 300}, "other": {"together": None, "one by one": 700}}
        return {"rows": rows, "devices": devices, "curve": [(0.1 * i, 0.5 + 0.01 * i) for i in range(1, 21)]}

    side = {"accuracy": 0.825, "difference": 1e-8, "curve": [(1.0 * i, 0.7 + 0.1 * (i >= 200)) for i in range(1, 501)]}
    vanilla = {
        "accuracy": {"note10": 0.82, "other": 0.81, "100": 0.825}, "lookups": {"note10": 100, "other": 150, "100": 9}
    }  # fmt: skip
    return {
        "ofa": [{"ofa": {**side, "seconds": one}, "ofa, one thread": {**side, "seconds": one / 2}} for one in (90, 60)],
        "vanilla": [vanilla, vanilla],
        "joint": [[made(0.1, 0.2), made(0.2, 0.4)], [made(0.2, None), made(0.2, 0.5)]],
        "processes": [{"ofa": 93.0, "joint": 1.0, "joint, empty cache": 3.0}, {"ofa": 63.0}],
    }


def test_ratios_are_of_the_seconds_of_a_round(quality_figures, results):
    found = quality_figures.sum_up(results)
    ten, many = (found["joint"][row] for row in ("10 targets", "100 targets"))
    assert ten["ratios"]["ofa"]["runs"] == pytest.approx([90 / 0.15, 60 / 0.2])
    assert ten["ratios"]["ofa, one thread"]["runs"] == pytest.approx([45 / 0.15, 30 / 0.2])
    assert ten["whole ratios"]["ofa"]["runs"] == [45, 30]
    assert many["ratios"]["ofa"]["runs"] == pytest.approx([10 * 90 / 0.3])
    assert (many["searches"], many["seconds"]["n"]) == (4, 3)
    assert found["devices"]["other"]["together"] is None
    assert found["processes"]["ratios"]["joint"]["runs"] == [93]
    assert found["ofa"]["ofa"]["accuracy"]["median"] == pytest.approx(82.5)
    assert found["ofa"]["ofa"]["nearly"]["runs"] == [0.4, 0.4]
    curve = found["curves"]["ofa"]
    assert (curve[0], curve[-1]) == ((1.0, 70.0), (500.0, 80.0))
    assert len(curve) <= quality_figures.POINTS
    assert "never" in quality_figures.tables({**found, "generations": 500})


def test_tables_of_the_docs_have_the_medians(quality_figures, results, monkeypatch):
    section = {"evaluations": 3000, "fleet_evaluations": 7000, **quality_figures.sum_up(results)}
    found = json.loads(json.dumps({"time_to_quality": section}))
    monkeypatch.setattr(quality_tables, "read_results", lambda: found)
    text = quality_tables.quality()
    assert "| ten targets | 75 (60–90) | 0.2 (0.1–0.2) | 200 (100–200) | 450 (300–600) | 225 (150–300) |" in text  # noqa: RUF001
    assert "| 10 × 75 (60–90) | 0.4 (0.2–0.5) | 400 (200–500); 3 of 4 | 3,000 |" in text  # noqa: RUF001
    assert "| 8 devices | 7,000 | 2 | 80.00 | 300 (240–360) |" in quality_tables.quality_whole()  # noqa: RUF001
    assert "| `other` | 81.00 | never; 0 of 4 | 700 | 1.50 |" in quality_tables.quality_devices()
    assert "after 40 % of its seconds" in quality_tables.quality_nearly()
    assert "`joint` has found networks as good after 0.2 s: 450 times sooner." in quality_tables.quality_in_short()


def test_a_section_that_does_not_run_stays_in_the_file(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import run

    class Section:
        def run(self, *, quick):
            return {"figure": int(quick)}

        def tables(self, found):
            return f"figure {found['figure']}"

    out = tmp_path / "results.json"
    out.write_text(json.dumps({"scale": {"date": "2026-01-01"}, "speed": {"figure": 7}}))
    monkeypatch.setattr(run, "SECTIONS", {"speed": Section(), "scale": Section()})
    monkeypatch.setattr("sys.argv", ["run.py", "--quick", "--out", str(out), "speed"])
    run.main()
    found = json.loads(out.read_text())
    assert found["scale"] == {"date": "2026-01-01"}
    assert (found["speed"]["figure"], found["speed"]["quick"]) == (1, True)
    assert {"date", "machine", "versions", "compiled"} <= found["speed"].keys()
