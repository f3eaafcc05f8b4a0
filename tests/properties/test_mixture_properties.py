"""Mixtures of tables cost the weighted sum of what their parts cost, whatever genes the terms of each have."""

import numpy as np
import pytest
from arbitrary import HEAD, everything, examples, own_spaces, terms_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.devices.synthetic import mix
from ofa_bench.predictors import CostTable


@st.composite
def several_tables(draw):
    space = draw(own_spaces())
    terms = draw(st.lists(terms_of(space), min_size=1, max_size=3))
    weights = draw(st.lists(st.floats(0, 10), min_size=len(terms), max_size=len(terms)))
    return space, [CostTable(space, one, **HEAD) for one in terms], weights


@examples(80)
@given(several_tables())
def test_a_mixture_costs_the_weighted_sum(case):
    space, tables, weights = case
    rows = everything(space)[:500]
    mixed = CostTable(space, mix(tables, weights), **HEAD)
    wanted = sum(weight * table.cost(rows) for weight, table in zip(weights, tables, strict=True))
    assert mixed.cost(rows) == pytest.approx(wanted, rel=1e-12, abs=1e-300)
    scopes = {tuple(sorted(scope)) for table in tables for scope, _ in table.factors}
    assert len(mixed.factors) == len(scopes)


@examples(40)
@given(several_tables())
def test_a_table_mixed_with_itself_is_itself(case):
    space, tables, _ = case
    rows = everything(space)[:500]
    halves = CostTable(space, mix([tables[0], tables[0]], [0.5, 0.5]), **HEAD)
    assert halves.cost(rows) == pytest.approx(tables[0].cost(rows), rel=1e-12)
    assert np.isclose(halves.minimum, tables[0].minimum, rtol=1e-12)
