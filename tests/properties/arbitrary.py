"""Arbitrary spaces, tables, predictors and targets, and how many of them each property is tried on.

By default the same examples are drawn each time: half as many as a test names, few enough for every run of the tests.
With ``OFA_BENCH_PROPERTIES=20``, 20 times as many as it names are drawn, each time others.
"""

import os
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.extra import numpy as hnp

from ofa_bench.devices.cost import Term
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import CostTable, OneHotMLP, latency_table
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.search import Problem, repair
from ofa_bench.spaces import CompoundSpace, DesignSpace, Gene
from ofa_bench.testing import ToyPredictor

TIMES = float(os.environ.get("OFA_BENCH_PROPERTIES", "0.5"))

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "ofa_bench-hypothesis")  # not where the tests are run
settings.register_profile(
    "ofa_bench",
    deadline=None,
    derandomize="OFA_BENCH_PROPERTIES" not in os.environ,
    print_blob=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ofa_bench")

NAMED = [
    *map(load_space, ("mbv3", "mbv3_w1.0", "compofa", "resnet50d", "proxyless", "nasbench_macro", "accel_nasbench")),
    CompoundSpace("elastic"),
]
TABLES = {space.name: latency_table(space, "macs") for space in NAMED}
HEAD = {"name": "own", "unit": "ms", "sha256": "0" * 64, "card": {"title": "made up", "guard_band": 1.25}}
POSITIVE = st.floats(1e-3, 1e3)


def examples(n):
    """Try a property on ``n * TIMES`` examples."""
    return settings(max_examples=int(n * TIMES))


def draw_few(monkeypatch):
    """Let searches give up early, so that targets that hardly anything meets take no time."""
    monkeypatch.setattr(repair, "MAX_SAMPLES", 2048)
    monkeypatch.setattr(repair, "MAX_REDRAWS", 20)


class OwnSpace(DesignSpace):
    """A user's space: its dict has the values of its genes by name."""

    def to_ofa(self, row):
        return self.values(row)

    def from_ofa(self, arch):
        return self.row(arch)


def seeds():
    return st.integers(0, 2**32 - 1)


@st.composite
def own_spaces(draw):
    """Draw up to 6 genes of up to 4 choices: some own others, some have choices that build one network."""
    n_roots, n_owned = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    sizes = draw(st.lists(st.integers(1, 4), min_size=n_roots + n_owned, max_size=n_roots + n_owned))
    owners = [None] * n_roots + [draw(st.integers(0, n_roots - 1)) for _ in range(n_owned)]
    genes = []
    for i, (size, owner) in enumerate(zip(sizes, owners, strict=True)):
        merges = i not in owners and draw(st.booleans())  # whoever owns others decides by each of its choices
        same_as = tuple(_standing(draw, size)) if merges else None
        active_from = 0 if owner is None else draw(st.integers(0, sizes[owner]))
        of = None if owner is None else f"g{owner}"
        genes.append(
            Gene(f"g{i}", tuple(range(1, size + 1)), f"group{draw(st.integers(0, 3))}", of, active_from, same_as)
        )
    return OwnSpace("own", genes)


def _standing(draw, size):
    """Let each choice stand for itself, or an earlier one that does stand for it."""
    standing = []
    for choice in range(size):
        standing.append(draw(st.sampled_from([*dict.fromkeys(standing), choice])))
    return standing


def named_spaces():
    return st.sampled_from(NAMED)


def spaces():
    return named_spaces() | own_spaces()


def everything(space):
    """Return all rows of a small space, also those that are not canonical."""
    return np.indices(space.cardinality).reshape(space.n_genes, -1).T.astype(np.int8)


@st.composite
def terms_of(draw, space, values=POSITIVE):
    """Draw summands of up to three genes each, that neighbours share; some serve several places of one shape."""
    made = []
    for _ in range(draw(st.integers(1, 3) | st.integers(8, 12))):  # the loops add eight at a time
        place = draw(st.lists(st.sampled_from(space.gene_names), min_size=1, max_size=3, unique=True))
        shape = tuple(len(space.genes[space.index[name]].choices) for name in place)
        alike = [(gene.name,) for gene in space.genes if (len(gene.choices),) == shape and gene.name not in place]
        places = [tuple(place), *(alike if draw(st.booleans()) else [])]
        made.append(Term(tuple(places), draw(hnp.arrays(np.float64, shape, elements=values))))
    return made


@st.composite
def tables(draw, values=POSITIVE):
    """Draw a table of a space of its own."""
    space = draw(own_spaces())
    return CostTable(space, draw(terms_of(space, values)), **HEAD)


@st.composite
def problems(draw, named=True):
    """Draw a space with what its architectures cost and are worth."""
    if named and draw(st.booleans()):
        space = draw(named_spaces())
        return Problem(space, ToyPredictor(space, draw(st.integers(0, 9))), TABLES[space.name])
    table = draw(tables())
    return Problem(table.space, network(table.space, draw(seeds())), table)


def network(space, seed=0):
    """Return a perceptron of random weights, small enough for any space."""
    rng, columns = np.random.default_rng(seed), one_hot_columns(space)
    widths = [1 + max(places[-1] for places in columns.values()), 16, 8, 1]
    layers = [(_weights(rng, shape), _weights(rng, shape[1:])) for shape in pairwise(widths)]
    return OneHotMLP(space, columns, layers, name="random", sha256="0" * 64)


def _weights(rng, shape):
    return rng.normal(scale=0.3, size=shape).astype(np.float32)


def plain(problem):
    """Return the same problem without compiled loops."""
    made = Problem(problem.space, problem.predictor, problem.cost)
    vars(made)["kernels"] = None
    return made


@st.composite
def targets_of(draw, cost, most=8):
    """Draw targets in any order: doubled, infeasible, above the maximum, and at or just below what something costs."""
    low, high = cost.minimum, cost.maximum
    some = cost.cost(cost.space.sample(4, np.random.default_rng(0)))
    edges = [
        *some,
        *np.nextafter(some, 0),
        low,
        high,
        np.nextafter(low, 0),
        np.nextafter(low, np.inf),
        low / 2,
        3 * high,
    ]
    inside = st.floats(0, 1).map(lambda share: low + share * (high - low))
    one = (st.sampled_from(edges) | inside).map(float).filter(lambda value: value > 0)
    few = draw(st.lists(one, min_size=1, max_size=most))
    return tuple(few + draw(st.lists(st.sampled_from(few), max_size=2)))
