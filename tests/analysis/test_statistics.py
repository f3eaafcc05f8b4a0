import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from ofa_bench.analysis.statistics import ALPHA, paired, time_ratios
from ofa_bench.errors import InputError

# Student's ten patients (1908): hours of sleep gained with two drugs.
SLEEP = {
    "first": np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
    "second": np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
}

P_VALUES = ("p", "p_holm", "p_wilcoxon", "p_equivalent", "p_equivalent_holm", "p_no_loss", "p_no_loss_holm")


@pytest.fixture(autouse=True)
def _silent():
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        yield


def noisy(seed=0, repeats=10, **shifts):
    """Paired values near 75: repeats differ far more than strategies."""
    rng = np.random.default_rng(seed)
    common = rng.normal(75, 1, repeats)
    return {name: common + shift + rng.normal(0, 0.05, repeats) for name, shift in shifts.items()}


def test_students_sleep():
    (found,) = paired(SLEEP, "second")
    assert (found.name, found.reference, found.n) == ("first", "second", 10)
    assert found.difference == pytest.approx(-1.58)
    assert found.p == pytest.approx(0.002833, abs=1e-6)  # as R's t.test(paired=TRUE) has it
    assert found.interval == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    # d_z = t / sqrt(n); the correction for 9 degrees of freedom is in Hedges's table
    assert found.effect == pytest.approx(-4.0621 / math.sqrt(10) * 0.9139, abs=2e-4)
    assert found.p_holm == found.p
    assert found.verdict == "worse"


def test_wilcoxon_is_the_share_of_signs_as_extreme():
    values = noisy(repeats=8, a=0.03, b=0)
    (found,) = paired(values, "b")
    difference = values["a"] - values["b"]
    ranks = stats.rankdata(np.abs(difference))
    sums = [np.dot(ranks, signs) for signs in itertools.product((-1, 1), repeat=8)]
    assert found.p_wilcoxon == pytest.approx(np.mean(np.abs(sums) >= abs(np.dot(ranks, np.sign(difference)))))


@pytest.mark.parametrize("zero_method", ["pratt", "zsplit"])
def test_wilcoxon_leaves_out_zero_differences(zero_method):
    gains = np.array([0.0, 0.0, 0.0, -0.02, -0.03, 0.05, 0.08, 0.11, 0.13, 0.17])
    (found,) = paired({"a": 75 + gains, "b": np.full(10, 75.0)}, "b")
    # Ranks 1 and 2 of seven are negative. Five of 128 ways have a sum of at most 3: none, 1, 2, 3, and 1 with 2.
    assert found.p_wilcoxon == pytest.approx(2 * 5 / 128)
    assert abs(stats.wilcoxon(gains, zero_method=zero_method).pvalue - found.p_wilcoxon) > 0.01


def test_wilcoxon_without_the_zeros_is_exact_for_many_pairs_too():
    gains = np.r_[np.zeros(10), np.arange(1, 19) * (-1) ** (np.arange(18) % 4 == 0) / 100]
    (found,) = paired({"a": 75 + gains, "b": np.full(28, 75.0)}, "b")
    ways = np.zeros(172)  # of signs, by the sum of positive ranks
    ways[0] = 1
    for rank in range(1, 19):
        ways[rank:] += ways[:-rank].copy()
    positive = sum(rank for rank in range(1, 19) if rank % 4 != 1)
    assert found.p_wilcoxon == pytest.approx(2 * ways[positive:].sum() / 2**18)


@pytest.mark.parametrize("repeats", [2, 3, 5, 6])
def test_wilcoxon_of_tied_differences_is_below_the_level_from_six_pairs_on(repeats):
    (found,) = paired({"a": np.full(repeats, 75.5), "b": np.full(repeats, 75.0)}, "b")
    assert found.p_wilcoxon == pytest.approx(2 / 2**repeats)


def test_tests_and_interval_are_those_of_other_libraries():
    for seed in range(20):
        values = noisy(seed, repeats=2 + seed, a=seed / 100, b=0)
        (found,) = paired(values, "b")
        p_equivalent, (_, p_no_loss, _), _ = ttost_paired(values["a"], values["b"], -0.1, 0.1)
        one = stats.ttest_rel(values["a"], values["b"])
        assert (found.p, found.p_equivalent, found.p_no_loss) == pytest.approx((one.pvalue, p_equivalent, p_no_loss))
        assert found.interval == pytest.approx(tuple(one.confidence_interval(1 - ALPHA)))


@pytest.mark.parametrize("shift", [-0.12, -0.06, 0.0, 0.03, 0.09, 0.3])
def test_one_sided_tests_agree_with_the_bounds_of_the_90_percent_interval(shift):
    for seed in range(10):
        values = noisy(seed, a=shift, b=0)
        (found,) = paired(values, "b")
        low, high = stats.ttest_rel(values["a"], values["b"]).confidence_interval(1 - 2 * ALPHA)
        assert (found.p_no_loss < ALPHA) == (low > -0.1)
        assert (found.p_equivalent < ALPHA) == (low > -0.1 and high < 0.1)


def test_equal_strategies_are_equivalent_and_a_loss_of_two_margins_is_not():
    equal = [paired(noisy(seed, a=0, b=0), "b")[0] for seed in range(100)]
    assert sum(one.verdict == "equivalent" for one in equal) >= 95
    assert sum(one.p_no_loss < ALPHA for one in equal) >= 95
    lost = [paired(noisy(seed, a=-0.2, b=0), "b")[0] for seed in range(100)]
    assert all(one.p_equivalent > 0.5 and one.p_no_loss > 0.5 for one in lost)
    assert all(one.verdict == "worse" for one in lost)


def test_a_loss_of_the_margin_is_taken_for_equivalence_at_most_at_the_level():
    edge = [paired(noisy(seed, a=-0.1, b=0), "b")[0] for seed in range(250)]
    for p in ("p_equivalent", "p_no_loss"):
        assert 0.02 < np.mean([getattr(one, p) < ALPHA for one in edge]) < 0.09


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.4, "better"), (-0.4, "worse"), (0.0, "equivalent"), (0.11, "not distinguished")]
)
def test_verdict(shift, verdict):
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.05 if verdict != "not distinguished" else 0.3, 12)
    (found,) = paired({"a": 75 + shift + noise - noise.mean(), "b": np.full(12, 75.0)}, "b")
    assert found.verdict == verdict


def test_a_significant_difference_within_the_margin_is_equivalent():
    (found,) = paired(noisy(repeats=200, a=0.03, b=0), "b")
    assert found.p < ALPHA
    assert found.verdict == "equivalent"
    (strict,) = paired(noisy(repeats=200, a=0.03, b=0), "b", margin=0.001)
    assert strict.verdict == "better"


def test_holm_multiplies_by_what_is_left_and_never_falls():
    found = paired(noisy(a=0.01, b=0, c=0.05, d=-0.08, e=0.02), "b")
    for name in ("p", "p_equivalent", "p_no_loss"):
        raw = np.array([getattr(one, name) for one in found])
        corrected = np.array([getattr(one, name + "_holm") for one in found])
        order = np.argsort(raw)
        by_hand = np.minimum(1, np.maximum.accumulate(raw[order] * np.arange(4, 0, -1)))
        assert corrected[order] == pytest.approx(by_hand)
        assert corrected == pytest.approx(multipletests(raw, method="holm")[1])
        assert (corrected >= raw).all()
        assert (np.diff(corrected[order]) >= 0).all()


def test_holm_does_not_count_what_was_not_tested():
    values = noisy(a=0.02, b=0)
    (alone,) = paired(values, "b")
    beside, same = paired({**values, "same": values["b"]}, "b")
    assert beside == alone
    assert same.p_holm is None


def test_the_verdict_is_by_the_corrected_p():
    values = noisy(repeats=6, a=0.06, b=0)
    (alone,) = paired(values, "b", margin=0.02)
    assert alone.p < ALPHA < 20 * alone.p
    assert alone.verdict == "better"
    many = {f"other {i}": noisy(i + 100, repeats=6, x=0)["x"] for i in range(20)}
    assert paired({**values, **many}, "b", margin=0.02)[0].verdict == "not distinguished"


def test_equivalence_is_by_the_corrected_p():
    gains = 0.04 + np.array([0.06, -0.06, 0.03, -0.05, 0.07, -0.05])
    values = {"a": 75 + gains, "b": np.full(6, 75.0)}
    (alone,) = paired(values, "b")
    assert alone.p_equivalent < ALPHA < 3 * alone.p_equivalent
    assert alone.verdict == "equivalent"
    many = {f"other {i}": 75.1 + 3 * gains for i in range(4)}
    one = paired({**values, **many}, "b")[0]
    assert one.p_equivalent == alone.p_equivalent < ALPHA < one.p_equivalent_holm
    assert one.verdict != "equivalent"


def test_the_other_way_round_signs_change_and_p_does_not():
    values = noisy(a=0.03, b=0)
    (there,), (back,) = paired(values, "b"), paired(values, "a")
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert back.effect == pytest.approx(-there.effect)
    assert (back.p, back.p_wilcoxon) == pytest.approx((there.p, there.p_wilcoxon))
    assert back.p_equivalent == pytest.approx(there.p_equivalent)


def test_the_order_of_repeats_and_strategies_does_not_matter_but_the_pairs_do():
    values = noisy(a=0.03, b=0, c=0.05)
    order = np.random.default_rng(1).permutation(10)
    moved = {name: values[name][order] for name in ("c", "b", "a")}
    c, a = paired(moved, "b")
    for one, other in zip(paired(values, "b"), (a, c), strict=True):
        for name in ("difference", "effect", *P_VALUES):
            assert getattr(one, name) == pytest.approx(getattr(other, name))
    unpaired = paired({**values, "a": values["a"][order]}, "b")[0]
    assert a.p_no_loss < 0.001 < 0.1 < unpaired.p_no_loss


def test_one_repeat():
    (found,) = paired({"a": np.array([75.5]), "b": np.array([75.0])}, "b")
    assert (found.n, found.difference, found.verdict) == (1, 0.5, "one repeat")
    assert all(getattr(found, name) is None for name in ("interval", "effect", *P_VALUES))


def test_two_repeats_have_tests_and_no_effect():
    (found,) = paired({"a": np.array([75.5, 75.7]), "b": np.array([75.0, 75.0])}, "b")
    assert found.effect is None
    assert found.p == pytest.approx(stats.ttest_1samp([0.5, 0.7], 0).pvalue)
    assert found.verdict == "no loss"


def test_no_loss_is_the_verdict_where_no_difference_is_shown_but_a_loss_is_ruled_out():
    base = np.full(5, 75.0)
    gain = np.array([0.5, -0.05, 0.3, 0.0, 0.1])
    (found,) = paired({"a": base + gain, "b": base}, "b")
    assert found.p_holm > 0.05
    assert found.p_equivalent_holm > 0.05
    assert found.p_no_loss_holm == pytest.approx(stats.ttest_1samp(gain, -0.1, alternative="greater").pvalue)
    assert found.verdict == "no loss"


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.0, "equivalent"), (0.05, "equivalent"), (0.1, "better"), (0.3, "better"), (-0.3, "worse")]
)
@pytest.mark.parametrize("repeats", [2, 5, 6, 60])
def test_differences_that_do_not_vary_are_taken_as_they_are(shift, verdict, repeats):
    base = np.random.default_rng(0).normal(75, 1, repeats)  # base + shift - base differ by rounding
    (found,) = paired({"a": base + shift, "b": base}, "b")
    assert found.difference == pytest.approx(shift)
    assert all(getattr(found, name) is None for name in ("interval", "effect", "p", "p_equivalent", "p_no_loss"))
    assert (found.p_wilcoxon is None) == (shift == 0)
    assert found.verdict == (verdict if repeats >= 6 else "not distinguished")


def test_rounding_errors_are_no_spread():
    base = np.array([1.0, 10.0, 20.0, 40.0, 75.0, 90.0])
    assert np.ptp(base + 0.3 - base) > 0
    (found,) = paired({"a": base + 0.3, "b": base}, "b")
    assert (found.difference, found.interval, found.p, found.verdict) == (pytest.approx(0.3), None, None, "better")


def test_pairs_that_are_not_numbers_are_left_out():
    a, b = np.array([75.5, np.nan, 75.7, np.inf, 75.3]), np.array([75.0, 75.0, 75.1, np.inf, 75.1])
    (found,) = paired({"a": a, "b": b}, "b")
    (kept,) = paired({"a": a[[0, 2, 4]], "b": b[[0, 2, 4]]}, "b")
    assert found == kept
    (nothing,) = paired({"a": np.full(3, np.nan), "b": np.ones(3)}, "b")
    assert (nothing.n, nothing.difference, nothing.verdict) == (0, None, "one repeat")
    assert paired({"b": np.ones(3)}, "b") == []


@pytest.mark.parametrize("judge", [paired, time_ratios])
def test_bad_input_is_refused(judge):
    with pytest.raises(InputError, match=r"reference='vanila' is none of the strategies.*did you mean 'vanilla'"):
        judge({"vanilla": np.ones(2), "top_down": np.ones(2)}, "vanila")
    with pytest.raises(ValueError, match=r"not a \[2\], b \[3\]"):
        judge({"a": np.ones(2), "b": np.ones(3)}, "a")
    with pytest.raises(ValueError, match=r"not a \[2, 1\]"):
        judge({"a": np.ones((2, 1))}, "a")


@pytest.mark.parametrize("margin", [0, -0.1, math.nan, math.inf])
def test_a_margin_is_above_0(margin):
    with pytest.raises(InputError, match="margin="):
        paired(SLEEP, "first", margin=margin)


def test_ratio_is_the_median_of_the_pairs():
    seconds = {"slow": np.array([2.0, 30.0, 8.0, 7.0]), "fast": np.array([1.0, 10.0, 1.0, 1.0])}
    (found,) = time_ratios(seconds, "fast")
    assert (found.name, found.n, found.ratio) == ("slow", 4, 5.0)  # of 2, 3, 7, 8; the medians' ratio is 7.5
    (back,) = time_ratios(seconds, "slow")
    assert back.ratio == pytest.approx((1 / 7 + 1 / 3) / 2)


@pytest.mark.parametrize(
    ("repeats", "places"), [(6, (0, 5)), (8, (0, 7)), (9, (1, 7)), (10, (1, 8)), (15, (3, 11)), (30, (9, 20))]
)
def test_the_interval_of_a_ratio_is_between_the_published_places(repeats, places):
    """The places are those of Conover's table A3 for 95 % (counted from 0)."""
    ratios = np.random.default_rng(0).lognormal(0, 0.3, repeats)
    (found,) = time_ratios({"a": ratios, "b": np.ones(repeats)}, "b")
    assert found.interval == tuple(np.sort(ratios)[list(places)])
    covered = stats.binom.cdf(places[1], repeats, 0.5) - stats.binom.cdf(places[0], repeats, 0.5)
    assert covered >= 0.95 > covered - 2 * stats.binom.pmf(places[0] + 1, repeats, 0.5)


def test_the_interval_depends_on_the_pairs_only():
    rng = np.random.default_rng(0)
    seconds = {name: rng.lognormal(0, 0.2, 9) for name in "abc"}
    first, second = time_ratios(seconds, "c")
    assert time_ratios({name: seconds[name] for name in "cba"}, "c") == [second, first]
    assert time_ratios({name: 2 * row for name, row in seconds.items()}, "c") == [first, second]


def test_ratios_without_an_interval():
    (one,) = time_ratios({"a": np.array([3.0]), "b": np.array([2.0])}, "b")
    assert (one.n, one.ratio, one.interval) == (1, 1.5, None)
    (same,) = time_ratios({"a": np.array([0.3, 0.6, 0.9]), "b": np.array([0.1, 0.2, 0.3])}, "b")
    assert (same.n, same.ratio, same.interval) == (3, pytest.approx(3), None)
    (nothing,) = time_ratios({"a": np.array([0.0, np.nan, 1.0]), "b": np.array([1.0, 1.0, 0.0])}, "b")
    assert (nothing.n, nothing.ratio, nothing.interval) == (0, None, None)


def test_fewer_than_six_ratios_have_no_interval():
    ratios = np.array([1.0, 1.0, 1.0, 1.0, 5.0, 1.0])
    assert time_ratios({"a": ratios[:5], "b": np.ones(5)}, "b")[0].interval is None
    assert time_ratios({"a": ratios, "b": np.ones(6)}, "b")[0].interval == (1, 5)
