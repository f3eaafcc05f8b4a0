"""What commands write does not show in a user's git."""

import shutil
import subprocess

import pytest
from conftest import ROOT

from ofa_bench.files.writing import GITIGNORE, make_folder
from ofa_bench.records.gather import from_folders

QUICK = ("budget=quick", "evolution.population_size=10", "targets=paper1", "tracking=none")


def untracked(folder):
    """Return what git shows of a folder."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    ran = subprocess.run(["git", "status", "--short"], cwd=folder, check=True, capture_output=True, text=True)
    return ran.stdout.split()


def test_git_does_not_see_what_commands_make(forks, tmp_path):
    assert forks.run("run", QUICK, tmp_path).returncode == 0
    assert forks.run("run", ("-m", "seed=0,1", "output=swept", *QUICK), tmp_path).returncode == 0
    assert forks.run("report", ("multirun", "swept"), tmp_path).returncode == 0
    assert untracked(tmp_path) == []
    found = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob(GITIGNORE)}
    assert found == {"multirun", "swept", "report"}
    assert len(from_folders([tmp_path]).records) == 2


def test_a_folder_that_is_there_stays_as_it_is(forks, tmp_path):
    (tmp_path / "multirun").mkdir()
    make_folder(tmp_path / "multirun")
    assert forks.run("run", QUICK, tmp_path).returncode == 0
    assert forks.run("run", ("-m", "seed=1,2", "output=.", *QUICK), tmp_path).returncode == 0
    assert list(tmp_path.rglob(GITIGNORE)) == []
    assert "multirun/" in untracked(tmp_path)


def test_a_sweep_of_which_nothing_could_begin_leaves_nothing(forks, tmp_path):
    ran = forks.run("run", ("-m", "seed=0,1", "hydra.sweep.subdir=${nothing}", *QUICK), tmp_path)
    assert ran.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_folders_above_one_that_is_made_stay_seen(tmp_path):
    make_folder(tmp_path / "results" / "mine")
    assert [path.parent.name for path in tmp_path.rglob(GITIGNORE)] == ["mine"]
    (tmp_path / "results" / "notes.txt").touch()
    assert untracked(tmp_path) == ["??", "results/"]


def test_what_readmes_commands_write_is_ignored_here_and_the_package_is_not():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    written = ["multirun/a/record.json", "mlflow.db", "mlflow.db-wal", "mlartifacts/x", "export/index.html"]
    written += ["report/report.html", "devices/mine/mbv3.json", "predictors/mine/mbv3.npz", "frontiers/x.json"]
    written += ["pairs.csv", "pairs.csv.json", "paper/paper.md"]
    ran = subprocess.run(
        ["git", "check-ignore", "--no-index", *written], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == written
    ours = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    ran = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=ROOT, check=False, capture_output=True, text=True, input="\n".join(ours),
    )  # fmt: skip
    assert ran.stdout.split() == []
