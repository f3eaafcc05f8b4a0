"""One network for several devices: the cost models by hand, searches within all limits, and messages."""

import json

import numpy as np
import pytest
from composing import cell, composed
from own_space import ChainSpace

import ofa_bench as ob
from ofa_bench.config.schema import to_config
from ofa_bench.devices import knapsack, levels
from ofa_bench.devices.cost import CostModel, CostTable, Term
from ofa_bench.devices.group import MeanCost, WorstCost
from ofa_bench.devices.levels import Leveled
from ofa_bench.devices.tables import FOLDER
from ofa_bench.devices.targets import draw_sample, find_quantiles
from ofa_bench.engine import run_repeats
from ofa_bench.errors import InputError
from ofa_bench.experiment.build import build_problem
from ofa_bench.experiment.fleet import is_fleet
from ofa_bench.experiment.group import device_group
from ofa_bench.predictors import latency_table
from ofa_bench.search.kernels import Kernels
from ofa_bench.spaces import CompoundSpace, ListedSpace, MobileNetV3Space, NASBenchMacroSpace
from ofa_bench.spaces.enumeration import architectures, change_each, single_changes
from ofa_bench.testing import check_cost

MBV3, MACRO = MobileNetV3Space(), NASBenchMacroSpace()
APP = {"note10": [15, 20], "jetson_gpu": [20, 25], "i7_8700k": [12, 15]}
WORDS = ["device=group", "device.devices=[note10,jetson_gpu,i7_8700k]"]
LEVELS = "device.levels={note10: [15, 20], jetson_gpu: [20, 25], i7_8700k: [12, 15]}"


def every(space):
    return np.concatenate(list(architectures(space, 10_000)))


class Rooted(CostModel):
    """A cost model that is no table: the roots of one."""

    def __init__(self, table):
        self.table, self.name, self.unit, self.sha256, self.card = table, "rooted", "s", "1" * 64, {}
        self.cheapest, self.dearest = table.cheapest, table.dearest
        self.minimum, self.maximum = table.minimum**0.5, table.maximum**0.5

    def cost(self, genes):
        return np.sqrt(self.table.cost(genes))


@pytest.mark.parametrize("most", [levels.MAX_ENUMERATED, 0], ids=["enumerated", "solved"])
def test_groups_on_a_small_space_are_as_all_its_architectures_show(most, monkeypatch):
    monkeypatch.setattr(levels, "MAX_ENUMERATED", most)
    names, rows = ["cpu_onnx", "macs", "params"], every(MACRO)
    costs = np.array([latency_table(MACRO, name).cost(rows) for name in names])
    limits = {"cpu_onnx": [0.2, 0.6], "macs": [12.0, 30.0], "params": [0.5, 0.6]}
    worst = device_group(MACRO, names, "worst", limits)
    for k in (0, 1):
        wanted = (costs <= np.array([limits[name][k] for name in names])[:, None]).all(axis=0)
        assert ((worst.cost(rows) <= k + 1) == wanted).all()
        assert wanted.any() == (worst.minimum <= k + 1)
    found = np.array([np.interp(cost, [0, *limits[name]], [0, 1, 2]) for name, cost in zip(names, costs, strict=True)])
    inside = np.flatnonzero((costs <= np.array([limits[name][1] for name in names])[:, None]).all(axis=0))
    assert worst.cost(rows)[inside] == pytest.approx(found.max(axis=0)[inside])
    assert worst.proven
    assert worst.minimum == pytest.approx(worst.cost(rows).min(), rel=1e-6)
    assert worst.maximum == worst.cost(rows).max()
    mean = device_group(MACRO, names, "mean", limits)
    wanted = np.mean(costs / np.array([[0.4], [21.0], [0.55]]), axis=0)
    assert mean.cost(rows) == pytest.approx(wanted)
    assert (mean.minimum, mean.maximum) == pytest.approx((wanted.min(), wanted.max()))
    assert mean.targets == pytest.approx([(0.5 + 12 / 21 + 0.5 / 0.55) / 3, (1.5 + 30 / 21 + 0.6 / 0.55) / 3], rel=1e-3)
    for one in (worst, mean):
        check_cost(one, MACRO)
        assert {name: cost.tolist() for name, cost in one.costs_elsewhere(rows[:50]).items()} == dict(
            zip(names, costs[:, :50].tolist(), strict=True)
        )


@pytest.mark.parametrize("most", [levels.MAX_ENUMERATED, 0], ids=["enumerated", "solved"])
def test_a_level_that_no_architecture_meets_is_known_where_each_limit_by_itself_is_met(most, monkeypatch):
    monkeypatch.setattr(levels, "MAX_ENUMERATED", most)
    chain = ChainSpace()
    small, large, shallow = (
        CostTable(chain, [Term(((gene,),), np.array(values))], name=name, unit="ms", sha256="", card={})
        for name, gene, values in (("a", "r", [2.0, 8]), ("b", "r", [6.0, 3]), ("c", "depth", [1.0, 2, 3]))
    )
    devices = [Leveled(small, (2.0, 5.0)), Leveled(large, (3.0, 4.0)), Leveled(shallow, (1.0, 2.0))]
    worst = WorstCost(chain, devices)
    assert (worst.targets, worst.minimum, worst.proven) == ((1.0, 2.0), 3.0, True)  # of b: 6 ms, 1.5 times level 2
    assert chain.values(worst.cheapest)["r"] == 32
    assert worst.maximum == 3.2  # of a: 8 ms


@pytest.mark.parametrize("space", [MBV3, CompoundSpace("elastic")], ids=lambda space: space.name)
def test_the_lowest_level_on_four_measured_devices_is_proven(space):
    names = ["note10", "i7_8700k", "jetson_gpu", "jetson_cpu"]
    worst = device_group(space, names)
    assert worst.proven
    assert worst.targets == tuple(range(1, 11))
    near = space.canonical(change_each(worst.cheapest[None], *single_changes(space))[0])
    rows = np.concatenate([space.sample(20_000, np.random.default_rng(0)), near])
    assert worst.minimum <= worst.cost(rows).min() * (1 + 1e-6)
    each = [max(np.interp(latency_table(space, name).minimum, [0, *latency_table(space, name).targets], range(11))
                for name in names)]  # fmt: skip
    assert worst.minimum > max(each) > 0.5
    check_cost(worst, space)


def test_without_a_solution_the_lowest_level_is_searched(monkeypatch):
    names = ["note10", "jetson_gpu", "jetson_cpu"]
    exact = device_group(MBV3, names)
    monkeypatch.setattr(knapsack, "MAX_CHOICES", 1)
    found = device_group(MBV3, names)
    assert not found.proven
    assert exact.minimum * (1 - 1e-6) <= found.minimum < exact.minimum * 1.02
    check_cost(found, MBV3)


def test_the_worst_case_takes_any_cost_model_and_the_mean_only_tables():
    table = latency_table(MACRO, "macs")
    devices = [Leveled(Rooted(table), (5.0,)), Leveled(latency_table(MACRO, "params"), (0.5,))]
    worst, rows = WorstCost(MACRO, devices), every(MACRO)
    assert worst.cost(rows) == pytest.approx(
        np.maximum(np.sqrt(table.cost(rows)) / 5, devices[1].cost.cost(rows) / 0.5)
    )
    assert worst.minimum == worst.cost(rows).min()
    assert not worst.fork_safe
    with pytest.raises(
        InputError, match=r"device\.of=mean: rooted is no table of additive costs; only device\.of=worst"
    ):
        MeanCost(MACRO, devices)
    wide = [Leveled(Rooted(latency_table(MBV3, "macs")), (15.0,)), Leveled(latency_table(MBV3, "jetson_gpu"), (20.0,))]
    check_cost(WorstCost(MBV3, wide), MBV3)


def test_the_mean_has_compiled_loops_on_every_form_of_a_space():
    chain = ChainSpace()
    pairs = [
        CostTable(
            chain, [Term((("r", "w0"),), np.arange(8.0).reshape(2, 4))], name="a", unit="ms", sha256="a", card={}
        ),
        CostTable(
            chain, [Term((("w1",), ("w2",)), np.array([3.0, 1, 2, 5]))], name="b", unit="ms", sha256="b", card={}
        ),
    ]
    mean = MeanCost(chain, [Leveled(pairs[0], (4.0,)), Leveled(pairs[1], (5.0,))])
    rows = every(chain)
    assert mean.cost(rows) == pytest.approx((pairs[0].cost(rows) / 4 + pairs[1].cost(rows) / 5) / 2)
    listed = ListedSpace(MACRO, MACRO.sample(40, np.random.default_rng(0)))
    for space in (MBV3, CompoundSpace("fixed")):
        made = device_group(space, ["note10", "jetson_gpu"], "mean")
        assert Kernels.of(space, made) is not None
        check_cost(made, space)
    for of in ("worst", "mean"):
        among = device_group(MACRO, ["macs", "params"], of).among(listed.rows)
        assert among.minimum == among.cost(listed.rows).min()


def test_devices_without_targets_get_quantiles_and_identities_differ(tmp_path):
    note10, content = latency_table(MBV3, "note10"), json.loads((FOLDER / "note10" / "mbv3.json").read_text())
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**content, "targets": []}))
    worst = device_group(MBV3, ["jetson_gpu", str(path)])
    wanted = find_quantiles(note10.cost(draw_sample(MBV3)))
    assert worst.card["devices"][1] == {
        "device": "mine", "unit": "ms", "sha256": latency_table(MBV3, str(path)).sha256, "levels": list(wanted),
    }  # fmt: skip
    assert worst.name == "worst+jetson_gpu+mine"
    several = [
        device_group(MBV3, ["note10", "macs"]),
        device_group(MBV3, ["note10", "macs"], "mean"),
        device_group(MBV3, ["note10", "params"]),
        device_group(MBV3, ["note10", "macs"], "worst", {"note10": 20, "macs": 300}),
        device_group(MBV3, ["note10", "macs"], "worst", {"note10": 20, "macs": 301}),
    ]
    assert len({one.sha256 for one in several}) == len(several)


@pytest.mark.parametrize(
    "strategy", ["vanilla", "bottom_up", "joint", "random", "nsga2", "local_search", "differentiable"]
)
@pytest.mark.parametrize("of", ["worst", "mean"])
def test_strategies_search_groups(strategy, of):
    words = ["budget.generations=8", "budget.warm_generations=3", "predictor=embedded", f"strategy={strategy}"]
    made = cell(*WORDS, LEVELS, f"device.of={of}", *words)
    [repeat] = run_repeats(made, lambda *_: None)
    assert [one.target for one in repeat.results] == list(made.targets)
    assert len(made.targets) == 2
    for k, one in enumerate(repeat.results):
        assert one.feasible
        costs = made.problem.cost.costs_elsewhere(one.genes[None])
        shares = [costs[name][0] / APP[name][k] for name in APP]
        if of == "worst":
            assert max(shares) <= 1
            assert one.cost == pytest.approx(made.problem.cost.cost(one.genes[None])[0])
        else:
            wanted = np.mean([costs[name][0] / np.mean(APP[name]) for name in APP])
            assert one.cost == pytest.approx(wanted)
            assert one.cost <= one.target


def test_a_group_composes_with_limits_and_quantiles_and_is_no_fleet():
    config, task = composed(*WORDS, "limits={params: 6}", "targets=quantiles", "predictor=embedded")
    assert not is_fleet(config)
    problem = build_problem(to_config(task))
    assert problem.cost.unit == "level"
    row = problem.cost.cheapest[None]
    assert latency_table(MBV3, "params").cost(row)[0] <= 6
    made = cell(*WORDS, "targets=quantiles", "predictor=embedded")
    costs = made.problem.cost.cost(draw_sample(MBV3))
    assert [(costs <= target).mean() for target in made.targets] == pytest.approx(
        [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99], abs=0.01
    )


def test_a_group_is_one_problem_of_python_and_one_record():
    problem = ob.problem("mbv3", device="group", devices=list(APP), levels=APP, predictor="embedded")
    result = ob.run(problem, "joint", evaluations=300, progress=False)
    assert [one.target for one in result.record.repeats[0].results] == [1.0, 2.0]
    assert result.record.unit == "level"
    assert result.record.device.card["devices"][1]["levels"] == [20.0, 25.0]
    assert result.record.config["device"]["devices"] == list(APP)
    assert result.record.choices.device == "group"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"device\.devices=None: must be a list of two or more, such as \[note10,jetson_gpu\]"),
        (["device.devices=[note10]"], "must be a list of two or more"),
        (["device.devices=note10"], "must be a list of two or more"),
        (["device.devices=[note10,nota10]"], r"device\.devices=nota10: no such option, .* did you mean 'note10'\?"),
        (["device.devices=[note10,fleet]"], r"device\.devices=fleet: no such option"),
        (["device.devices=[note10,note10]"], r"device\.devices: note10 is there twice"),
        (["device.devices=[note10,p40_b64]"], "p40_b64: it has no table for space mbv3"),
        (["device.devices=[note10,macs]", "device.of=most"], r"device\.of=most: must be worst or mean"),
        (["device.devices=[note10,macs]", "device.of=[mean]"], r"device\.of=\['mean'\]: must be worst or mean"),
        (["device.devices=[note10,macs]", "+device.off=mean"], r"device\.off: no such key; .* did you mean 'of'\?"),
        (["device.devices=[note10,macs]", "device.levels={note10: 20}"], "must have the costs of each device"),
        (
            ["device.devices=[note10,macs]", "device.levels={note10: 20, macs: 3, cpu: 4}"],
            "must have the costs of each",
        ),
        (["device.devices=[note10,macs]", "device.levels=20"], "must have the costs of each device"),
        (
            ["device.devices=[note10,macs]", "device.levels={note10: 20, macs: 0}"],
            r"levels\.macs=\[0\.0\]: must be posit",
        ),
        (["device.devices=[note10,macs]", "device.levels={note10: 20, macs: x}"], r"levels\.macs=x: must be a number"),
        (
            ["device.devices=[note10,macs]", "device.levels={note10: 20, macs: []}"],
            r"levels\.macs=\[\]: must be a number",
        ),
        (["device.devices=[note10,macs]", "device.levels={note10: 20, macs: inf}"], r"macs=inf: must be a number"),
        (
            ["device.devices=[note10,macs]", "device.levels={note10: [20, 20], macs: [300, 400]}"],
            r"levels\.note10=\[20\.0, 20\.0\]: must be positive and rise",
        ),
        (
            ["device.devices=[note10,macs]", "device.levels={note10: [20, 30], macs: 300}"],
            r"device\.levels: note10 has 2 levels, and macs 1; give as many of each",
        ),
        (
            ["device.devices=[note10,macs]", "device.levels={note10: 10, macs: 80}"],
            "targets: 1 level cannot be met; the cheapest architecture of mbv3 on worst.note10.macs costs 1.254 level",
        ),
    ],
)
def test_groups_that_are_none_are_refused(words, message):
    with pytest.raises(InputError, match=message):
        cell("device=group", *words)
