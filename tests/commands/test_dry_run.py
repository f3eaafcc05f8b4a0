"""``--dry-run`` and ``list``: what would be run, and what there is, without a search."""

import json

import pytest

from ofa_bench.commands.cli.groups import CHOSEN
from ofa_bench.commands.list import NAMES, run
from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError

SMALL = ("budget=quick", "evolution.population_size=10", "tracking=none")
CELL = "mbv3/note10/measured/{}/quick/single/seed=0,evolution.population_size=10,targets.values=[{}]"


def test_a_dry_run_lists_the_cells_and_leaves_nothing(forks, tmp_path):
    swept = ("-m", "strategy=vanilla,bottom_up", "targets=[20,25],[30]", *SMALL)
    ran = forks.run("run", ("--dry-run", *swept, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1), ran.stderr
    lines = ran.stdout.splitlines()
    first = CELL.format("vanilla", "20,25")
    assert lines[0] == f"to run: {first}"
    assert lines[1] == "  2 targets: 20, 25 ms; 1 repeat; 25 generations, warm-started 5; at most 520 evaluations"
    assert lines[-1].startswith("cells: 4 to run; at most 1,360 evaluations (")
    assert len(lines) == 9
    assert list(tmp_path.iterdir()) == []

    assert forks.run("run", ("-m", "strategy=vanilla", "targets=[20,25]", *SMALL), tmp_path).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    ran = forks.run("run", (*swept, "--dry-run"), tmp_path)
    assert f"already there: {first}\n" in ran.stdout
    assert "cells: 3 to run, 1 already there; at most 840 evaluations" in ran.stdout
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    ran = forks.run("run", ("--dry-run", *swept, "rerun=true"), tmp_path)
    assert f"to run: {first},attempt=2\n" in ran.stdout


def test_what_a_run_evaluates_is_what_the_dry_run_says(forks, tmp_path):
    words = ("-m", "strategy=vanilla,top_down,bottom_up,joint,random,local_search", "targets=[20,25,30]", "repeats=2")
    words += ("evolution.initial_ratio=0.5", *SMALL)
    message = forks.run("run", ("--dry-run", *words), tmp_path).stdout
    assert forks.run("run", words, tmp_path).returncode == 0
    for path in tmp_path.rglob("record.json"):
        record = json.loads(path.read_text())
        number = sum(result["evaluations"] for repeat in record["repeats"] for result in repeat["results"])
        cell = message.partition(f"to run: {record['address']}\n")[2].splitlines()[0]
        assert cell.endswith(f"at most {number:,} evaluations"), record["address"]


@pytest.mark.parametrize(
    "strategy", ["joint", "proxy", "bottom_up strategy.across=given", "vanilla", "proxy strategy.inner=vanilla"]
)
def test_what_a_fleet_evaluates_is_what_the_dry_run_says(forks, tmp_path, strategy):
    fleet = (
        "device=fleet",
        "device.devices=[note10,macs,cpu_onnx]",
        "targets.quantiles=[0.1,0.5]",
        "targets=quantiles",
    )
    words = ("-m", *fleet, f"strategy={strategy}".split()[0], *strategy.split()[1:], "repeats=2", *SMALL)
    message = forks.run("run", ("--dry-run", *words), tmp_path).stdout
    assert forks.run("run", words, tmp_path).returncode == 0
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("record.json")]
    made = [
        sum(result["evaluations"] for repeat in record["repeats"] for result in repeat["results"]) for record in records
    ]
    assert len(records) == 3
    room = 2 * 2 if "proxy" in strategy else 0  # for the cheapest architectures of other devices, in two repeats
    assert sum(made) + room >= int(message.partition("at most ")[2].split()[0].replace(",", "")) * (
        3 if strategy == "vanilla" else 1
    )
    assert f"cells: 3 to run; at most {sum(made) + room:,} evaluations (" in message
    for record, number in zip(records, made, strict=True):
        cell = message.partition(f"to run: {record['address']}\n")[2].splitlines()[0]
        shown = (
            f"{number:,} evaluations"
            if strategy == "vanilla"
            else f"{sum(made) + room:,} evaluations for all 3 devices"
        )
        assert cell.endswith(f"at most {shown}"), record["address"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["targets.values=[5]"], "targets: 5 ms cannot be met"),
        (["repeats=100000"], "repeats=100000: with 10 targets at most 10,000"),
        (["experiment=ablation_order"], "experiment=ablation_order: sweeps strategy.order; put -m first"),
        (["-m", "output=a,b"], "output: cannot be swept"),
        (["output=/dev/null"], "output=/dev/null/"),
        (["tracking.uri=nowhere"], "tracking.uri=nowhere: must be like sqlite"),
    ],
    ids=str,
)
def test_a_dry_run_refuses_what_a_run_would(forks, tmp_path, arguments, message):
    ran = forks.run("run", ("--dry-run", "tracking=none", *arguments), tmp_path)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert "to run" not in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_many_cells_is_reported_once(forks, tmp_path):
    ran = forks.run("run", ("--dry-run", "-m", "seed=0,1,2", "targets.values=[5]", "tracking=none"), tmp_path)
    assert (ran.returncode, ran.stderr.count("cannot be met")) == (2, 2)
    assert ran.stderr.count("ofa_bench: 2 more cells: targets: 5 ms cannot be met") == 1
    assert "cells: 3 refused" in ran.stdout


def test_an_experiment_of_several_sweeps_is_listed_as_a_whole(forks, tmp_path):
    words = ("experiment=table2", "predictor=embedded", "seed=0", "tracking=none")
    ran = forks.run("run", ("--dry-run", "-m", *words), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "cells: 15 to run; " in ran.stdout
    assert ran.stdout.count("experiment=authors_") == 4


def listed(*words):
    return "".join(f"{line}\n" for line in run(words))


def test_list_says_what_each_option_is():
    everything = listed()
    for group in CHOSEN:
        text = listed(group)
        assert text in everything
        for path in (conf_dir() / group).glob("*.yaml"):
            (line,) = {line for line in text.splitlines() if line.startswith(f"  {path.stem} ")}
            assert len(line.split()) > 1, path
    assert "@package" not in everything
    assert "  vanilla         Each target from scratch, as OFA does: k n generations\n" in everything


@pytest.mark.parametrize("name", [*NAMES, *CHOSEN])
def test_groups_are_listed_by_their_names_and_plurals(name):
    assert listed(name).startswith(f"{NAMES.get(name, name)}=\n")


def test_devices_of_a_space_are_those_with_costs_for_it():
    text = listed("devices", "space=proxyless")
    assert "note10" not in text
    assert "  macs      136.3 to 1005 MMACs, 10 targets of its own\n" in text


def test_a_users_own_options_are_listed(tmp_path):
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "mine.yaml").write_text("# Mine is best. Really.\n_target_: mine.Mine\n")
    for words in (["--config-dir", str(tmp_path)], [f"hydra.searchpath=[file://{tmp_path}]"]):
        assert "  mine            Mine is best\n" in listed(*words, "strategies")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["strategis"], "list strategis: no such group; there are spaces, .*did you mean 'strategies'"),
        (["strategies", "space=mbv3"], "space=mbv3: applies only to ofa_bench list devices space=mbv3"),
        (["devices", "space=mbv4"], "space=mbv4: no such option"),
    ],
)
def test_what_cannot_be_listed_is_refused(words, message):
    with pytest.raises(InputError, match=message):
        listed(*words)


def test_the_command_lists(forks, tmp_path):
    ran = forks.run("list", ("strategies",), tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "  joint " in ran.stdout
    ran = forks.run("list", ("x",), tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
