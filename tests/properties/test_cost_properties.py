"""Tables are plain sums with exact extremes, however genes depend on each other."""

import json
import math

import numpy as np
import pytest
from arbitrary import HEAD, NAMED, POSITIVE, TABLES, everything, examples, own_spaces, seeds, tables, terms_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.devices.elimination import minimise
from ofa_bench.devices.tables import write_table
from ofa_bench.predictors import CostTable, latency_table
from ofa_bench.spaces import CompoundSpace
from ofa_bench.spaces.enumeration import architectures

WHOLE = st.integers(0, 1000).map(float)
"""Sums of whole numbers are exact in any order."""

FINITE = st.floats(0, 1e300)


def by_hand(space, terms, row):
    """Sum the entries of one architecture, gene by gene."""
    active, total = space.active(row[None])[0], []
    for term in terms:
        for place in term.places:
            genes = [space.index[name] for name in place]
            if active[genes].all():
                total.append(term.values[tuple(space.genes[gene].distinct[row[gene]] for gene in genes)])
    return math.fsum(total)


@st.composite
def with_terms(draw, values):
    space = draw(own_spaces())
    terms = draw(terms_of(space, values))
    return space, terms, CostTable(space, terms, **HEAD)


@examples(80)
@given(with_terms(FINITE))
def test_a_cost_is_the_sum_of_the_entries_of_active_genes(case):
    space, terms, table = case
    rows = everything(space)[:400]
    assert table.cost(rows) == pytest.approx([by_hand(space, terms, row) for row in rows], rel=1e-12, abs=0)


@examples(80)
@given(with_terms(WHOLE))
def test_extremes_are_those_of_all_architectures(case):
    space, _, table = case
    costs = table.cost(everything(space))
    assert (table.minimum, table.maximum) == (costs.min(), costs.max())
    for row, extreme in ((table.cheapest, table.minimum), (table.dearest, table.maximum)):
        assert space.contains(row[None]).all()
        assert (space.canonical(row[None]) == row).all()
        assert table.cost(row[None])[0] == extreme


@examples(80)
@given(tables(FINITE))
def test_extremes_of_any_floats_are_exact_but_for_rounding(table):
    costs = table.cost(everything(table.space))
    assert table.minimum == pytest.approx(costs.min(), rel=1e-14, abs=0)
    assert table.maximum == pytest.approx(costs.max(), rel=1e-14, abs=0)


@pytest.mark.parametrize("device", ["macs", "note10", "cpu_onnx"])
def test_extremes_of_compofa_are_those_of_all_architectures(device):
    space = CompoundSpace()
    table = latency_table(space, device)
    costs = np.concatenate([table.cost(block) for block in architectures(space, 500)])
    assert (table.minimum, table.maximum) == (costs.min(), costs.max())


@examples(60)
@given(seeds(), st.integers(2, 6))
def test_the_least_sum_of_neighbours_is_found(seed, n):
    rng = np.random.default_rng(seed)
    cardinality = rng.integers(1, 5, size=n).astype(np.int8)
    scopes = [tuple(rng.permutation(n)[: rng.integers(1, 4)].tolist()) for _ in range(rng.integers(1, 2 * n))]
    factors = [(scope, rng.integers(-9, 10, size=cardinality[list(scope)]).astype(float)) for scope in scopes]
    rows = np.indices(cardinality).reshape(n, -1).T
    sums = sum(values[tuple(rows[:, list(scope)].T)] for scope, values in factors)
    best = minimise(factors, cardinality)
    assert sum(values[tuple(best[list(scope)])] for scope, values in factors) == sums.min()


@examples(60)
@given(tables(), st.floats(1, 100))
def test_a_guard_raises_every_cost_alike(table, band):
    rows = everything(table.space)[:500]
    guarded = CostTable.guarded(_carded(table, band))
    assert guarded.cost(rows) == pytest.approx(band * table.cost(rows), rel=1e-12)
    assert guarded.minimum == pytest.approx(band * table.minimum, rel=1e-12)
    assert guarded.maximum == pytest.approx(band * table.maximum, rel=1e-12)
    doubled = CostTable.guarded(_carded(table, 2.0))
    assert (doubled.cost(rows) == 2 * table.cost(rows)).all()
    assert (doubled.cheapest == table.cheapest).all()


def _carded(table, band):
    made = table._scaled(np.ones(len(table._terms)))
    made.card = {"guard_band": band}
    return made


@examples(60)
@given(with_terms(POSITIVE), st.integers(0, 3), st.floats(1, 10))
def test_no_architecture_gets_cheaper_where_an_entry_rises(case, which, factor):
    space, terms, table = case
    term = terms[which % len(terms)]
    raised = term.values.copy()
    raised.flat[0] *= factor
    more = [*(one for one in terms if one is not term), type(term)(term.places, raised)]
    other, rows = CostTable(space, more, **HEAD), everything(space)[:500]
    assert (other.cost(rows) >= table.cost(rows) * (1 - 1e-12)).all()
    assert other.minimum >= table.minimum * (1 - 1e-12)


@examples(30)
@given(with_terms(FINITE), st.lists(POSITIVE, max_size=4))
def test_a_table_goes_through_its_file(tmp_path_factory, case, targets):
    space, terms, table = case
    path = tmp_path_factory.mktemp("table") / "own.json"
    card = {**HEAD["card"], "machine": "Zürich ☃"}
    write_table(path, terms, space="own", device="own", unit="ms", card=card, targets=targets)
    again = latency_table(space, str(path))
    rows = everything(space)[:500]
    assert again.cost(rows).tobytes() == table.cost(rows).tobytes()
    assert (again.minimum, again.maximum) == (table.minimum, table.maximum)
    assert (again.name, again.unit, again.card, list(again.targets)) == ("own", "ms", card, targets)
    json.loads(path.read_text(), parse_constant=pytest.fail)


@examples(25)
@given(st.sampled_from([space for space in NAMED if not space.name.startswith("compofa")]), seeds())
def test_no_random_architecture_lies_beyond_the_extremes(space, seed):
    rng = np.random.default_rng(seed)
    table = TABLES[space.name].rescaled(rng)
    near = np.repeat(np.stack([table.cheapest, table.dearest]), space.n_genes, axis=0)
    gene = np.tile(np.arange(space.n_genes), 2)
    near[np.arange(len(near)), gene] = space.sample(len(near), rng)[np.arange(len(near)), gene]
    costs = table.cost(np.concatenate([space.sample(200, rng), near]))
    assert costs.min() >= table.minimum * (1 - 1e-12)
    assert costs.max() <= table.maximum * (1 + 1e-12)
