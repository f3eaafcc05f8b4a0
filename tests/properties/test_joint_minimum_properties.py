"""The extremes within limits are those of all architectures that meet the limits."""

import math

import numpy as np
import pytest
from arbitrary import HEAD, POSITIVE, everything, examples, own_spaces, terms_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.devices import joint_minimum
from ofa_bench.devices.joint_minimum import TOLERANCE, cheapest_within, dearest_within
from ofa_bench.predictors import CostTable

WHOLE = st.integers(0, 50).map(float)
"""Few whole numbers: many architectures cost the same, and many cost just as much as a limit."""


@st.composite
def questions(draw, values):
    """Draw up to four tables of one space, and limits on all but the first that are costs of architectures or near."""
    space = draw(own_spaces())
    tables = [CostTable(space, draw(terms_of(space, values)), **HEAD) for _ in range(draw(st.integers(2, 4)))]
    limits = []
    for table in tables[1:]:
        costs = np.unique(table.cost(everything(space)))
        limit = float(costs[draw(st.integers(0, len(costs) - 1))])
        limits.append((table, draw(st.sampled_from([limit, limit, limit + 0.5, 1.01 * limit, math.inf]))))
    return tables[0], limits


def by_hand(cost, limits, extreme):
    rows = everything(cost.space)
    meets = np.all([model.cost(rows) <= limit for model, limit in limits], axis=0)
    return extreme(cost.cost(rows[meets])) if meets.any() else None


def check(answer, cost, limits, wanted):
    if wanted is None:
        assert answer.genes is None
        return
    assert answer.genes is not None
    row = answer.genes[None]
    assert (cost.space.canonical(row) == row).all()
    assert cost.cost(row)[0] == answer.cost
    assert all(model.cost(row)[0] <= limit for model, limit in limits)


@pytest.mark.parametrize("most", [joint_minimum.MAX_ENUMERATED, 0], ids=["enumerated", "solved"])
@pytest.mark.parametrize(("within", "extreme"), [(cheapest_within, np.min), (dearest_within, np.max)])
@examples(100)
@given(questions(WHOLE))
def test_the_extreme_of_whole_numbers_is_exact_and_proven(most, within, extreme, question):
    cost, limits = question
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint_minimum, "MAX_ENUMERATED", most)
        answer = within(cost, limits)
    wanted = by_hand(cost, limits, extreme)
    check(answer, cost, limits, wanted)
    assert answer.proven
    if wanted is not None:
        assert answer.cost == wanted
        assert answer.bound == pytest.approx(wanted, rel=TOLERANCE)


@examples(100)
@given(questions(POSITIVE))
def test_what_is_proven_of_any_numbers_is_true(question):
    cost, limits = question
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint_minimum, "MAX_ENUMERATED", 0)
        answer = cheapest_within(cost, limits)
    wanted = by_hand(cost, limits, np.min)
    check(answer, cost, limits, wanted)
    if wanted is not None:
        assert answer.bound <= wanted * (1 + TOLERANCE)
        assert answer.proven == (answer.cost - answer.bound <= TOLERANCE * answer.cost)
        assert not answer.proven or answer.cost == pytest.approx(wanted, rel=2 * TOLERANCE)
