import math

import numpy as np
import pytest
from own_space import ChainSpace
from tiny import TinySpace

from ofa_bench.devices import joint_minimum, knapsack
from ofa_bench.devices.cost import CostModel, CostTable, Term
from ofa_bench.devices.joint_minimum import TOLERANCE, cheapest_within, dearest_within
from ofa_bench.devices.knapsack import minimise_within
from ofa_bench.devices.tables import latency_table
from ofa_bench.spaces import (
    CompoundSpace,
    Gene,
    ListedSpace,
    MobileNetV3Space,
    NASBenchMacroSpace,
    ProxylessNASSpace,
    ResNet50DSpace,
)
from ofa_bench.spaces.enumeration import change_each, single_changes


class Model(CostModel):
    """A cost model that is no table: the costs of one, times its own factor."""

    def __init__(self, table):
        self.table, self.name, self.unit, self.sha256, self.card = table, "model", "s", "1" * 64, {}
        self.cheapest, self.dearest = table.cheapest, table.dearest
        self.minimum, self.maximum = table.minimum / 1000, table.maximum / 1000

    def cost(self, genes):
        return self.table.cost(genes) / 1000


def tiny_table(space, *values):
    terms = [Term(((gene.name,),), np.array(entries, float)) for gene, entries in zip(space.genes, values, strict=True)]
    return CostTable(space, terms, name="tiny", unit="ms", sha256="", card={})


def many_genes(n=14, choices=3):
    return TinySpace([Gene(f"g{i}", tuple(range(choices)), f"g{i}") for i in range(n)])


@pytest.mark.parametrize(
    ("space", "device", "others"),
    [
        (MobileNetV3Space(), "note10", ["macs", "cpu_onnx"]),
        (ResNet50DSpace(), "cpu_onnx", ["macs"]),
        (ProxylessNASSpace(), "macs", ["cpu_onnx"]),
        (CompoundSpace("elastic"), "i7_8700k", ["note10", "macs"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_dearest_network_within_limits_of_the_shipped_tables_is_proven(space, device, others):
    cost, tables = latency_table(space, device), [latency_table(space, other) for other in others]
    rows = space.sample(3000, np.random.default_rng(1))
    limits = [(table, float(np.quantile(table.cost(rows), 0.3))) for table in tables]
    found = dearest_within(cost, limits)
    assert found.proven
    assert found.genes is not None
    assert found.genes.dtype == np.int8
    assert all(table.cost(found.genes[None])[0] <= limit for table, limit in limits)
    assert found.cost == cost.cost(found.genes[None])[0]
    assert found.cost <= found.bound <= found.cost * (1 + TOLERANCE)
    changed = np.concatenate([rows, change_each(found.genes[None], *single_changes(space))[0]])
    meets = np.all([table.cost(changed) <= limit for table, limit in limits], axis=0)
    assert meets.sum() > 10
    assert cost.cost(changed[meets]).max() <= found.cost
    again = dearest_within(cost, limits)
    assert (again.genes == found.genes).all()
    assert (again.cost, again.bound) == (found.cost, found.bound)


def test_the_cheapest_of_all_is_the_answer_if_it_meets_the_limits(monkeypatch):
    monkeypatch.setattr(joint_minimum, "minimise_within", None)
    space = MobileNetV3Space()
    note10, macs = latency_table(space, "note10"), latency_table(space, "macs")
    found = cheapest_within(note10, [(macs, 300.0), (note10, math.inf)])
    assert (found.cost, found.bound, found.proven) == (note10.minimum, note10.minimum, True)
    assert (found.genes == note10.cheapest).all()
    none = cheapest_within(note10, [(macs, 0.99 * macs.minimum)])
    assert (none.genes, none.cost, none.bound, none.proven) == (None, math.inf, math.inf, True)
    none = dearest_within(note10, [(macs, 0.99 * macs.minimum)])
    assert (none.genes, none.cost, none.bound, none.proven) == (None, -math.inf, -math.inf, True)


def test_limits_that_only_contradict_each_other_are_proven_to():
    space = many_genes()
    first = tiny_table(space, *[[1, 2, 3]] * 14)
    second = tiny_table(space, *[[3, 2, 1]] * 14)
    assert cheapest_within(first, [(second, 28.0)]).cost == 28
    assert cheapest_within(first, [(first, 28.0), (second, 28.0)]).proven
    none = cheapest_within(first, [(first, 27.0), (second, 28.0)])
    assert (none.genes, none.proven) == (None, True)


def test_an_architecture_that_misses_a_limit_by_a_hair_is_no_answer(monkeypatch):
    monkeypatch.setattr(joint_minimum, "search_answer", None)
    space = many_genes(10)
    rng = np.random.default_rng(0)
    cost, limit = (tiny_table(space, *rng.random((10, 3))) for _ in range(2))
    rows = np.indices(space.cardinality).reshape(10, -1).T.astype(np.int8)
    costs, limited = cost.cost(rows), limit.cost(rows)
    assert len(rows) > joint_minimum.MAX_ENUMERATED
    optimum = costs[limited <= limit.minimum * 1.5].argmin()
    edge = limited[limited <= limit.minimum * 1.5][optimum]
    at_edge = cheapest_within(cost, [(limit, edge)])
    assert at_edge.proven
    assert limit.cost(at_edge.genes[None])[0] == edge
    below = cheapest_within(cost, [(limit, np.nextafter(edge, 0))])
    assert below.cost == costs[limited < edge].min() > at_edge.cost
    assert limit.cost(below.genes[None])[0] < edge
    assert below.bound <= below.cost


def test_a_limit_of_zero_is_met():
    space = many_genes()
    cost, limit = tiny_table(space, *[[1, 2, 3]] * 14), tiny_table(space, *[[5, 0, 0]] * 14)
    assert cheapest_within(cost, [(limit, 0.0)]).cost == 28


def test_listed_architectures_are_all_looked_at():
    space = NASBenchMacroSpace()
    listed = ListedSpace(space, space.sample(40, np.random.default_rng(0)))
    cpu, macs = (latency_table(space, device).among(listed.rows) for device in ("cpu_onnx", "macs"))
    limit = float(np.sort(macs.cost(listed.rows))[5])
    rows = listed.rows[macs.cost(listed.rows) <= limit]
    found = dearest_within(cpu, [(macs, limit)], listed)
    assert (found.cost, found.proven) == (cpu.cost(rows).max(), True)
    assert listed.contains(found.genes[None]).all()
    assert cheapest_within(cpu, [(macs, macs.minimum - 1)], listed).genes is None


def test_other_cost_models_are_searched():
    space = MobileNetV3Space()
    note10, macs = latency_table(space, "note10"), latency_table(space, "macs")
    exact = dearest_within(note10, [(macs, 250.0)])
    found = dearest_within(note10, [(Model(macs), 0.25)])
    assert macs.cost(found.genes[None])[0] <= 250
    assert (space.canonical(found.genes[None]) == found.genes).all()
    assert not found.proven
    assert found.bound == note10.maximum
    rows = space.sample(joint_minimum.SAMPLES, np.random.default_rng(0))
    assert note10.cost(rows[macs.cost(rows) <= 250]).max() < found.cost <= exact.cost * (1 + TOLERANCE)
    none = cheapest_within(Model(note10), [(Model(macs), 1.0001 * macs.minimum / 1000), (macs, 1e9)], space)
    assert none.genes is None or macs.cost(none.genes[None])[0] <= 1.0001 * macs.minimum
    with pytest.raises(ValueError, match="not a table: give the space"):
        cheapest_within(Model(note10), [(macs, 250.0)])


def test_small_spaces_are_enumerated_for_any_cost_model():
    space = ChainSpace()
    terms = [Term((("r", "w0"),), np.arange(8.0).reshape(2, 4)), Term((("w1",), ("w2",)), np.array([3.0, 1, 2, 5]))]
    table = CostTable(space, terms, name="chain", unit="ms", sha256="", card={})
    other = CostTable(space, [Term((("depth",),), np.array([3.0, 1, 2]))], name="few", unit="", sha256="", card={})
    found = cheapest_within(Model(table), [(Model(other), 0.001)], space)
    assert (found.cost, found.bound, found.proven) == (0.001, 0.001, True)  # depth 2: w1 at its cheapest
    assert space.values(found.genes)["depth"] == 2
    assert dearest_within(Model(table), [(Model(other), 0.002)], space).cost == pytest.approx(0.017)


def test_what_is_not_proven_in_time_is_bounded(monkeypatch):
    space = many_genes(30, 4)
    rng = np.random.default_rng(1)
    cost, *others = (tiny_table(space, *rng.random((30, 4))) for _ in range(4))
    limits = [(other, 0.75 * (other.minimum + other.maximum) / 2) for other in others]
    exact = cheapest_within(cost, limits)
    assert exact.proven
    monkeypatch.setattr(knapsack, "MAX_NODES", 1)
    cut = cheapest_within(cost, limits)
    assert not cut.proven
    assert cost.minimum < cut.bound < exact.cost <= cut.cost
    assert all(other.cost(cut.genes[None])[0] <= limit for other, limit in limits)
    monkeypatch.setattr(knapsack, "MAX_CHOICES", 119)
    assert minimise_within([cost.factors], [], space.cardinality).bound == -math.inf
    sampled = cheapest_within(cost, limits)
    assert (sampled.proven, sampled.bound) == (False, cost.minimum)
