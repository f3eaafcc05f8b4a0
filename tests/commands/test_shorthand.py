"""Arguments that people type for keys of other names: accepted, or corrected in the first message."""

import json
import sys

import pytest
from composing import cell
from hydra.errors import ConfigCompositionException
from test_bad_input import QUICK, named, refused

import ofa_bench
from ofa_bench.commands.cli.messages import explain
from ofa_bench.commands.cli.overrides import prepare
from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.registration import register
from ofa_bench.errors import InputError

register()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["targets=25"], ["targets=single", "targets.values=[25]"]),
        (["target=25"], ["targets=single", "targets.values=[25]"]),
        (["targets=12.5"], ["targets=single", "targets.values=[12.5]"]),
        (["targets=[20,30]"], ["targets=single", "targets.values=[20,30]"]),
        (["targets=25ms"], ["targets=single", "targets.values=[25]", "targets.unit=ms"]),
        (["targets='25 ms'"], ["targets=single", "targets.values=[25]", "targets.unit=ms"]),
        (["targets=[20ms, 30 ms]"], ["targets=single", "targets.values=[20,30]", "targets.unit=ms"]),
        (["-m", "targets=20,30"], ["-m", "targets=single", "targets.values=[20],[30]"]),
        (["-m", "targets=[20,30],[40]"], ["-m", "targets=single", "targets.values=[20,30],[40]"]),
        (["-m", "seeds=0,1,2"], ["-m", "seed=0,1,2"]),
        (["-m", "seeds=[0,1]"], ["-m", "seed=0,1"]),
        (["-m", "seed=[3,4]", "repeats=2"], ["-m", "seed=3,4", "repeats=2"]),
        (["-m", "seeds=range(0,5)"], ["-m", "seed=range(0,5)"]),
    ],
    ids=str,
)
def test_what_is_meant_is_done_and_reported(given, read, capsys):
    assert prepare(given) == read
    short = next(word for word in given if word.partition("=")[0] in ("targets", "target", "seeds", "seed"))
    new = [word for word in read if word not in given]
    assert capsys.readouterr().err == f"ofa_bench: {short}: read as {' '.join(new)}\n"


@pytest.mark.parametrize(
    "given",
    [["targets=paper10"], ["-m", "targets=paper1,paper10"], ["targets=default"], ["seed=3"], ["-m", "seed=0,1"]],
    ids=str,
)
def test_options_stay_options(given, capsys):
    assert prepare(given) == given
    assert capsys.readouterr().err == ""


def test_the_last_of_two_words_for_one_key_counts_and_the_other_is_named(capsys):
    assert prepare(["strategy=joint", "seed=1", "strategy=vanilla", "seed=1"]) == ["strategy=vanilla", "seed=1"]
    assert capsys.readouterr().err == "ofa_bench: strategy=joint: not used, since this key is given again\n"


def test_an_option_that_is_called_as_a_number_stays_one(tmp_path, capsys):
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "25.yaml").write_text("values: [1]\n")
    assert prepare(["--config-dir", str(tmp_path), "targets='25'"])[-1] == "targets='25'"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["targets=20,30"], "one cell of all targets is targets=[20,30]; a cell for each is -m targets=20,30"),
        (["targets=[20],[30]"], "one cell of all targets is targets=[20,30]; a cell for each is -m targets=[20],[30]"),
        (["-m", "targets=20,paper2"], "paper2 is not a number with or without a unit, as the others are"),
        (["targets=[]"], "targets=[]: give at least one target"),
        (["device.devices=a,b"], "device.devices=a,b: write a list as device.devices=[a,b]"),
        (["limits={macs:", "400}"], "(an argument with spaces is written in quotes: 'limits={macs: ...')"),
        (["targets=[20,abc]"], "abc is not a number with or without a unit, as the others are"),
        (["-m", "targets=20ms,300MMACs"], "several units cannot be mixed"),
        (["targets=25", "targets.values=[3]"], "means targets=single targets.values=[25]; cannot be combined with "),
        (["targets=true"], "targets=true: must be the name of an option; there are "),
        (["seeds=0,1"], "seeds=0,1: a cell for each seed is -m seed=0,1"),
        (["seed=[0,1]"], "seed=[0,1]: a cell for each seed is -m seed=0,1"),
        (["--targets", "25"], "--targets: no such flag; there are -m and --help, and keys as key=value"),
        (["--targets", "25"], "; did you mean 'targets=<value>'?"),
        (["--dry_run"], "; did you mean '--dry-run'?"),
        (["--strategy=vanilla"], "; did you mean 'strategy=vanilla'?"),
        (["seed=1", "export"], "; a command comes first: ofa_bench export"),
        (["exprot"], "; did you mean 'export'?"),
        (["budget=100"], "; set its keys one by one, as budget.<key>=<value>"),
    ],
    ids=str,
)
def test_what_may_mean_two_things_is_answered_with_the_words_for_each(given, message):
    with pytest.raises(InputError) as error:
        prepare(given)
    assert message in str(error.value)


def test_a_short_target_is_at_the_address_of_the_long_one(forks, tmp_path):
    first = forks.run("run", (*QUICK, "targets=25"), tmp_path)
    assert first.returncode == 0, first.stderr
    again = forks.run("run", (*QUICK, "targets=single", "targets.values=[25]"), tmp_path)
    assert "already there, skipped" in again.stderr
    (path,) = tmp_path.rglob("record.json")
    assert path.parent.name == "seed=0,targets.values=[25]"
    assert json.loads(path.read_text())["targets"] == [25]


@pytest.mark.parametrize(
    "case",
    [
        (["population_size=50"], "; did you mean 'evolution.population_size=50'?"),
        (["+population_size=50"], "; did you mean 'evolution.population_size=50'?"),
        (["pop_size=50"], "; did you mean 'evolution.population_size=50'?"),
        (["generations=20"], "; did you mean 'budget.generations=20'?"),
        (["n=20"], "; did you mean 'budget.generations=20'?"),
        (["mutate_prob=0.2"], "; did you mean 'evolution.mutate_prob=0.2'?"),
        (["quantiles=[.5]"], "; did you mean 'targets.quantiles=[.5]'?"),
        (["values=[25]"], "; did you mean 'targets.values=[25]'?"),
        (["uri=x"], "; did you mean 'tracking.uri=x'?"),
        (["guard_band=true"], "; did you mean 'device.guard_band=true'?"),
        (["order=random", "strategy=top_down"], "; did you mean 'strategy.order=random'?"),
        (["order=random"], ""),
        (["population=50"], "; did you mean 'evolution.population_size=50'?"),
        (["repeat=3"], "; did you mean 'repeats'?"),
        (["experiments=table1"], "; did you mean 'experiment'?"),
        (["seeds=x"], "; did you mean 'seed'?"),
        (["budget.population_size=50"], "; did you mean 'evolution.population_size=50'?"),
        (["strategy.generations=5"], "; did you mean 'budget.generations=5'?"),
        (["+strategy.mutate_prob=1"], "; did you mean 'evolution.mutate_prob=1'?"),
        (["evolution.seed=5"], "; did you mean 'seed=5'?"),
    ],
    ids=named,
)
def test_a_key_without_its_group_is_answered_with_the_full_key(monkeypatch, case):
    arguments, message = case
    monkeypatch.setattr(sys, "argv", ["ofa_bench", *arguments])
    with pytest.raises((InputError, ConfigCompositionException)) as error:
        cell(*prepare(arguments))
    line, code = explain(error.value)
    assert (code, line.endswith(message)) == (2, True), line


def test_such_an_answer_is_one_line(forks, tmp_path):
    message = "; did you mean 'evolution.population_size=50'?"
    refused(forks.run("run", (*QUICK, "population_size=50"), tmp_path), tmp_path, message)
    refused(forks.run("run", ("-m", "seed=0,1", *QUICK, "population_size=50"), tmp_path), tmp_path, message)


def test_what_is_like_no_key_has_no_suggestion():
    assert suggest_key("xyzzy", ["seed"]) == suggest_key(300 * "a", ["seed"]) == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_knows_its_version(forks, tmp_path, name):
    ran = forks.run(name, ("--version",), tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"ofa_bench {ofa_bench.__version__}\n", "")


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.needed])
def test_a_command_that_needs_words_shows_its_help_without_any(forks, tmp_path, name):
    ran = forks.run(name, (), tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert ran.stderr.startswith("ofa_bench: give ")
    assert ran.stdout == forks.run(name, ("--help",), tmp_path).stdout
    assert list(tmp_path.iterdir()) == []
