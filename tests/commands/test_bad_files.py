"""Bad files and full disks: one line that names the file, the error and the remedy."""

import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
from bad_files import ADDRESS, QUICK, files
from bad_records import disks, going_on, predictors, records

FAR = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "OFA_BENCH_ASSETS": "assets"}
"""No network: the proxy is a port at which nobody listens."""


@pytest.fixture(scope="session")
def record(forks, tmp_path_factory):
    """Return the text of a record of the command that ``QUICK`` is."""
    folder = tmp_path_factory.mktemp("record")
    assert forks.run("run", QUICK, folder).returncode == 0
    return (folder / "multirun" / ADDRESS / "record.json").read_text()


def tree(folder):
    """List all that is below a folder."""
    return {os.path.relpath(Path(top, name), folder) for top, *both in os.walk(folder) for name in chain(*both)}


def run(case, forks, folder):
    """Run a case's command in its folder. Return the finished command and what is new in the folder."""
    plain = case.plain and os.geteuid() == 0
    case.make(folder)
    before = tree(folder)
    try:
        done = forks.run(
            case.command, case.words, folder, largest=case.largest, plain=plain, **{**FAR, **case.environment}
        )
    finally:
        for top, *_ in [*os.walk(folder), [folder]]:
            Path(top).chmod(0o755)
    return done, sorted(name for name in tree(folder) - before if "__pycache__" not in name)


def check(case, forks, folder):
    done, new = run(case, forks, folder)
    assert done.returncode == case.code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "already there" not in line]
    if case.code:
        assert len(lines) == 1
        assert lines[0].startswith("ofa_bench: ")
        assert re.search(case.says, lines[0]), lines[0]
        assert case.code == 1 or "HYDRA_FULL_ERROR" not in lines[0]
        assert {name.split("/")[0] for name in new if name != "multirun"} <= set(case.writes)
    else:
        assert len(lines) <= (2 if "MLflow" in case.says else 1)
        assert re.search(case.says, done.stderr)
        assert {name.split("/")[0] for name in new} <= {*case.writes, "mlflow.db", "mlartifacts"}


FILES = files()


@pytest.mark.parametrize("case", FILES, ids=[case.name for case in FILES])
def test_files(case, forks, tmp_path):
    check(case, forks, tmp_path)


LATER = [("record", case.name) for case in records("{}")] + [("disk", case.name) for case in disks("")]


@pytest.mark.parametrize(("kind", "name"), LATER, ids=[name for _, name in LATER])
def test_records_and_disks(kind, name, record, forks, tmp_path):
    cases = records(record) if kind == "record" else disks(record)
    check(next(case for case in cases if case.name == name), forks, tmp_path)


@pytest.mark.parametrize("case", predictors(), ids=lambda case: case.name)
def test_predictors(case, forks, tmp_path):
    check(case, forks, tmp_path)


@pytest.mark.parametrize("case", going_on(), ids=lambda case: case.name)
def test_what_is_no_obstacle(case, forks, tmp_path):
    check(case, forks, tmp_path)
    if "multirun" in case.writes:
        assert (tmp_path / "multirun" / ADDRESS / "record.json").is_file()


def test_a_record_behind_a_link_is_read(record, forks, tmp_path):
    place = tmp_path / "multirun" / ADDRESS / "record.json"
    place.parent.mkdir(parents=True)
    (tmp_path / "elsewhere.json").write_text(record)
    place.symlink_to(tmp_path / "elsewhere.json")
    done = forks.run("run", QUICK, tmp_path)
    assert (done.returncode, "already there, skipped" in done.stderr) == (0, True)


def test_unreadable_records_are_left_out_of_a_report(record, forks, tmp_path):
    for name, text in (("a", record), ("b", "{"), ("c", "[" * 100_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(text)
    done = forks.run("report", (".", "out=r"), tmp_path)
    assert done.returncode == 0
    assert [line[:39] for line in done.stderr.splitlines()] == [
        f"left out: {name}/record.json: not readable as a record"[:39] for name in "bc"
    ]
    page = (tmp_path / "r" / "report.md").read_text()
    assert "- b/record.json: not readable as a record (it is no JSON" in page
    assert "- c/record.json: not readable as a record (it is nested too deeply" in page


GONE = """
import os, runpy, shutil, sys
shutil.rmtree(os.getcwd())
runpy.run_module("ofa_bench", run_name="__main__", alter_sys=True)
"""


def test_a_deleted_working_folder_is_reported(tmp_path):
    (tmp_path / "gone").mkdir()
    words = [sys.executable, "-c", GONE, *QUICK]
    done = subprocess.run(words, cwd=tmp_path / "gone", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "ofa_bench: output: cannot be written (No such file or directory)\n")
    assert tree(tmp_path) == set()
