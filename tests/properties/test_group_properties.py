"""The lowest highest level on several devices is that of all architectures, and levels meet costs exactly."""

import numpy as np
import pytest
from arbitrary import HEAD, POSITIVE, everything, examples, own_spaces, terms_of
from hypothesis import given
from hypothesis import strategies as st

from ofa_bench.devices import levels
from ofa_bench.devices.group import MeanCost, WorstCost
from ofa_bench.devices.joint_minimum import TOLERANCE
from ofa_bench.devices.levels import Leveled
from ofa_bench.predictors import CostTable
from ofa_bench.search.kernels import Kernels

WHOLE = st.integers(0, 50).map(float)


@st.composite
def groups(draw, values):
    """Draw two to four tables of one space with one to three levels each: costs of architectures, or anything."""
    space, n = draw(own_spaces()), draw(st.integers(1, 3))
    found = []
    for _ in range(draw(st.integers(2, 4))):
        table = CostTable(space, draw(terms_of(space, values)), **HEAD)
        costs = np.unique(table.cost(everything(space)))
        some = st.sampled_from(costs[costs > 0].tolist() or [1.0]) | st.floats(1e-2, 1e3)
        found.append(Leveled(table, tuple(sorted(draw(st.sets(some, min_size=n, max_size=n))))))
    return space, found


@pytest.mark.parametrize("most", [levels.MAX_ENUMERATED, 0], ids=["enumerated", "solved"])
@pytest.mark.parametrize("values", [WHOLE, POSITIVE], ids=["whole", "any"])
@examples(60)
@given(data=st.data())
def test_the_worst_case_has_the_extremes_of_all_architectures(most, values, data):
    space, devices = data.draw(groups(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "MAX_ENUMERATED", most)
        worst = WorstCost(space, devices)
    rows = everything(space)
    costs = worst.cost(rows)
    for row, extreme in ((worst.cheapest, worst.minimum), (worst.dearest, worst.maximum)):
        assert space.contains(row[None]).all()
        assert worst.cost(row[None])[0] == extreme
    assert worst.maximum == costs.max()
    assert worst.minimum >= costs.min()
    assert not worst.proven or worst.minimum == pytest.approx(costs.min(), rel=2 * TOLERANCE, abs=2 * TOLERANCE)
    if values is WHOLE and min(min(one.levels) for one in devices) >= 1:
        assert worst.minimum == pytest.approx(costs.min(), rel=2 * TOLERANCE, abs=2 * TOLERANCE)


@examples(60)
@given(groups(POSITIVE))
def test_level_k_is_met_where_its_cost_is_met_on_every_device(group):
    space, devices = group
    rows, worst = everything(space)[:2000], WorstCost(space, devices)
    costs = worst.cost(rows)
    for k in range(1, len(devices[0].levels) + 1):
        meets = np.all([one.cost.cost(rows) <= one.levels[k - 1] for one in devices], axis=0)
        assert ((costs <= k) == meets).all()
    for one in devices:
        edges = np.array(one.levels)
        assert one.level(edges).tolist() == list(range(1, len(edges) + 1))
        assert (one.level(np.nextafter(edges, 0)) <= one.level(edges)).all()
        assert (one.level(np.nextafter(edges, np.inf)) > one.level(edges)).all()
        assert one.level(np.array([0.0, 3 * edges[-1]])) == pytest.approx([0, 3 * len(edges)])


@examples(60)
@given(groups(POSITIVE))
def test_the_mean_is_an_exact_table(group):
    space, devices = group
    rows, mean = everything(space), MeanCost(space, devices)
    wanted = np.mean([one.cost.cost(rows) / np.mean(one.levels) for one in devices], axis=0)
    assert mean.cost(rows) == pytest.approx(wanted, rel=1e-9)
    assert mean.minimum == pytest.approx(wanted.min(), rel=1e-9)
    assert mean.maximum == pytest.approx(wanted.max(), rel=1e-9)
    assert len(mean.targets) == len(devices[0].levels)
    assert Kernels.of(space, mean) is not None
