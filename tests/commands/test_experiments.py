"""Experiments, each a command of its own, and warm starts from earlier records."""

import json
from functools import cache
from itertools import product

import numpy as np
import pytest
from composing import cell, composed
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from ofa_bench.commands.experiments import commands
from ofa_bench.config.address import address
from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError
from ofa_bench.experiment import previous as earlier
from ofa_bench.experiment.build import build
from ofa_bench.experiment.checks import result_config
from ofa_bench.spaces import MobileNetV3Space

EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
ABLATIONS = [name for name in EXPERIMENTS if name.startswith("ablation_")]
QUICK = ("budget=quick", "evolution.population_size=10", "tracking=none")
TOY = ("predictor=embedded", "predictor._target_=ofa_bench.testing.ToyPredictor")


def overrides(experiment):
    """Return the overrides of each cell that an experiment sweeps."""
    params = composed(f"experiment={experiment}")[0].hydra.sweeper.params
    swept = OverridesParser.create().parse_overrides([f"{key}={value}" for key, value in params.items()])
    cells = product(*(list(one.sweep_string_iterator()) for one in swept))
    return [[f"{key}={value}" for key, value in zip(params, values, strict=True)] for values in cells]


def test_there_is_an_ablation_for_every_question():
    asked = {"budget", "constraint", "order", "prune", "seed", "share"}
    assert {f"ablation_{name}" for name in asked} == set(ABLATIONS)
    assert {"authors_bottom_up", "authors_top_down"} < set(EXPERIMENTS)


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_cell_of_an_ablation_builds_and_has_an_address_of_its_own(name):
    addresses, identities, cells = set(), set(), overrides(name)
    for given in cells:
        config, task = composed(f"experiment={name}", *given, *TOY)
        addresses.add(address(config.hydra.runtime.choices, [f"experiment={name}", *given], 0))
        identities.add(json.dumps(result_config(task), sort_keys=True))
        build(OmegaConf.to_object(task))
    assert len(addresses) == len(identities) == len(cells) >= 4
    assert not any("experiment" in one for one in addresses)


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_sets_nothing_that_its_addresses_do_not_name(name):
    node = OmegaConf.load(conf_dir() / "experiment" / f"{name}.yaml")
    assert set(node) <= {"defaults", "hydra"}
    assert set(node.hydra) == {"sweeper"}
    assert all(next(iter(entry)).startswith("override /") for entry in node.get("defaults", []))


def test_what_an_ablation_builds():
    built = cell("experiment=ablation_budget", "strategy=top_down", "budget.warm_generations=[9,5]")
    assert built.budget.warm_generations == (9, 5)
    built = cell("experiment=ablation_constraint", "strategy=vanilla", "evolution.constraint=soft")
    assert built.strategy.evolution.constraint == "soft"
    built = cell("experiment=ablation_order", "strategy.order=random")
    assert (built.strategy.order, built.strategy.warm_start.seed) == ("random", "best")


def test_the_authors_variants():
    down, up = cell("experiment=authors_top_down"), cell("experiment=authors_bottom_up")
    for built in (down, up):
        assert built.budget.warm_generations == 63
        assert (built.strategy.evolution.initial_size, built.strategy.evolution.reference_compat) == (50, True)
    assert (down.strategy.order, up.strategy.order) == ("descending", "ascending")
    assert (down.strategy.warm_start.share, down.strategy.warm_start.prune_resolution) == (1.0, False)
    assert (up.strategy.warm_start.seed, up.strategy.warm_start.share) == ("population", None)


def test_an_experiment_that_sets_more_is_named_in_addresses():
    choices = composed("experiment=authors_top_down")[0].hydra.runtime.choices
    assert address(choices, ["experiment=authors_top_down"], 0).endswith("/seed=0,experiment=authors_top_down")


def test_an_ablation_sweeps_every_space_and_tells_its_cells_apart(ofa_bench, tmp_path):
    ran = ofa_bench("-m", "experiment=ablation_order", "space=mbv3,resnet50d", "repeats=2", *QUICK)
    assert (ran.returncode, ran.stderr) == (0, "")
    records = [json.loads(path.read_text()) for path in (tmp_path / "multirun").rglob("record.json")]
    assert len(records) == len({one["address"] for one in records}) == 8
    assert len({json.dumps([result["curve"] for result in one["repeats"][0]["results"]]) for one in records}) == 8
    for order in ("ascending", "descending", "middle_out", "random"):
        assert f"strategy.order={order}" in " ".join(one["address"] for one in records)
        assert order in ran.stdout
    again = ofa_bench("-m", "experiment=ablation_order", "strategy.order=random", "repeats=2", *QUICK)
    assert (again.returncode, again.stderr.count("already there, skipped")) == (0, 1)


@pytest.mark.parametrize(
    "arguments",
    [("experiment=ablation_order",), ("-m", "experiment=ablation_order,ablation_share")],
    ids=["alone", "two"],
)
def test_an_ablation_that_would_not_sweep_is_refused(ofa_bench, tmp_path, arguments):
    ran = ofa_bench(*arguments, "targets=paper2", *QUICK)
    assert ran.returncode == 2
    assert "experiment=ablation_order: sweeps strategy.order; put -m first, and run one experiment" in ran.stderr
    assert not list(tmp_path.rglob("record.json"))


def test_the_authors_variants_are_two_cells_of_a_sweep(ofa_bench, tmp_path):
    ran = ofa_bench("-m", "experiment=authors_top_down,authors_bottom_up", "targets=paper2", *QUICK)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = sorted((tmp_path / "multirun").rglob("record.json"))
    assert [path.parent.name.split("experiment=")[1] for path in found] == ["authors_bottom_up", "authors_top_down"]


PAPER = ["figure2", "figure3", "figure4", "figure5", "figure6", "table1", "table2"]


def sweep_cells(words):
    """Return the overrides of each cell of one sweep."""
    swept = OverridesParser.create().parse_overrides([word for word in words if word != "-m"])
    choices = [list(one.sweep_string_iterator()) if one.is_sweep_override() else [None] for one in swept]
    return [
        [
            one.input_line if value is None else f"{one.key_or_group}={value}"
            for one, value in zip(swept, cell, strict=True)
        ]
        for cell in product(*choices)
    ]


built_once = cache(cell)
"""Build a cell; several experiments have the same ones."""


@pytest.mark.parametrize("name", PAPER)
def test_each_sweep_of_the_papers_experiments_builds(name):
    listed = list(commands(["-m", f"experiment={name}", "predictor=embedded"]))
    assert listed
    for words in listed:
        assert words[0] == "-m"
        for given in (sweep_cells(words)[0], sweep_cells(words)[-1]):
            built = built_once(*given)
            assert not built.together
            assert built.repeats == 1


def test_the_papers_experiments_are_all_those_of_its_tables_and_figures():
    parts = ("table1", "table2", "figure2", "figure5", "figure6")
    assert list(commands(["-m", "experiment=paper"])) == [
        words for part in parts for words in commands(["-m", f"experiment={part}"])
    ]


def test_the_paper_gave_top_down_other_targets():
    fair, down_fair, published, memo = (
        [cell(*given) for given in sweep_cells(words) if "top_down" in str(given)]
        for words in commands(["-m", "experiment=table1", "predictor=embedded", "seed=0"])
    )
    assert {built.budget.warm_generations for built in published} == {63}
    first = [tuple(range(15, 15 + 5 * k, 5)) for k in (1, 2, 3, 4, 5, 10)]
    down = [(35,), (35, 30), (35, 30, 25), (35, 30, 25, 20)]
    assert sorted(built.targets for built in published) == sorted(first + down)
    assert {built.budget.warm_generations for built in (*fair, *down_fair, *memo)} == {23}
    assert sorted(built.targets for built in fair) == sorted(built.targets for built in memo) == first
    assert sorted(built.targets for built in down_fair) == sorted(down)
    assert [{built.strategy.evolution.memo for built in one} for one in (fair, published, memo)] == [
        {False}, {False}, {True},
    ]  # fmt: skip


def test_a_pass_over_all_cells_ends_before_the_next_begins():
    for words in commands(["-m", "experiment=table1"]):
        seeds = [next(word for word in given if word.startswith("seed=")) for given in sweep_cells(words)]
        assert seeds == sorted(seeds)
        assert len(set(seeds)) == 10


def test_what_the_user_gives_goes_before_what_an_experiment_lists():
    given = ["-m", "experiment=table2", "++repeats=2", "predictor=embedded", "seed=1"]
    for words in commands(given):
        assert [word for word in words if "repeats" in word or "predictor" in word] == given[2:4]
        assert [word for word in words if "seed" in word] == ["seed=1"]
    assert list(commands(["-m", "experiment=ablation_order", "seed=1"])) == [
        ["-m", "experiment=ablation_order", "seed=1"]
    ]
    assert list(commands(["seed=1"])) == [["seed=1"]]
    mixed = list(commands(["-m", "experiment=authors_top_down,table2"]))
    assert mixed[0] == ["-m", "experiment=authors_top_down"]
    assert mixed[1:] == list(commands(["-m", "experiment=table2"]))


def test_one_command_runs_all_sweeps_of_an_experiment(ofa_bench, tmp_path):
    quick = (
        "predictor=embedded",
        "seed=0",
        "evolution.population_size=10",
        "budget.generations=10",
        "targets=single",
        "targets.values=[15,20]",
        "tracking=none",
    )
    ran = ofa_bench("-m", "experiment=table2", *quick)
    assert ran.returncode == 0
    assert ran.stderr.count("already there, skipped") == ran.stderr.count("\n") == 3  # of the sweep of other seeds
    found = [json.loads(path.read_text()) for path in (tmp_path / "multirun").rglob("record.json")]
    chains = 2 * ["bottom_up"] + 2 * ["top_down"]
    assert sorted(one["choices"]["strategy"] for one in found) == chains + (2 + 6) * ["vanilla"]
    assert sum(one["budget"].get("match") is not None for one in found) == 6
    assert ran.stdout.count("results:") == 6


def test_an_experiment_of_several_sweeps_needs_m(ofa_bench, tmp_path):
    ran = ofa_bench("experiment=table1")
    assert (ran.returncode, ran.stderr) == (2, "ofa_bench: experiment=table1: several sweeps; put -m first\n")


@pytest.fixture
def record(ofa_bench, tmp_path):
    """Return the folder of a finished cell, and its record."""
    assert ofa_bench("repeats=2", "targets=paper3", *QUICK).returncode == 0
    (path,) = (tmp_path / "multirun").rglob("record.json")
    return path.parent, json.loads(path.read_text())


def test_a_search_starts_from_an_earlier_record(ofa_bench, tmp_path, record):
    folder, before = record
    found = {}
    for kind, name in {"folder": f"'{folder}'", "file": f"'{folder}/record.json'"}.items():
        ran = ofa_bench("strategy=bottom_up", "targets=paper3", f"strategy.warm_start.from={name}", *QUICK)
        assert ran.returncode == 0, ran.stderr
        path = max((tmp_path / "multirun").rglob("bottom_up/**/record.json"), key=lambda path: path.stat().st_mtime_ns)
        found[kind] = json.loads(path.read_text())
    folder_found, file_found = (one["repeats"][0]["results"] for one in found.values())
    assert [one["genes"] for one in folder_found] == [one["genes"] for one in file_found]
    for i, result in enumerate(folder_found):
        assert result["generations"] == 5
        assert result["accuracy"] >= max(repeat["results"][i]["accuracy"] for repeat in before["repeats"])
    assert len({one["config"]["strategy"]["warm_start"]["from_sha256"] for one in found.values()}) == 1
    assert len({one["identity"] for one in found.values()}) == 2


def test_a_changed_record_is_another_cell_and_what_was_found_is_not_overwritten(ofa_bench, record):
    folder, before = record
    once = ("strategy=top_down", f"strategy.warm_start.from='{folder}'", "device=macs", *QUICK)
    assert ofa_bench(*once).returncode == 0
    assert "already there, skipped" in ofa_bench(*once).stderr
    before["repeats"].pop()
    (folder / "record.json").write_text(json.dumps(before))
    ran = ofa_bench(*once)
    assert ran.returncode == 2
    assert "holds a record of another config" in ran.stderr


def test_a_record_is_found_by_its_mlflow_run(ofa_bench, tmp_path):
    assert ofa_bench("targets=paper2", *QUICK, "tracking=sqlite").returncode == 0
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    (run,) = MlflowClient(uri).search_runs(["1"])
    (path,) = (tmp_path / "multirun").rglob("record.json")
    wanted = earlier.read(str(path), None)
    for name in (run.info.run_id, f"runs:/{run.info.run_id}", f"runs:/{run.info.run_id}/record.json"):
        assert earlier.read(name, uri).sha256 == wanted.sha256
    with pytest.raises(
        InputError,
        match=r"from=0+: MLflow at sqlite.* has no record.json of this run, which must be a cell.s \(Run with id=0+",
    ):
        earlier.read("0" * 32, uri)


SPACE = MobileNetV3Space()


def result(*, feasible=True, gene=0):
    return {
        "target": 20.0, "feasible": feasible, "accuracy": 0.5 if feasible else None, "cost": 15.0, "seconds": 0.0,
        "generations": 1, "evaluations": 1, "unique_evaluations": 1, "genes": [gene] * 46,
        "architecture": SPACE.to_ofa(SPACE.canonical(np.full((1, 46), gene, np.int8))[0]),
        "curve": [],
    }  # fmt: skip


def written(folder, results=None, space="mbv3", **changes):
    """Write a record of these results, with all that a record must have."""
    results = results or [result(), result()]
    record = {
        "format": "ofa_bench.record/1",
        "address": "a/b",
        "identity": "0" * 16,
        "choices": dict.fromkeys(("device", "predictor", "strategy", "budget", "targets"), "x") | {"space": space},
        "config": {"space": {"_target_": "ofa_bench.spaces.MobileNetV3Space"}},
        "seed": 0,
        "unit": "ms",
        "targets": [20.0] * len(results),
        "budget": {"generations": 1, "warm_generations": 1},
        "predictor": {"sha256": "0"},
        "device": {"sha256": "0", "name": "x", "minimum": 1.0, "maximum": 99.0},
        "made": dict.fromkeys(("at", "ofa_bench", "python", "numpy", "machine"), "x") | {"cores": 1, "threads": 1},
        "repeats": [{"repeat": 0, "seconds": 0.0, "results": results}],
    }
    folder.mkdir(exist_ok=True)
    (folder / "record.json").write_text(json.dumps({**record, **changes}))
    return folder


def test_a_record_gives_its_distinct_feasible_architectures(tmp_path):
    one = earlier.read(str(written(tmp_path / "one")), None)
    assert one.genes.shape == (1, 46)
    given = [result(feasible=feasible, gene=int(feasible)) for feasible in (False, True)]
    other = earlier.read(str(written(tmp_path / "other", given)), None)
    assert other.genes.tolist() == [[1] * 46]
    assert one.sha256 != other.sha256


@pytest.mark.parametrize(
    ("changes", "overrides", "message"),
    [
        ({}, ["space=resnet50d"], "a record of space mbv3; this one is resnet50d"),
        ({"space": "compofa", "config": {"space": {}}}, ["space=mbv3"], "a record of space compofa"),
        ({"config": {"space": {}}}, [], "a record of space mbv3 with other settings; this one is mbv3"),
        ({"results": [result(feasible=False)]}, [], "nothing in this record met"),
        ({"format": "x"}, [], "not a record of format ofa_bench.record/1"),
    ],
)
def test_a_record_that_does_not_serve_is_refused(tmp_path, changes, overrides, message):
    folder = written(tmp_path / "earlier", **changes)
    with pytest.raises(InputError, match=f"strategy.warm_start.from.*{message}"):
        cell("strategy=bottom_up", f"strategy.warm_start.from='{folder}'", *overrides)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere: no such file or folder; give a file with OFA's dict"),
        (".", r"\.: there is no record.json; give a file with OFA's dict"),
        ("0" * 32, "an MLflow run, but tracking.uri is null; choose tracking=sqlite or server"),
    ],
)
def test_a_name_without_a_record_is_refused(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=rf"strategy.warm_start.from=.*{message}"):
        earlier.read(name, None)


def test_strategies_that_take_no_earlier_record_say_so(tmp_path):
    folder = written(tmp_path / "earlier")
    with pytest.raises(InputError, match=r"strategy.warm_start: no such key; allowed: evolution"):
        cell("strategy=vanilla", f"+strategy.warm_start.from='{folder}'")


def test_the_winners_curse_is_searched_on_each_member():
    [words] = commands(["-m", "experiment=winners_curse"])
    guides = {cell(*given).problem.predictor.name for given in sweep_cells(words)[:4]}
    assert guides == {"member 1", "member 2", "member 3", "member 4"}
    assert cell(*sweep_cells(words)[-1]).repeats == 10


def test_what_is_true_is_asked_of_guides_of_all_sources():
    runs = list(commands(["-m", "experiment=truth"]))
    cells = {" ".join(given) for words in runs for given in sweep_cells(words)}
    assert len(cells) == 96 + 16
    mbv3 = [one for one in cells if "space=" not in one and "device=macs" in one and "strategy=joint" in one]
    guides = {" ".join(sorted(word for word in one.split() if word.startswith("predictor"))) for one in mbv3}
    assert guides == {
        "predictor=embedded", "predictor=official", "predictor.member=mean predictor=member",
        *(f"predictor.source={source} predictor=measured" for source in ("null", "autobuild", "ofa_w1.0")),
    }  # fmt: skip
    [first, *_] = commands(["-m", "experiment=truth_mbv3", "device=macs"])
    assert {word for given in sweep_cells(first) for word in given if word.startswith("device")} == {"device=macs"}
