"""Printed commands: a shell, Hydra and our options read them back as they were meant."""

import shlex
from pathlib import Path

import pytest
from nasty import NASTY_NAMES

from ofa_bench.commands import sync
from ofa_bench.commands.cli.options import read_arguments, read_options
from ofa_bench.commands.cli.terminal import report_unsent, show
from ofa_bench.commands.report import Options
from ofa_bench.config.hydra_private import parse_override
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.shell import command_line, option, override, portable
from ofa_bench.config.store_uri import sqlite_uri
from ofa_bench.experiment.user_files import name_user_files

TEXTS = (
    *NASTY_NAMES,
    "0.1",
    "true",
    "null",
    "[a]",
    "{a: b}",
    "a #b",
    "'x' and 'y'",
    '"x"',
    "a\\",
    "a: b",
    "~/x",
    "-x",
    "=",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_printed_word_is_read_as_it_was_meant(text):
    [word] = shlex.split(command_line([override("output", text)]))
    assert parse_override(word).value() == text
    [word] = shlex.split(command_line([option("out", text)]))
    assert read_options(Options, [word]).out == text


def test_a_value_has_quotes_only_where_it_needs_them():
    assert override("device", "my/phone.json") == "device=my/phone.json"
    assert override("device", "lr=0.1") == 'device="lr=0.1"'
    assert option("measure", True) == "measure=true"
    assert command_line(["a", option("out", "my nets")]) == "a 'out=my nets'"


def test_an_absolute_path_is_cut_where_others_read_it():
    assert portable("data=/home/me/pairs.csv") == "data=pairs.csv"
    assert portable("device='/home/me/lr=0.1.json'") == 'device="lr=0.1.json"'
    assert portable("data=mine/pairs.csv") == "data=mine/pairs.csv"


def test_an_options_text_is_taken_as_it_is_unless_in_quotes():
    for text in ("a #b", "&x y", "!a b", "what?", " x ", "${seed}"):
        assert read_options(Options, [f"title={text}"]).title == text
    assert read_options(Options, ["title='a: \"b\"'"]).title == 'a: "b"'


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_a_printed_path_is_a_table_or_predictor(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name / "mine.json"
    path.parent.mkdir(parents=True)
    path.touch()
    for group in ("device", "predictor"):
        [word] = shlex.split(command_line([override(group, f"{name}/mine.json")]))
        assert name_user_files([word]) == [f"{group}=mine"]


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_what_is_printed_at_the_end_can_be_pasted(name, tmp_path, capsys, made):
    output, uri = tmp_path / name, sqlite_uri(tmp_path / "store" / name / "mlflow.db")
    tracking = TrackingConfig(uri, str(tmp_path / "store" / name / "files"), name)
    show([made()], output, tracking)
    printed = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line)
    assert printed["results"] == str(output)
    words = shlex.split(printed["networks"])
    assert words == ["ofa_bench", "show", f"{output}/{made().address}", "top=10"]
    words = shlex.split(printed["MLflow"].strip())
    assert words == ["mlflow", "ui", "--host", "127.0.0.1", "--backend-store-uri", uri]
    assert not (tmp_path / "store").exists()  # nothing is made to say where it is
    output.mkdir(parents=True)
    report_unsent("this", output, tracking)
    words = shlex.split(capsys.readouterr().err.partition("this sends it: ")[2])
    options, folders = read_arguments(sync.Options, words[2:], "folders")
    assert (options.uri, options.artifacts, options.experiment) == (uri, tracking.artifacts, name)
    assert folders == [str(output)]


def test_a_folder_whose_name_looks_like_an_option_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()
    assert read_arguments(sync.Options, ["lr=0.1"], "folders")[1] == ["lr=0.1"]


@pytest.mark.parametrize("name", ["[b]x[/b]", "[/b] x", ":smile:", "[link=x]"])
def test_tables_show_names_as_they_are(name, capsys, made):
    record = made()
    record.choices.strategy = record.choices.device = name
    show([record], Path("here"), TrackingConfig())
    first, *rest = capsys.readouterr().out.splitlines()
    assert f" / {name} / " in first
    assert any(name in line for line in rest)
