"""The command that makes frontiers, as users run it; and the proofs of ``benchmarks/certify.py`` on a tiny space."""

import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from calling import call
from conftest import ROOT

from ofa_bench.commands import frontier as module
from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.main import run_command
from ofa_bench.commands.frontier import Options, compose_task
from ofa_bench.devices.cost import Term
from ofa_bench.engine import run_repeats
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import CostTable, OneHotMLP, latency_table, measured_predictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.records.frontiers import FOLDER, staircase
from ofa_bench.records.improve_frontier import fine_grid, improve_frontier
from ofa_bench.search import Problem
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.enumeration import architectures
from ofa_bench.spaces.genes import Gene

QUICK = ("budget=quick", "evolution.population_size=20", "grid=12", "seeds=1", "minutes=1")
MINE = ("space=compofa", "device=mine")
PLACE = "frontiers/compofa/mine/measured.json"


def test_options_of_a_users_folder_are_found(tmp_path):
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "mine.yaml").write_text("_target_: ofa_bench.spaces.MobileNetV3Space\n")
    words = [f"hydra.searchpath=[file://{tmp_path}]", "space=mine", "device=note10", "predictor=embedded"]
    assert compose_task(words, Options()).names["space"] == "mine"


@pytest.fixture
def command(forks, tmp_path):
    """Run a command in a folder with a user's table, for which the package has no frontier."""
    table = FOLDER.parent / "devices" / "note10" / "mbv3.json"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mbv3.json").write_text(table.read_text().replace("{", "{ ", 1))

    def run(*arguments, command="frontier", **environment):
        return forks.run(command, arguments, tmp_path, **environment)

    return run


def points(path):
    return json.loads(path.read_text())["points"]


def test_a_frontier_is_made_raised_and_compared_with(command, tmp_path):
    made = command(*MINE, *QUICK, "strategy=top_down")
    assert made.returncode == 0, made.stderr
    assert made.stderr == "strategy top_down for 1 min\n"
    path = tmp_path / PLACE
    assert f"{PLACE}: version 1, {len(points(path))} points\n" in made.stdout
    file = json.loads(path.read_text())
    by = f"ofa_bench frontier {' '.join([*MINE, *QUICK])} strategy=top_down"
    assert file["card"]["made"] == [{"version": 1, "by": by}]

    again = command(*MINE, *QUICK, "strategy=top_down")
    assert "nothing better was found; version 1 of the best known stays" in again.stdout
    assert json.loads(path.read_text()) == file

    ran = command(*MINE, "tracking=none", "repeats=3", command="run")
    assert ran.returncode == 0, ran.stderr
    assert "the best-known frontier, by up to" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "regret  cost" in ran.stdout
    (record,) = (tmp_path / "multirun").rglob("record.json")
    frontier = json.loads(record.read_text())["frontier"]
    assert (frontier["version"], len(frontier["sha256"])) == (1, 64)

    description = ran.stderr.rsplit("(optional): ofa_bench frontier ", 1)[1].split()
    assert description == ["device=mine", "space=compofa", "records=multirun"]
    better = command(*description)
    assert better.returncode == 0, better.stderr
    assert "1 records of this space, predictor and table; 0 results refused, 0 files unreadable" in better.stderr
    assert f"{PLACE}: version 2" in better.stdout
    assert "raised by" in better.stdout
    assert json.loads(path.read_text())["version"] == 2


def test_architectures_of_a_stale_file_are_evaluated_anew(command, tmp_path):
    assert command(*MINE, "out=elsewhere", *QUICK).returncode == 0
    path = tmp_path / "elsewhere" / "compofa" / "mine" / "measured.json"
    file = json.loads(path.read_text())
    stale = {**file, "version": 5, "predictor": {"name": "measured", "sha256": "1" * 64}}
    stale["points"] = [[genes, cost, accuracy - 0.1] for genes, cost, accuracy in file["points"]]
    path.write_text(json.dumps(stale))
    again = command(*MINE, "out=elsewhere", "minutes=0")
    assert again.returncode == 0, again.stderr
    assert "belongs to another predictor or table; its architectures are evaluated again" in again.stderr
    fresh = json.loads(path.read_text())
    assert fresh["version"] == 6
    assert fresh["points"] == file["points"]


def test_an_exhaustive_frontier_is_exact_at_every_cost(tmp_path, monkeypatch):
    """Whatever the grid; what a search found is raised to it, and a search does not make it anew."""
    monkeypatch.setattr(module.frontiers, "find", lambda problem: None)
    words = ["space=compofa", "device=macs", f"out={tmp_path}", "grid=2", "seeds=1", "minutes=1", "progress=false"]
    path = tmp_path / "compofa" / "macs" / "measured.json"
    list(call("frontier", [*words, "strategy=random", "strategy.population_size=10", "budget=quick"]))
    assert "exact" not in json.loads(path.read_text())
    list(call("frontier", [*words, "strategy=exhaustive"]))
    file = json.loads(path.read_text())
    assert file["exact"] is True
    space = load_space("compofa")
    [rows] = architectures(space, 10_000)
    cost, accuracy = latency_table(space, "macs").cost(rows), measured_predictor(space).accuracy(rows)
    stairs = staircase(cost, accuracy)
    assert [point[1] for point in file["points"]] == pytest.approx(cost[stairs])
    assert [point[2] for point in file["points"]] == pytest.approx(accuracy[stairs], abs=1e-6)
    [line] = call("frontier", [*words, "strategy=exhaustive"])
    assert "nothing better was found; version 2" in line
    assert json.loads(path.read_text()) == file


def test_an_exhaustive_frontier_of_a_large_space_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"strategy=exhaustive: mbv3 has 1\.09e"):
        list(call("frontier", [f"out={tmp_path}", "strategy=exhaustive", "progress=false"]))


def test_where_files_go(tmp_path, monkeypatch):
    def place(*words, **given):
        return compose_task(["predictor=embedded", *words], Options(**given)).path

    monkeypatch.chdir(tmp_path)
    assert place("space=mbv3") == FOLDER / "mbv3" / "note10" / "embedded.json"
    assert place("space=mbv3", out="here") == Path("here/mbv3/note10/embedded.json")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert place("space=mbv3", "device=macs") == Path("frontiers/mbv3/macs/embedded.json")


BAD = [
    (["targets=paper10"], "targets=paper10: has no effect here: targets are set by grid="),
    (["grid=1"], "grid=1: must be 2 or more"),
    (["minutes=-1"], "minutes=-1.0: must be 0 or more"),
    (["seeds=x"], "seeds=x: must be a whole number"),
    (["records=nowhere"], "records=nowhere: no such folder"),
    (["foo=1"], "foo: no such key; allowed: minutes, seeds, grid, records, out, space, "),
    (["record=multirun"], "; did you mean 'records'?"),
    (["space=mbv"], "space=mbv: no such option; there are "),
    (["minutes=0", "device=macs", "out=/proc/nowhere"], "/proc/nowhere cannot be written"),
]


def here(monkeypatch, capsys, folder, *arguments):
    """Run the command in this process. Return its exit code and its output."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["ofa_bench"])
    monkeypatch.setattr(interrupts, "_noted", [])
    with pytest.raises(SystemExit) as ended:
        run_command("frontier", arguments)
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line(monkeypatch, capsys, tmp_path, arguments, message):
    code, description = here(monkeypatch, capsys, tmp_path, *arguments)
    assert code == 2
    assert message in description.err
    assert description.err.count("\n") == 1, description.err


def test_help_shows_the_options(monkeypatch, capsys, tmp_path):
    code, description = here(monkeypatch, capsys, tmp_path, "--help")
    assert code == 0
    assert "minutes=None" in description.out
    assert "grid=250" in description.out


def test_a_folder_that_cannot_be_written_is_refused_before_the_search(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(module, "_default_folder", lambda _: tmp_path / "file")
    monkeypatch.setattr(module, "improve", lambda *_: pytest.fail("it searched"))
    with pytest.raises(InputError, match="cannot be written"):
        list(call("frontier", [*QUICK, "progress=false"]))


def test_interrupted_it_keeps_what_is_found(tmp_path, monkeypatch, capsys):
    def interrupted(cell, report):
        yield from run_repeats(cell, report)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_repeats", interrupted)
    monkeypatch.setattr(module.frontiers, "find", lambda problem: None)
    code, description = here(monkeypatch, capsys, tmp_path, "space=compofa", "device=macs", "out=there", *QUICK)
    assert code == 130
    assert "ofa_bench: interrupted; what was found so far is kept" in description.err
    assert "version 1" in description.out
    assert len(points(tmp_path / "there" / "compofa" / "macs" / "measured.json")) > 3


@pytest.mark.parametrize("device", ["note10", "macs"])
def test_grid_reaches_from_the_cheapest_to_the_dearest_and_has_the_devices_targets(device):
    cost = latency_table(load_space("mbv3"), device)
    grid = fine_grid(cost, 250)
    assert list(grid) == sorted(set(grid))
    assert (grid[0], grid[-1]) == (cost.minimum, pytest.approx(cost.maximum))
    assert set(cost.targets) <= set(grid)
    assert 250 <= len(grid) <= 250 + len(cost.targets)
    assert sum(target <= max(cost.targets) for target in grid) > 150
    cost.targets = ()
    assert len(fine_grid(cost, 250)) == 250


class Tiny(DesignSpace):
    """144 networks: two resolutions, depth 0 to 2, widths of which two are one, three blocks."""

    def __init__(self):
        genes = [Gene("r", (1, 2), "r"), Gene("d", (0, 1, 2), "d"), Gene("w", (1, 2, 3), "w", same_as=(0, 0, 2))]
        super().__init__("tiny", [*genes, *(Gene(f"e{i}", (1, 2, 3), f"e{i}", "d", i) for i in range(3))])

    def to_ofa(self, row):
        return {}

    def from_ofa(self, arch):
        return None


@pytest.mark.parametrize("seed", [0, 1])
def test_certify_proves_the_optimum(seed, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    certify = pytest.importorskip("certify")
    space, rng = Tiny(), np.random.default_rng(seed)
    widths = [int(space.cardinality.sum()), 6, 5, 7, 1]
    layers = [
        (rng.normal(size=shape).astype(np.float32) / shape[0], rng.normal(size=shape[1]).astype(np.float32) / 4)
        for shape in itertools.pairwise(widths)
    ]
    predictor = OneHotMLP(space, one_hot_columns(space), layers, name="tiny", sha256="0" * 64)
    terms = [Term((("r", "w", f"e{i}"),), rng.random((2, 3, 3))) for i in range(3)]
    terms.append(Term((("r", "w"), ("r", "w")), rng.random((2, 3))))
    problem = Problem(space, predictor, CostTable(space, terms, name="tiny", unit="ms", sha256="1" * 64, card={}))
    every = space.canonical(np.array(list(itertools.product(*map(range, space.cardinality))), np.int8))
    cost, accuracy = problem.cost.cost(every), predictor.accuracy(every)
    exact = [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in layers]
    parts = [certify.Part.of(space, one_hot_columns(space), exact, "r", choice) for choice in range(2)]
    start = improve_frontier(problem, None, every[:0])
    for target in np.quantile(cost, [0.01, 0.3, 0.8]).tolist():
        upper, known = certify.certify(problem, parts, target, start, 60.0)
        best = accuracy[cost <= target].max()
        assert best - 1e-6 <= upper <= best + 1e-5
        assert known.best_known(target) == pytest.approx(best, abs=1e-6)
