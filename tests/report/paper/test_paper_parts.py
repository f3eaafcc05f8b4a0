import json
import re

import pytest
from calling import call
from crafting import CELLS, first
from searching import SMALL, copied, made_sweeps, quick, table, tables, write  # noqa: F401

from ofa_bench.commands.cli.main import run_command
from ofa_bench.errors import InputError
from ofa_bench.records import record as records


def test_a_part_of_the_experiments_gives_a_part_of_the_page(sweeps, tmp_path):
    fair = copied(
        sweeps,
        tmp_path / "fair",
        lambda one: (
            one["choices"]["budget"] == "sqrt"
            and len(one["targets"]) < 4
            and not one["config"]["evolution"].get("memo", True)
        ),
    )
    out = tmp_path / "out"
    (out / "paper").mkdir(parents=True)
    (out / "paper.md").write_text("of before")
    text = call("paper", [str(fair / "mbv3"), f"out={out}"]).read_text()
    assert table(text, "targets")[0][:3] == ["targets", "vanilla: paper", "vanilla: fair"]
    assert {(row[3], row[4], row[7]) for row in tables(text)[0][2:]} == {("", "", "")}
    assert "## ProxylessNAS" not in text
    assert "of before" not in text


@pytest.mark.parametrize("numbers", [[10], [1]], ids=["table2", "figure2"])
def test_an_experiment_of_one_row_gives_a_page(sweeps, tmp_path, numbers, recwarn):
    part = copied(sweeps / "mbv3", tmp_path / "part", lambda one: len(one["targets"]) in numbers)
    text = call("paper", [str(part), f"out={tmp_path}/out"]).read_text()
    assert "nan" not in re.findall(r"\w+", text.lower())
    further = [row for row in tables(text)[0] if "so a further target takes" in row[1]]
    assert {tuple(row[5:7]) for row in further} == {("not run", "")}
    assert not [one for one in recwarn.list if "olyfit" in str(one.message)]


def test_the_number_of_repeats_is_that_of_the_papers_records(sweeps, tmp_path):
    other = ("strategy=random", "budget=sqrt", *SMALL[:3], "repeats=1")
    write(tmp_path / "0", other, first(2))
    text = call("paper", [str(tmp_path / "0"), str(sweeps / "proxyless"), f"out={tmp_path}/out"]).read_text()
    assert "n = 9, 2 repeats." in text


def test_a_quick_try_in_the_same_folder_is_not_mixed_in(sweeps, tmp_path):
    tried = (*CELLS["fair"]["vanilla"], "space=proxyless", "predictor=embedded", *SMALL[1:3], "repeats=1")
    write(tmp_path / "0", tried, [1])
    text = call("paper", [str(tmp_path / "0"), str(sweeps / "proxyless"), f"out={tmp_path}/out"]).read_text()
    assert "n = 9, 2 repeats." in text
    assert [row[0] for row in table(text, "targets")[2:]] == ["1", "3"]


def changed(sweeps, folder, new, key):
    """Copy the records of ProxylessNAS with a part of each changed. Return the folder."""
    for path in copied(sweeps / "proxyless", folder / "changed").rglob(records.RECORD):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {key: new(record)}))
    return folder / "changed"


def test_lockstep_searches_are_not_described_as_sequential(sweeps, tmp_path):
    together = changed(sweeps, tmp_path, lambda one: one["made"] | {"lockstep": True}, "made")
    text = call("paper", [str(together), f"out={tmp_path}/out"]).read_text()
    assert "one search after another" not in " ".join(text.split())
    assert {tuple(row[5:7]) for row in tables(text)[0][2:] if "vanilla's time" in row[1]} == {("not run", "")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a folder of records: ofa_bench paper multirun"),
        (["nowhere"], "nowhere: no such folder"),
        (["oot=x"], "oot: no such key; allowed: out, and folders; did you mean 'out'?"),
        (["out=x"], "give a folder of records"),
    ],
)
def test_bad_input_is_one_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        call("paper", words)
    assert ended([*words], monkeypatch) == 2
    description = capsys.readouterr().err
    assert description.count("\n") == 1
    assert said in description
    assert list(tmp_path.iterdir()) == []


def ended(words, monkeypatch):
    monkeypatch.setattr("sys.argv", ["ofa_bench"])
    with pytest.raises(SystemExit) as exit_:
        run_command("paper", words)
    return exit_.value.code


def test_records_of_other_experiments_are_refused(sweeps, tmp_path, monkeypatch, capsys):
    one = copied(sweeps, tmp_path / "one", lambda record: record["choices"]["strategy"] == "vanilla")
    assert ended([str(one), f"out={tmp_path}/out"], monkeypatch) == 2
    description = capsys.readouterr().err
    assert description.count("\n") == 1
    wanted = "no experiment of the paper there, with all three strategies; run ofa_bench -m experiment=paper"
    assert f"{one}: {wanted}" in description
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_reported_in_one_line(sweeps, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    assert ended([str(sweeps / "proxyless"), f"out={tmp_path}/file"], monkeypatch) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_says_where_the_page_is_and_what_it_takes(sweeps, tmp_path, monkeypatch, capsys):
    assert ended([str(sweeps / "proxyless"), f"out={tmp_path}/out"], monkeypatch) == 0
    assert capsys.readouterr().out == f"{tmp_path}/out/paper.md\n"
    assert ended(["--help"], monkeypatch) == 0
    assert "ofa_bench paper multirun" in capsys.readouterr().out
