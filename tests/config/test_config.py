import re
from pathlib import Path

import numpy as np
import pytest
from composing import cell, composed
from conftest import skip_without_library
from make_images import make_images
from omegaconf import OmegaConf

from ofa_bench.config import limits
from ofa_bench.config.address import address
from ofa_bench.config.limits import available_cores
from ofa_bench.config.schema import GROUPS, BudgetConfig, conf_dir
from ofa_bench.errors import InputError
from ofa_bench.experiment import checks
from ofa_bench.experiment.budget import resolve_budget
from ofa_bench.experiment.building import load_space
from ofa_bench.experiment.checks import result_config
from ofa_bench.predictors import latency_table

OPTIONS = [
    (group.name, option.stem)
    for group in sorted(conf_dir().iterdir())
    if group.is_dir()
    for option in sorted(group.glob("*.yaml"))
]


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_of_every_group_builds(group, option, request):
    if (group, option) == ("predictor", "official"):
        request.getfixturevalue("assets")
    toys = [f"{key}={value}" for key, value in TOYS.items()] if group == "space" else []
    if group == "device":
        _table_or_skip(option)
    if group == "strategy":
        skip_without_library(option)
    if "sweeps" in OmegaConf.load(conf_dir() / group / f"{option}.yaml"):
        pytest.skip("several sweeps, which test_experiments.py builds")
    if option == "table":  # accuracies of mbv3's networks are not all known
        toys = ["space=nasbench_macro"]
    if option == "supernet":
        images = make_images(request.getfixturevalue("tmp_path"), classes=2, each=2)
        toys = [f"predictor.images={images}", "predictor.weights=random"]
    if group == "model":
        toys, group = ["strategy=surrogate"], "model@strategy.model"
    build_object = cell(f"{group}={option}", *toys)
    assert build_object.targets
    assert build_object.budget.warm(0) >= 1
    assert build_object.problem.space.name == (
        option if group == "space" else "nasbench_macro" if option == "table" else "mbv3"
    )


TOYS = {
    "predictor": "embedded",
    "predictor._target_": "ofa_bench.testing.ToyPredictor",
    "device": "macs",
    "targets": "quantiles",
}
"""Judges that work for any space, whatever files there are."""


OWN_KEYS = {"compofa": ["kernels"], "mbv3_w1.0": ["width"]}
"""The keys that only some spaces have."""


def _table_or_skip(device):
    try:
        latency_table(load_space("mbv3"), device)
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("overrides", "device", "predictor"),
    [
        ([], "note10", "measured"),
        (["space=mbv3"], "note10", "measured"),
        (["space=compofa"], "note10", "measured"),
        (["space=resnet50d"], "cpu_onnx", "embedded"),
        (["space=proxyless"], "cpu_onnx", "measured"),
        (["space=mbv3_w1.0"], "i7_8700k", "measured"),
        (["space=accel_nasbench"], "zcu102", "measured"),
        (["space=nasbench_macro"], "macs", "table"),
        (["space=resnet50d", "device=macs"], "macs", "embedded"),
        (["space=resnet50d", "predictor=official"], "cpu_onnx", "official"),
        (["predictor=embedded", "space=mbv3"], "note10", "embedded"),
        (["device=note10", "space=proxyless"], "note10", "measured"),
    ],
)
def test_a_space_has_defaults_and_the_command_line_wins(overrides, device, predictor):
    config, task = composed(*overrides)
    assert config.hydra.runtime.choices["device"] == device
    assert task.device.device == device
    assert task.predictor["_target_"] == f"ofa_bench.predictors.{predictor}_predictor"
    space = dict(text.split("=") for text in overrides).get("space", "mbv3")
    assert list(task.space) == ["choices", "_target_", *OWN_KEYS.get(space, [])]
    assert config.hydra.run.dir.startswith(f"multirun/{space}/{device}/{predictor}/vanilla/sqrt/default/seed=0")


@pytest.mark.parametrize("option", sorted(path.stem for path in (conf_dir() / "space").glob("*.yaml")))
def test_the_default_predictor_of_each_space_is_one_that_it_has(option):
    problem = cell(f"space={option}", "targets=quantiles").problem
    others = {"resnet50d": "embedded", "nasbench_macro": "table"}
    assert problem.predictor.name == others.get(option, "measured")
    uncertainty = problem.predictor.uncertainty(problem.space.sample(5, np.random.default_rng(0)))
    assert (uncertainty is None) == (option in others)


def test_a_users_space_may_say_nothing_of_devices_or_choose_one(tmp_path):
    (tmp_path / "space").mkdir()
    target = "_target_: ofa_bench.spaces.ResNet50DSpace\n"
    chosen = "defaults:\n  - override /device@_global_.device: macs\n"
    (tmp_path / "space" / "silent.yaml").write_text(target)
    (tmp_path / "space" / "chooses.yaml").write_text(chosen + target)
    searched = f"hydra.searchpath=[file://{tmp_path}]"
    assert composed("space=silent", searched)[1].device.device == "note10"
    assert composed("space=chooses", searched)[1].device.device == "macs"
    assert composed("space=chooses", "device=note10", searched)[1].device.device == "note10"
    with pytest.raises(InputError, match=r"predictor=measured: there is none for space resnet50d.*choose another"):
        cell("space=chooses", "targets=quantiles", searched)
    assert cell("space=chooses", "targets=quantiles", "predictor=embedded", searched).problem.space.name == "resnet50d"


def test_a_space_is_loaded_without_its_default_device():
    assert load_space("resnet50d").name == "resnet50d"
    with pytest.raises(
        InputError,
        match=r"space=resnet: no such option; there are accel_nasbench, compofa, mbv3.*did you mean 'resnet50d'",
    ):
        load_space("resnet")


def test_there_are_the_groups_that_the_readme_names():
    groups = {group for group, _ in OPTIONS}
    assert groups == {*GROUPS, "model", "tracking", "experiment"}


@pytest.mark.parametrize("strategy", ["top_down", "bottom_up"])
@pytest.mark.parametrize("targets", ["paper3", "range"])
def test_groups_combine(strategy, targets):
    build_object = cell(f"strategy={strategy}", f"targets={targets}", "budget=paper", "evolution.population_size=10")
    assert build_object.budget.warm_generations == 63
    assert build_object.strategy.evolution.population_size == 10
    assert len(build_object.targets) == {"paper3": 3, "range": 19}[targets]


def test_defaults_are_the_papers():
    build_object = cell()
    assert build_object.targets == (15, 20, 25, 30, 35, 40, 45, 50, 55, 60)
    assert (build_object.budget.generations, build_object.budget.warm_generations) == (500, 23)
    assert build_object.problem.predictor.name == "measured"
    evolution = build_object.strategy.evolution
    assert (evolution.population_size, evolution.parent_ratio) == (100, 0.25)
    assert (evolution.mutation_ratio, evolution.mutate_prob) == (0.5, 0.1)
    assert (evolution.initial_ratio, evolution.constraint, evolution.reward_exponent) == (1.0, "hard", -0.07)


def test_paper_prefixes_are_the_first_targets():
    for k in range(1, 6):
        assert cell(f"targets=paper{k}").targets == (15, 20, 25, 30, 35)[:k]


def test_identity_sees_what_changes_results_and_nothing_else():
    base = result_config(composed()[1])
    same = ("tracking=none", "output=elsewhere", "progress=false", "threads=2")
    for override in same:
        assert result_config(composed(override)[1]) == base
    for override in ("seed=1", "repeats=2", "strategy=top_down", "evolution.mutate_prob=0.2", "budget=paper"):
        assert result_config(composed(override)[1]) != base


CHOICES = dict.fromkeys(GROUPS, "x")


@pytest.mark.parametrize(
    ("overrides", "last"),
    [
        ([], "seed=3"),
        (["strategy=top_down", "seed=3", "tracking=none", "tracking.uri=a/b", "threads=2", "output=o"], "seed=3"),
        (["repeats=10"], "seed=3,repeats=10"),
        (["targets.values=[15,20.5]"], "seed=3,targets.values=[15,20.5]"),
        (["+strategy.path=../a b"], "seed=3,strategy.path=.._a_b"),
        (["repeats=2", "evolution.mutate_prob=0.2"], "seed=3,evolution.mutate_prob=0.2,repeats=2"),
        (["strategy@strategy.inner=vanilla", "strategy.inner.x=1"], "seed=3,strategy.inner.x=1,strategy.inner=vanilla"),
        (["model@strategy.model=network"], "seed=3,strategy.model=network"),
        (["strategy@budget.chain=top_down", "budget=matched"], "seed=3,budget.chain=top_down"),
    ],
)
def test_address(overrides, last):
    assert address(CHOICES, overrides, 3) == f"x/x/x/x/x/x/{last}"


def test_long_addresses_are_cut_and_stay_apart():
    one, other = (address(CHOICES, [f"targets.values=[{'1,' * 200}{end}]"], 0) for end in (1, 2))
    assert one != other
    assert max(len(part) for part in one.split("/")) < 130


def test_a_long_value_does_not_push_out_the_other_keys():
    given = [f"strategy.warm_start.from='/{'a/' * 60}{end}'" for end in (1, 2)]
    names = [
        address(CHOICES, [one, f"strategy.warm_start.seed={seed}"], 0) for one in given for seed in ("best", "none")
    ]
    assert len(set(names)) == 4
    assert all(re.search(r"strategy.warm_start.from=\S*~\w{8},strategy.warm_start.seed=(best|none)$", n) for n in names)


def test_an_experiment_has_to_be_given_what_it_sweeps():
    choices, swept = {**CHOICES, "experiment": "ablation_order"}, {"strategy.order": "ascending,random"}
    overrides = ["experiment=ablation_order", "strategy.order=random"]
    assert address(choices, overrides, 3, swept) == "x/x/x/x/x/x/seed=3,strategy.order=random"
    with pytest.raises(InputError, match=r"experiment=ablation_order: sweeps strategy.order; put -m first"):
        address(choices, overrides[:1], 3, swept)


def test_a_users_own_experiment_is_named():
    choices = {**CHOICES, "experiment": "mine"}
    assert address(choices, ["experiment=mine"], 3) == "x/x/x/x/x/x/seed=3,experiment=mine"


def test_configs_stand_inside_an_installed_package_or_beside_it(tmp_path, monkeypatch):
    from ofa_bench.config import schema as config

    package = tmp_path / "ofa_bench"
    package.mkdir()
    monkeypatch.setattr(config, "__file__", str(package / "config" / "schema.py"))
    assert conf_dir() == tmp_path / "conf"
    (package / "conf").mkdir()
    assert conf_dir() == package / "conf"


@pytest.mark.parametrize(
    ("n", "warm", "wanted"),
    [
        (500, "sqrt", 23),
        (25, "sqrt", 5),
        (26, "sqrt", 6),
        (500, 63, 63),
        (500, "log", 7),
        (1, "log", 1),
        (500, "tenth", 50),
        (25, "tenth", 3),
        (500, "full", 500),
        (500, [50, 20, 5], (50, 20, 5)),
    ],
)
def test_budget(n, warm, wanted):
    assert resolve_budget(BudgetConfig(n, warm)) == (n, wanted)


@pytest.mark.parametrize(
    "given",
    [(0, 1), (10, 0), (10, "root"), (10, 2.5), (10, True), (-1, "sqrt"), (10, []), (10, [5, 0]), (10, [5, "log"])],
)
def test_bad_budgets_are_refused(given):
    with pytest.raises(InputError, match="must be"):
        resolve_budget(BudgetConfig(*given))


def test_every_yaml_says_what_it_is():
    for group, option in OPTIONS:
        text = Path(conf_dir() / group / f"{option}.yaml").read_text()
        assert text.startswith("# "), f"{group}/{option}"


def test_a_switch_has_one_address_in_a_sweep_and_alone():
    alone, swept = (address(CHOICES, [f"evolution.reference_compat={value}"], 0) for value in ("true", "True"))
    assert alone == swept == "x/x/x/x/x/x/seed=0,evolution.reference_compat=true"


@pytest.mark.parametrize(
    ("overrides", "threads"),
    [((), 8), (("lockstep=false",), 1), (("threads=3",), 3), (("lockstep=false", "threads=2"), 1)],
)
def test_threads_are_all_cores_in_lockstep_and_one_else(overrides, threads, monkeypatch):
    monkeypatch.setattr(checks, "available_cores", lambda: 8)
    assert cell(*overrides).threads == threads


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", 8), ("150000 100000", 2), ("10000 100000", 1), ("", 8)])
def test_cores_are_those_a_container_may_use(quota, cores, monkeypatch):
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(limits.Path, "read_text", lambda _: quota)
    assert available_cores() == cores
