"""Folders with names that a shell, Hydra, a URL or markup may take for syntax: commands work there, and only there."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from calling import call
from conftest import ROOT
from nasty import NASTY_NAMES

from ofa_bench.config.shell import override
from ofa_bench.predictors import latency_table, own_predictor
from ofa_bench.records import record as records
from ofa_bench.spaces import MobileNetV3Space

DATA = ROOT / "ofa_bench" / "data"
TABLE, WEIGHTS = DATA / "devices" / "note10" / "mbv3.json", DATA / "predictors" / "mbv3.npz"
SMALL = ("tracking=none", "targets=single", "budget.generations=1", "evolution.population_size=4", "progress=false")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder below folders of all these names, with a table below each, for which there is no frontier."""
    folder = tmp_path / "above" / Path(*NASTY_NAMES)
    folder.mkdir(parents=True)
    for number, name in enumerate(NASTY_NAMES):
        (folder / name).mkdir(parents=True)
        (folder / name / f"t{number}.json").write_text(TABLE.read_text().replace("{", "{ ", 1))
    return folder


def files(folder: Path, *, but: Path) -> set[Path]:
    """List all that is below a folder, but for what is below another."""
    return {path for path in folder.rglob("*") if not path.is_relative_to(but)}


def test_a_sweep_runs_there_and_writes_nothing_elsewhere(forks, folder, tmp_path):
    before = files(tmp_path, but=folder)
    paths = [f"{name}/t{i}.json" for i, name in enumerate(NASTY_NAMES)][::4]
    tables = [override("device", path).removeprefix("device=") for path in paths]
    output = str(Path(*NASTY_NAMES))
    words = ("-m", f"device={','.join(tables)}", override("output", output), *SMALL)
    ran = forks.run("run", words, folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"results: {folder / output}\n" in ran.stdout
    written = [json.loads(path.read_text()) for path in (folder / output).rglob("record.json")]
    assert sorted(one["config"]["device"]["device"] for one in written) == sorted(paths)
    assert files(tmp_path, but=folder) == before
    assert {path.name for path in folder.iterdir()} == {Path(name).parts[0] for name in NASTY_NAMES}


def test_a_frontiers_command_works_when_it_is_pasted(forks, folder):
    shutil.copy(WEIGHTS, folder / NASTY_NAMES[0] / "net.npz")
    table, net = f"{NASTY_NAMES[-3]}/t{len(NASTY_NAMES) - 3}.json", f"{NASTY_NAMES[0]}/net.npz"
    problem = (override("device", table), override("predictor", net))
    made = forks.run("frontier", (*problem, "minutes=0", "progress=false"), folder)
    assert made.returncode == 0, made.stderr
    ran = forks.run("run", (*problem, override("output", "R&D, [it]"), *SMALL), folder)
    assert ran.returncode == 0, ran.stderr
    program, command, *words = shlex.split(ran.stderr.partition("(optional): ")[2])
    assert (program, command) == ("ofa_bench", "frontier")
    raised = forks.run(command, tuple(words), folder)
    assert raised.returncode == 0, raised.stderr
    assert "1 records of this space, predictor and table; 0 results refused, 0 files unreadable" in raised.stderr
    [path] = (folder / "frontiers").rglob("*.json")
    assert shlex.split(json.loads(path.read_text())["card"]["made"][-1]["by"])[2:] == words


def test_a_report_is_written_there(folder, tmp_path, monkeypatch, made):
    monkeypatch.chdir(folder)
    record = made()
    records.write(Path("lr=0.1", record.address), record, "")
    before = files(tmp_path, but=folder)
    out = str(Path("out", *NASTY_NAMES))
    page = call("report", ["lr=0.1", f"out={out}"])
    assert page == Path(out, "report.html")
    assert page.is_file()
    assert files(tmp_path, but=folder) == before


@pytest.mark.parametrize("name", ["$5 to $9", "x](y", "<b>", "a\tb"])
def test_a_files_name_is_one_that_records_and_cards_take(tmp_path, name):
    space = MobileNetV3Space()
    shutil.copy(TABLE, tmp_path / f"{name}.json")
    shutil.copy(WEIGHTS, tmp_path / f"{name}.npz")
    for found in (
        latency_table(space, str(tmp_path / f"{name}.json")).name,
        own_predictor(space, str(tmp_path / f"{name}.npz")).name,
    ):
        assert not set(found) & set("<>$\t")
        assert "](" not in found
