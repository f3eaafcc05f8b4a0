"""The example of a user's strategy, built, installed and used outside of this tree."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

EXAMPLE = ROOT / "examples" / "own_strategy"
SEARCHPATH = "hydra.searchpath=[pkg://own_strategy.conf]"
SMALL = ("strategy=vanilla,aging", "budget=quick", "targets=single", "tracking=none")


@pytest.fixture
def source(tmp_path):
    """Return a copy of the example's folder, with none of this tree's above it."""
    return shutil.copytree(EXAMPLE, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__", "multirun"))


@pytest.fixture
def site(source, tmp_path):
    """Return a folder that holds the installed package: the content of its wheel."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=source, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def path_with(site):
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def records(folder):
    found = [json.loads(path.read_text()) for path in folder.rglob("record.json")]
    return {one["choices"]["strategy"]: one for one in found}


def test_its_own_tests_pass(source, site, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "tests")],
        cwd=tmp_path / "empty", capture_output=True, text=True, timeout=60, env={**os.environ, **path_with(site)},
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


def test_the_command_finds_it_and_sees_its_code(ofa_bench, site, tmp_path):
    sweep = ("-m", SEARCHPATH, *SMALL)
    first = ofa_bench(*sweep, **path_with(site))
    assert (first.returncode, first.stderr) == (0, "")
    found = records(tmp_path / "multirun")
    check_records(found)
    for strategy in found:
        assert strategy in first.stdout

    folder = ("--config-dir", str(site / "own_strategy" / "conf"))
    again = ofa_bench(*folder, "-m", *SMALL, **path_with(site))
    assert (again.returncode, again.stderr.count("already there, skipped")) == (0, 2), again.stderr

    with (site / "own_strategy" / "__init__.py").open("a") as file:
        file.write("Aging.edited = True\n")
    refused = ofa_bench(*sweep, **path_with(site))
    assert (refused.returncode, refused.stderr.count("already there, skipped")) == (2, 1)
    assert "aging/quick/single/seed=0: holds a record of another config, predictor, table or strategy code" in (
        refused.stderr
    )
    assert records(tmp_path / "multirun") == found


def check_records(found):
    assert set(found) == {"vanilla", "aging"}
    for one in found.values():
        assert (one["format"], one["targets"], one["made"]["lockstep"]) == ("ofa_bench.record/1", [25], True)
        (result,) = one["repeats"][0]["results"]
        assert result["feasible"]
        assert result["cost"] <= 25
        assert result["curve"][-1][-1] == result["accuracy"]
    config, (repeat,) = found["aging"]["config"], found["aging"]["repeats"]
    assert config["strategy"]["_target_"] == "own_strategy.Aging"
    population, generations = config["evolution"]["population_size"], config["budget"]["generations"]
    assert repeat["results"][0]["evaluations"] == population * (1 + generations)


def test_its_option_is_listed_where_one_is_misspelt(ofa_bench, site):
    ran = ofa_bench(SEARCHPATH, "strategy=agin", "tracking=none", **path_with(site))
    assert ran.returncode == 2
    assert "strategy=agin: no such option; there are aging, bottom_up, " in ran.stderr
