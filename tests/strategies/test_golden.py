"""Golden traces: what every strategy finds in each space, and what it counts, stays the same.

The predictor sums integers in units of 2^-20, so that its accuracies, and ties among them, are the same on any machine;
the embedded predictors' are not, in their last bits. ``python tests/make_golden.py`` writes the traces anew.
"""

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from tiny import Additive

from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import CompoundSpace
from ofa_bench.strategies import (
    NSGA2,
    SMSEMOA,
    SPEA2,
    TPE,
    Budget,
    Chain,
    Differentiable,
    Exhaustive,
    Joint,
    LocalSearch,
    MAPElites,
    OFAReference,
    RandomSearch,
    Surrogate,
    Vanilla,
    WarmStart,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "strategies.json"
SPACES = ("mbv3", "resnet50d", "proxyless", "compofa", "compofa_elastic", "nasbench_macro", "accel_nasbench")
SMALL = Evolution(population_size=12)
SOFT = Evolution(population_size=12, constraint="soft", initial_ratio=0.5)
JOINT = Joint(evaluations=220, restart=60, batch=8)
DIFFERENTIABLE = Differentiable(evaluations=160, steps=20)


def add_up(space, genes, accuracy, *, name):
    """Model accuracies by a sum, exact too, of how far the measured ones lie from the middle for each choice."""
    units = np.rint(2**20 * accuracy).astype(int)
    above = np.sign(2 * units - int(units.max()) - int(units.min()))
    rows = space.canonical(genes)
    found = [[int(above[rows[:, i] == j].sum()) for j in range(n)] for i, n in enumerate(space.cardinality)]
    return Additive(space, [np.array(one) / 2**20 for one in found])


SURROGATE = Surrogate(JOINT, add_up, 60, initial=20, batch=15, acquisition="mean", inner_evaluations=100)
STRATEGIES = {
    "vanilla": Vanilla(SMALL),
    "soft": Vanilla(SOFT),
    "top_down": Chain(SMALL, "descending"),
    "bottom_up": Chain(SMALL, "ascending"),
    "middle_out": Chain(SMALL, "middle_out"),
    "random_order": Chain(SMALL, "random"),
    "population": Chain(SMALL, "descending", WarmStart("population", prunings=2, share=0.75)),
    "resolution_spared": Chain(SMALL, "descending", WarmStart(prune_resolution=False)),
    "joint": JOINT,
    "joint_without_gradient": JOINT,
    "differentiable": DIFFERENTIABLE,
    "differentiable_without_gradient": DIFFERENTIABLE,
    "nsga2": NSGA2(population_size=12),
    "sms_emoa": SMSEMOA(population_size=12),
    "spea2": SPEA2(population_size=12),
    "map_elites": MAPElites(population_size=12),
    "random": RandomSearch(population_size=12),
    "local_search": LocalSearch(population_size=12),
    "tpe": TPE(evaluations=14),
    "surrogate": SURROGATE,
    "exhaustive": Exhaustive(),
    "ofa_reference": OFAReference(SMALL),
}
PYMOO = ("nsga2", "sms_emoa", "spea2")
LIBRARIES = {
    **dict.fromkeys(("differentiable", "differentiable_without_gradient"), "torch"),
    **dict.fromkeys(PYMOO, "pymoo"),
    "map_elites": "ribs",
    "tpe": "optuna",
    "ofa_reference": "ofa",
}
"""Strategies that are run by a library: another version of it may find something else."""

ONLY = {"exhaustive": ("compofa", "nasbench_macro"), **dict.fromkeys(PYMOO, ("mbv3", "resnet50d"))}
"""Where not in all spaces: of equal costs, which are common in the others, pymoo's sort depends on the processor."""

CASES = [(space, name) for space in SPACES for name in STRATEGIES if space in ONLY.get(name, SPACES)]


@cache
def golden():
    return json.loads(GOLDEN.read_text())


@cache
def problem(name, gradient=True, compiled=True):
    space = CompoundSpace("elastic") if name == "compofa_elastic" else load_space(name)
    rng = np.random.default_rng(0)
    worth = [np.cumsum(rng.integers(-1000, 9000, len(gene.choices))) / 2**20 for gene in space.genes]
    made = Problem(space, Additive(space, worth, gradient), latency_table(space, "macs"))
    if not compiled:
        vars(made)["kernels"] = None
    return made


def trace(space, name, compiled=True):
    """Return, in the order in which they came: the target's position, the winner, and what was counted for it."""
    given = problem(space, not name.endswith("_without_gradient"), compiled)
    low, high = given.cost.minimum, given.cost.maximum
    targets = [round(low + share * (high - low), 1) for share in (0.3, -0.1, 0.1, 0.5, 0.2)]
    found = STRATEGIES[name].search(given, targets, Budget(6, (3, 2)), np.random.default_rng(1))
    return [
        [
            position,
            "".join(map(str, result.genes.tolist())),
            [count for key, count in vars(result.counts).items() if key != "repeated_measurements"],
            [[*counts, accuracy * 2**20] for *counts, accuracy in result.curve],
        ]
        for position, result in found
    ]


def versions():
    return {library: version(library) for library in LIBRARIES.values()}


def check(space, name, compiled=True):
    library = LIBRARIES.get(name)
    if library and golden()["versions"][library] != version(library):
        pytest.skip(f"the trace is of {library} {golden()['versions'][library]}")
    for found, wanted in zip(trace(space, name, compiled), golden()[space][name], strict=True):
        assert found == wanted


@pytest.mark.parametrize(("space", "name"), CASES)
def test_golden_trace(space, name):
    check(space, name)


@pytest.mark.parametrize(("space", "name"), [case for case in CASES if case[0] in ("mbv3", "resnet50d")])
def test_golden_trace_without_compiled_loops(space, name):
    check(space, name, compiled=False)


def test_every_strategy_has_a_trace():
    assert {space: sorted(golden()[space]) for space in SPACES} == {
        space: sorted(name for at, name in CASES if at == space) for space in SPACES
    }
