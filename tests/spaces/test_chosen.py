"""Subspaces: genes restricted to some of their choices. Predictors and tables of the parent serve them exactly."""

import itertools

import numpy as np
import pytest
from conftest import skip_without_library
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ofa_bench.config.registration import register
from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError
from ofa_bench.experiment.build import build
from ofa_bench.experiment.building import build_space
from ofa_bench.predictors import SubspacePredictor, embedded_predictor, latency_table, own_predictor
from ofa_bench.search import Problem, may_fork
from ofa_bench.spaces import CompoundSpace, DesignSpace, Gene, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace, hold
from ofa_bench.spaces.enumeration import architectures, number_of_architectures
from ofa_bench.strategies import Budget
from ofa_bench.testing import check_cost, check_predictor, check_space
from ofa_bench.training.fitting import write_predictor

MBV3 = MobileNetV3Space()
STRATEGIES = sorted(path.stem for path in (conf_dir() / "strategy").glob("*.yaml"))
PARTS = [
    (MBV3, {"r": [224], "k": [3, 5]}, "note10", "mbv3,r=224,k=3-5"),
    (MBV3, {"d": [2, 4], "e": 6, "k7": [7]}, "note10", "mbv3,d=2-4,k7=7,e=6"),
    (CompoundSpace(), {"r": [160, 224], "d1": [3, 4]}, "note10", "compofa,r=160-224,d1=3-4"),
    (CompoundSpace("elastic"), {"k": [3, 7], "d": [2, 4]}, "note10", "compofa_elastic,d=2-4,k=3-7"),
    (ResNet50DSpace(), {"w": [0.8, 1], "d0": [2]}, "cpu_onnx", "resnet50d,d0=2,w=0.8-1"),
    (ResNet50DSpace(), {"w": [0.65, 0.8], "d": [2]}, "cpu_onnx", "resnet50d,d=2,w=0.65-0.8"),
    (ProxylessNASSpace(), {"k": [5], "e20": [3, 6]}, "cpu_onnx", "proxyless,k=5,e20=3-6"),
]
SMALL = {"r": [192, 224], "d": [2, 3], "k": [3], "e": [4]}
"""Of mbv3: 64 networks."""


def every(space):
    return np.concatenate(list(architectures(space, 4096)))


@pytest.mark.parametrize(("whole", "choices", "device", "name"), PARTS, ids=[part[-1] for part in PARTS])
def test_a_part_keeps_all_contracts(whole, choices, device, name):
    part = hold(whole, choices)
    assert part.name == name
    check_space(part)
    check_cost(latency_table(part, device), part)
    predictor = embedded_predictor(part)
    check_predictor(predictor, part)
    genes = part.sample(300, np.random.default_rng(0))
    rows = part.to_parent(genes)
    assert whole.contains(rows).all()
    assert (predictor.accuracy(genes) == embedded_predictor(whole).accuracy(rows)).all()
    wanted = latency_table(whole, device).cost(rows)
    assert latency_table(part, device).cost(genes) == pytest.approx(wanted, rel=1e-12)
    for key, given in choices.items():
        allowed = given if isinstance(given, list) else [given]
        for row, active in zip(rows, whole.active(rows), strict=True):
            values = whole.values(row)
            held = [i for i, gene in enumerate(whole.gene_names) if gene == key or gene.rstrip("0123456789") == key]
            assert all(values[whole.gene_names[i]] in allowed for i in held if active[i])
    problem = Problem(part, predictor, latency_table(part, device))
    assert may_fork(problem) == may_fork(Problem(whole, embedded_predictor(whole), latency_table(whole, device)))


def test_the_least_and_greatest_cost_are_those_of_all_its_networks():
    rng = np.random.default_rng(3)
    for _ in range(5):
        choices = {
            "r": rng.choice([160, 176, 192, 208, 224], 2, replace=False).tolist(),
            "e": [int(rng.choice([3, 4, 6]))],
        }
        choices |= {f"d{i}": rng.choice([2, 3, 4], 2, replace=False).tolist() for i in range(5)}
        choices |= {"k": [int(rng.choice([3, 5, 7]))]}
        part = hold(MBV3, choices)
        table, rows = latency_table(part, "note10"), every(part)
        assert len(rows) == number_of_architectures(part) == 64
        costs = latency_table(MBV3, "note10").cost(part.to_parent(rows))
        assert table.minimum == pytest.approx(costs.min(), rel=1e-12)
        assert table.maximum == pytest.approx(costs.max(), rel=1e-12)


def test_a_part_of_a_part_is_a_part():
    compound = hold(CompoundSpace(), {"r": [224], "d0": [2, 4]})
    rows = every(compound)
    assert len(rows) == 2 * 3**4
    table = latency_table(compound, "note10")
    whole = compound.parent.to_parent(compound.to_parent(rows))
    costs = latency_table(MBV3, "note10").cost(whole)
    assert table.cost(rows) == pytest.approx(costs, rel=1e-12)
    assert table.minimum == pytest.approx(costs.min(), rel=1e-12)
    predictor = embedded_predictor(compound)
    assert isinstance(predictor, SubspacePredictor)
    assert isinstance(predictor.predictor, SubspacePredictor)
    assert (predictor.accuracy(rows) == embedded_predictor(MBV3).accuracy(whole)).all()
    for row in rows[:20]:
        assert (compound.from_ofa(compound.to_ofa(row)) == row).all()


def test_predictors_of_ones_own_serve_a_part(tmp_path):
    judge = embedded_predictor(MBV3)
    write_predictor(tmp_path / "own", "mbv3", {"mbv3": judge.layers}, {}, {})
    for part in (hold(MBV3, SMALL), hold(CompoundSpace(), {"r": [160, 224]})):
        rows = part.sample(20, np.random.default_rng(0))
        for path in (tmp_path / "own", tmp_path / "own" / "mbv3.npz"):
            assert (own_predictor(part, str(path)).accuracy(rows) == embedded_predictor(part).accuracy(rows)).all()
        assert embedded_predictor(part, 2).accuracy(rows).shape == (20,)


def test_architectures_outside_the_space_are_refused():
    part = hold(MBV3, {"r": [224], "k": [3, 5]})
    arch = MBV3.to_ofa(MBV3.sample(1, np.random.default_rng(0))[0]) | {"ks": [3] * 20}
    with pytest.raises(InputError, match=r"mbv3,r=224,k=3-5: r=160 is not one of \[224\]"):
        part.from_ofa(arch | {"r": 160, "image_size": 160})
    with pytest.raises(InputError, match=r"k0=7 is not one of \[3, 5\]"):
        part.from_ofa(arch | {"r": 224, "image_size": 224, "ks": [7] + [3] * 19})


def test_the_nearest_architecture_of_a_part():
    part = hold(MBV3, {"r": [176, 224], "k": [3, 7], "d": [2, 4], "e": [4]})
    rows = MBV3.sample(50, np.random.default_rng(0))
    nearest = part.nearest(rows)
    assert part.contains(nearest).all()
    for row, near in zip(rows, nearest, strict=True):
        before, after = MBV3.values(row), MBV3.values(part.to_parent(near[None])[0])
        assert after["r"] == {160: 176, 176: 176, 192: 176, 208: 224, 224: 224}[before["r"]]
        assert after["d3"] == {2: 2, 3: 2, 4: 4}[before["d3"]]
        assert (after["k0"], after["e0"]) == ({3: 3, 5: 3, 7: 7}[before["k0"]], 4)
    inside = part.canonical(part.sample(50, np.random.default_rng(1)))
    assert (part.nearest(part.to_parent(inside)) == inside).all()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"kk": [3]},
            r"kk: space mbv3 has no such gene; allowed: r, d \(d0 to d4\), k \(k0 to k19\).*did you mean 'k'",
        ),
        ({"k21": [3]}, "k21: space mbv3 has no such gene"),
        ({"k": [9]}, r"k=9: mbv3 has no such choice; allowed: \[3, 5, 7\]"),
        ({"k": ["3"]}, r"k='3': mbv3 has no such choice; allowed: \[3, 5, 7\]"),
        ({"r": True}, "r=True: mbv3 has no such choice"),
        ({"k": None}, "k=None: mbv3 has no such choice"),
        ({"k": []}, r"k=\[\]: give at least one of \[3, 5, 7\]"),
        ({"k": [3, 5], "k7": [7]}, r"k7=\[7\]: with the other keys, this leaves gene k7 none of \[3, 5, 7\]"),
        ([3], r"=\[3\]: must be the choices of genes, like"),
        ("r", "=r: must be the choices of genes, like"),
    ],
)
def test_choices_that_cannot_be_are_refused(choices, message):
    with pytest.raises(InputError, match=f"^space.choices.?{message}"):
        build_space({"_target_": "ofa_bench.spaces.MobileNetV3Space", "choices": choices})


def test_a_value_that_only_some_genes_of_a_kind_have():
    with pytest.raises(InputError, match=r"space.choices.d=\[1\]: .*leaves gene d0 none of \[0, 2\]"):
        hold(ResNet50DSpace(), {"d": [1]})


def test_equal_parts_have_equal_names_and_all_choices_are_the_whole():
    assert hold(MBV3, {"r": [224, 160, 176, 192, 208], "k": [3, 5, 7]}) is MBV3
    assert hold(MBV3, {}) is MBV3
    names = [
        hold(MBV3, choices).name
        for choices in ({"k": [5, 3]}, {"k": (3, 5, 5)}, {f"k{i}": [3, 5] for i in range(20)}, {"k": [3.0, 5]})
    ]
    assert names == ["mbv3,k=3-5"] * 4
    long = [hold(MBV3, {f"k{i}": [3] for i in range(n)}) for n in (18, 19)]
    assert long[0].name != long[1].name
    assert all(len(part.name) < 150 for part in long)


def test_a_space_with_operators_of_its_own_is_refused():
    class Own(MobileNetV3Space):
        def active(self, genes):
            return super().active(genes)

    with pytest.raises(InputError, match=r"space mbv3 has its own active\(\)"):
        hold(Own(), {"r": [224]})


class Pairs(DesignSpace):
    """A user's space, whose genes have other names and uneven choices."""

    def __init__(self):
        super().__init__(
            "pairs", [Gene("size", (1, 2, 4), "a"), Gene("conv1_w", (8, 16), "b"), Gene("conv2_w", (8, 24), "b")]
        )

    def to_ofa(self, row):
        return self.values(row)

    def from_ofa(self, arch):
        return self.row(arch)


def test_a_space_of_the_users_is_held_too():
    part = hold(Pairs(), {"size": [4, 1], "conv2_w": 24})
    check_space(part)
    assert sorted(map(str, map(part.to_ofa, every(part)))) == sorted(
        str({"size": size, "conv1_w": w, "conv2_w": 24}) for size, w in itertools.product((1, 4), (8, 16))
    )


def test_a_constructor_that_takes_choices_is_given_them():
    node = {"_target_": f"{__name__}.choosy"}
    assert build_space({**node, "choices": {"any": 1}}).name == "with {'any': 1}"
    assert build_space({**node, "choices": None}).name == "with 7"


def choosy(choices=7):
    space = Pairs()
    space.name = f"with {choices}"
    return space


def composed(*overrides):
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_object(compose("config", ["tracking=none", "targets=quantiles", *overrides]))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_stays_inside_and_meets_what_can_be_met(strategy):
    skip_without_library(strategy)
    overrides = [f"strategy={strategy}", f"space.choices={SMALL}".replace("'", ""), "budget.generations=5"]
    few = {"tpe": ["strategy.evaluations=60"], "ofa_reference": ["evolution.population_size=20"]}
    cell = build(composed(*overrides, *few.get(strategy, [])))
    problem = cell.problem
    rows = every(problem.space)
    cost, accuracy = problem.cost.cost(rows), problem.predictor.accuracy(rows)
    middle = float(np.quantile(cost, 0.5))
    targets = (0.99 * cost.min(), middle, cost.max())
    found = dict(cell.strategy.search(problem, targets, Budget(5, 2), np.random.default_rng(0)))
    assert [found[i].feasible for i in range(3)] == [False, True, True]
    for i, target in ((1, middle), (2, cost.max())):
        assert problem.space.contains(found[i].genes[None])[0]
        arch = problem.space.to_ofa(found[i].genes)
        assert arch["r"][0] in (192, 224)
        assert set(arch["d"]) <= {2, 3}
        assert (set(arch["ks"]), set(arch["e"])) == ({3}, {4})
        best = accuracy[cost <= target].max()
        assert found[i].accuracy <= best
        if strategy in ("exhaustive", "joint", "local_search", "nsga2", "sms_emoa", "spea2", "vanilla"):
            assert found[i].accuracy == best


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in ("tpe", "ofa_reference")])
def test_one_architecture_that_is_left_is_found(strategy):
    skip_without_library(strategy)
    cell = build(composed(f"strategy={strategy}", "space=compofa", "space.choices={r: [224], d: [3]}"))
    problem = cell.problem
    assert problem.space.n_genes == 1
    found = dict(
        cell.strategy.search(problem, (0.9 * problem.cost.minimum, 60.0), Budget(3, 2), np.random.default_rng(0))
    )
    assert [found[i].feasible for i in range(2)] == [False, True]
    assert problem.space.to_ofa(found[1].genes)["d"] == [3] * 5


def test_one_resolution_of_mbv3_equals_its_exhaustive_search():
    given = ["space.choices={r: [224], d: [2], k: [3], e0: 3, e1: 3, e4: 3, e5: 3, e8: 3}", "strategy=joint"]
    cell = build(composed(*given))
    problem = cell.problem
    rows = every(problem.space)
    assert len(rows) == 3**5
    cost, accuracy = problem.cost.cost(rows), problem.predictor.accuracy(rows)
    targets = tuple(np.quantile(cost, (0.2, 0.5, 0.8)).tolist())
    found = dict(cell.strategy.search(problem, targets, Budget(10, 5), np.random.default_rng(0)))
    assert [found[i].accuracy for i in range(3)] == [accuracy[cost <= target].max() for target in targets]


def test_targets_that_only_the_whole_meets_are_infeasible():
    with pytest.raises(
        InputError, match=r"12 ms cannot be met; the cheapest architecture of mbv3,r=224 on note10 costs"
    ):
        build(composed("space.choices={r: [224]}", "targets=single", "targets.values=[12]"))
    cell = build(composed("space.choices={r: [224]}"))
    assert min(cell.targets) > cell.problem.cost.minimum > latency_table(MBV3, "note10").minimum
