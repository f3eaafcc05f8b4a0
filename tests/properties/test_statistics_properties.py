"""Comparing two strategies in the other order gives the opposite result."""

import numpy as np
import pytest
from arbitrary import examples, seeds
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ofa_bench.analysis.statistics import paired, time_ratios

OPPOSITE = {"better": "worse", "worse": "better"}


@st.composite
def rows(draw, elements):
    n = draw(st.integers(0, 9))
    return {name: draw(hnp.arrays(np.float64, n, elements=elements)) for name in ("a", "b")}


def accuracies():
    return rows(st.floats(60, 90) | st.sampled_from([75.0, 75.1, np.nan]))


@examples(100)
@given(accuracies())
def test_a_difference_is_the_opposite_from_the_other_side(values):
    (there,), (back,) = paired(values, "a"), paired(values, "b")
    assert there.n == back.n == np.count_nonzero(np.isfinite(values["a"] + values["b"]))
    if there.difference is None:
        assert back.difference is None
        return
    assert there.difference == pytest.approx(-back.difference, abs=1e-12)
    assert there.p == pytest.approx(back.p)
    assert there.p_equivalent == pytest.approx(back.p_equivalent)
    if there.interval:
        low, high = there.interval
        assert low <= there.difference <= high
        assert (-high, -low) == pytest.approx(back.interval, abs=1e-12)
    if there.verdict not in ("no loss", "not distinguished"):
        assert back.verdict == OPPOSITE.get(there.verdict, there.verdict)
    for p in (there.p, there.p_holm, there.p_wilcoxon, there.p_equivalent_holm, there.p_no_loss_holm):
        assert p is None or 0 <= p <= 1


@examples(40)
@given(accuracies(), st.floats(-5, 5), seeds())
def test_what_all_share_and_their_order_do_not_matter(values, shift, seed):
    order = np.random.default_rng(seed).permutation(len(values["a"]))
    (before,) = paired(values, "a")
    (after,) = paired({name: row[order] + shift for name, row in values.items()}, "a")
    assert after.n == before.n
    assert after.difference == pytest.approx(before.difference, abs=1e-8)


@examples(25)
@given(rows(st.floats(1e-3, 1e3) | st.sampled_from([0.0, np.nan, np.inf])))
def test_ratios_invert(seconds):
    (there,), (back,) = time_ratios(seconds, "a"), time_ratios(seconds, "b")
    assert there.n == back.n
    assert (there.ratio is None) == (there.n == 0)
    if there.n % 2:  # the median of an even number lies between two
        assert there.ratio == pytest.approx(1 / back.ratio)
    if there.interval:
        assert 0 < there.interval[0] <= there.interval[1]
        usable = [b / a for a, b in zip(seconds["a"], seconds["b"], strict=True) if 0 < a < np.inf and 0 < b < np.inf]
        assert min(usable) * (1 - 1e-9) <= there.interval[0]
        assert there.interval[1] <= max(usable) * (1 + 1e-9)
