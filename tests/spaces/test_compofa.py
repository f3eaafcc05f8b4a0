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
from ofa_bench.predictors import embedded_predictor, latency_table
from ofa_bench.search import Problem
from ofa_bench.spaces import CompoundSpace, MobileNetV3Space
from ofa_bench.strategies import Budget
from ofa_bench.testing import check_cost, check_predictor, check_space

FIXED, ELASTIC = CompoundSpace(), CompoundSpace("elastic")
STRATEGIES = sorted(path.stem for path in (conf_dir() / "strategy").glob("*.yaml"))
FEW = {"differentiable": 400, "linas": 200, "nsganetv2": 150, "surrogate": 150, "tpe": 300}
"""Evaluations that are enough for strategies whose own work takes most of the time."""


def everything():
    return np.array(list(itertools.product(range(5), *[range(3)] * 5)), np.int8)


@pytest.mark.parametrize("space", [FIXED, ELASTIC], ids=["fixed", "elastic"])
def test_contracts(space):
    check_space(space)
    check_predictor(embedded_predictor(space), space)
    for device in ("note10", "macs"):
        check_cost(latency_table(space, device), space)


def test_depth_fixes_expand_and_stage_fixes_kernel():
    for row in FIXED.sample(100, np.random.default_rng(0)):
        arch = FIXED.to_ofa(row)
        for block in range(20):
            depth = arch["d"][block // 4]
            assert arch["e"][block] == {2: 3, 3: 4, 4: 6}[depth]
            assert arch["ks"][block] == (3, 5, 3, 3, 5)[block // 4]


def test_elastic_kernels_are_free():
    archs = [ELASTIC.to_ofa(row) for row in ELASTIC.sample(200, np.random.default_rng(1))]
    assert {arch["ks"][7] for arch in archs} == {3, 5, 7}
    assert {(arch["d"][1], arch["e"][4]) for arch in archs} == {(2, 3), (3, 4), (4, 6)}


def test_costs_and_accuracies_are_those_of_mobilenetv3():
    whole = MobileNetV3Space()
    for space in (FIXED, ELASTIC):
        genes = space.sample(500, np.random.default_rng(2))
        rows = space.to_parent(genes)
        assert whole.contains(rows).all()
        for device in ("note10", "macs"):
            wanted = latency_table(whole, device).cost(rows)
            assert latency_table(space, device).cost(genes) == pytest.approx(wanted, rel=1e-12)
        assert (embedded_predictor(space).accuracy(genes) == embedded_predictor(whole).accuracy(rows)).all()


def test_networks_of_mobilenetv3_outside_the_part_are_refused():
    arch = FIXED.to_ofa(FIXED.sample(1, np.random.default_rng(3))[0])
    arch["ks"] = [7] * 20
    with pytest.raises(InputError, match=r"compofa: k0=7 is not one of \[3\]"):
        FIXED.from_ofa(arch)
    with pytest.raises(InputError, match="must be fixed or elastic; did you mean 'fixed'"):
        CompoundSpace("fxed")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finds_the_exact_optima(strategy):
    """The space is small enough to know the best architecture for every target, and to find it."""
    skip_without_library(strategy)
    problem = Problem(FIXED, embedded_predictor(FIXED), latency_table(FIXED, "note10"))
    genes = everything()
    assert len(set(FIXED.keys(genes))) == 5 * 243
    cost, accuracy = problem.cost.cost(genes), problem.predictor.accuracy(genes)
    assert (problem.cost.minimum, problem.cost.maximum) == (cost.min(), cost.max())
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        few = [f"strategy.evaluations={FEW[strategy]}"] if strategy in FEW else []
        config = compose("config", [f"strategy={strategy}", "evolution.mutate_prob=0.3", "tracking=none", *few])
    strategy = build(OmegaConf.to_object(config)).strategy
    targets = (45.0, 20.0)
    results = dict(strategy.search(problem, targets, Budget(20, 20), np.random.default_rng(4)))
    for i, target in enumerate(targets):
        assert results[i].accuracy == pytest.approx(accuracy[cost <= target].max(), abs=1e-6)
        assert results[i].cost <= target
