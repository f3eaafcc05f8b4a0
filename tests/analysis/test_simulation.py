"""Error rates of every test and coverage of every interval that a report prints, by simulating runs.

The runs are like those of real searches: ten targets of different means, whose noise is correlated within a run (0.24
as measured of a chain, and more) and skewed, as accuracies have a ceiling; a shared part pairs runs of one seed. A
share of errors is compared with the level by the binomial distribution, so that a true 5 % passes.
"""

import itertools
import warnings

import numpy as np
import pytest
from scipy import stats

from ofa_bench.analysis import intervals, statistics
from ofa_bench.analysis.intervals import ALPHA, median_interval, spreads
from ofa_bench.analysis.ranking import ranking
from ofa_bench.analysis.statistics import MARGIN, paired

SURE = 0.999
"""A right test exceeds the bound in a thousandth of all seeds; the seeds are fixed."""

CHAIN = (0.24, 0.6)
"""Correlations between the targets of a run: as measured for chains, and more."""


@pytest.fixture(autouse=True)
def _silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def skewed(rng, skewness, size):
    """Draw numbers of mean 0, standard deviation 1 and a given skewness."""
    if not skewness:
        return rng.normal(size=size)
    shape = 4 / skewness**2
    return np.sign(skewness) * (rng.gamma(shape, size=size) - shape) / np.sqrt(shape)


def runs(rng, studies, strategies, number, correlation=CHAIN[0], skewness=-1.5, targets=10):
    """Simulate accuracies of equal strategies, percent: float64 [studies, strategies, runs, targets]."""
    of_targets = np.linspace(72, 78, targets)
    of_seeds = 0.05 * rng.normal(size=(studies, 1, number, 1))
    together = skewed(rng, skewness, (studies, strategies, number, 1))
    apart = skewed(rng, skewness, (studies, strategies, number, targets))
    return of_targets + of_seeds + 0.15 * (np.sqrt(correlation) * together + np.sqrt(1 - correlation) * apart)


def assert_level(errors, level=ALPHA, exact=False):
    """Assert that errors come up in at most the level, or (exact) in the level."""
    errors = np.asarray(errors, bool)
    assert errors.sum() <= stats.binom.ppf(SURE, errors.size, level), errors.mean()
    if exact:
        assert errors.sum() >= stats.binom.ppf(1 - SURE, errors.size, level), errors.mean()


def assert_covers(covered, confidence=1 - ALPHA):
    """Assert that intervals cover in at least the confidence."""
    assert_level(~np.asarray(covered, bool), 1 - confidence)


def compare(differences, margin=MARGIN):
    """Return the comparisons of independent studies with two strategies: float64 [studies, runs]."""
    return [paired({"a": row, "b": np.zeros(len(row))}, "b", margin)[0] for row in differences]


@pytest.fixture
def no_wilcoxon(monkeypatch):
    """Leave out a test that takes most of the time, where another is looked at."""
    monkeypatch.setattr(statistics, "_wilcoxon", lambda row: None)


@pytest.mark.parametrize("number", [3, 5, 10, 30])
@pytest.mark.parametrize("correlation", CHAIN)
@pytest.mark.usefixtures("no_wilcoxon")
def test_t_tests_and_intervals_of_mean_accuracy(number, correlation):
    accuracy = runs(np.random.default_rng(number), 1500, 2, number, correlation).mean(axis=3)
    differences = accuracy[:, 0] - accuracy[:, 1]
    equal = compare(differences)
    assert_level([one.p < ALPHA for one in equal], exact=True)
    assert_covers([one.interval[0] <= 0 <= one.interval[1] for one in equal])
    for edge in (-MARGIN, MARGIN):
        shifted = compare(differences + edge)
        assert_level([one.p_equivalent < ALPHA for one in shifted])
        assert_covers([one.interval[0] <= edge <= one.interval[1] for one in shifted])
        if edge < 0:
            assert_level([one.p_no_loss < ALPHA for one in shifted], exact=True)


@pytest.mark.parametrize("number", [3, 5, 10, 30])
@pytest.mark.usefixtures("no_wilcoxon")
def test_strategies_of_unlike_noise_keep_the_level_within_a_point(number):
    """Skewness of a difference as measured (0.4): one side of t errs more often than 5 %, the other less often."""
    differences = 0.1 * skewed(np.random.default_rng(number), 0.4, (1000, number))
    equal = compare(differences)
    assert_level([one.p < ALPHA for one in equal], ALPHA + 0.01)
    assert_covers([one.interval[0] <= 0 <= one.interval[1] for one in equal], 0.94)
    for sign in (1, -1):
        assert_level([one.p_no_loss < ALPHA for one in compare(sign * differences - MARGIN)], ALPHA + 0.015)


@pytest.mark.parametrize("number", [3, 5, 6, 30])
def test_wilcoxon(number):
    """Accuracies of one target in steps, so that there are ties and zeros."""
    accuracy = runs(np.random.default_rng(number), 100, 2, number, targets=1)[..., 0]
    differences = np.round((accuracy[:, 0] - accuracy[:, 1]) / 0.05) * 0.05
    found = [one.p_wilcoxon for one in compare(differences)]
    assert_level([p is not None and p < ALPHA for p in found])


@pytest.mark.parametrize("number", [3, 5, 10])
@pytest.mark.parametrize("shift", [0.0, -MARGIN, MARGIN])
@pytest.mark.usefixtures("no_wilcoxon")
def test_verdicts_on_four_strategies_are_wrong_for_any_of_them_in_five_percent(number, shift):
    accuracy = runs(np.random.default_rng(number), 500, 5, number).mean(axis=3)
    accuracy[:, 1:] += shift
    names = ("reference", "a", "b", "c", "d")
    verdicts = [{one.verdict for one in paired(dict(zip(names, study, strict=True)), names[0])} for study in accuracy]
    wrong = {0.0: {"better", "worse"}, -MARGIN: {"equivalent", "no loss", "better"}, MARGIN: {"equivalent", "worse"}}
    assert_level([bool(found & wrong[shift]) for found in verdicts])


@pytest.mark.parametrize(("strategies", "number"), [(3, 3), (3, 4), (3, 5), (3, 10), (3, 30), (6, 3), (6, 10)])
def test_ranks_of_equal_strategies_whose_targets_are_correlated(strategies, number):
    """Three equal chains: over their ten targets, Friedman's p < 0.05 came up in a third of all studies."""
    studies = runs(np.random.default_rng(number), 200, strategies, number, CHAIN[1])
    found = [ranking(dict(zip("abcdef", study.mean(axis=2), strict=False))) for study in studies]
    assert_level([one.p < ALPHA for one in found])
    assert_level([np.min(one.pairwise) < ALPHA for one in found])
    assert [len(one.groups) == 1 and len(one.groups[0]) == strategies for one in found] == [
        np.min(one.pairwise) >= ALPHA for one in found
    ]
    if strategies == 3 and number == 10:
        over_targets = [stats.friedmanchisquare(*study.mean(axis=1)).pvalue < ALPHA for study in studies]
        assert np.mean(over_targets) > 0.2


def test_ranks_of_real_differences_are_found():
    studies = runs(np.random.default_rng(0), 40, 3, 10).mean(axis=3)
    studies[:, 0] += 0.3
    found = [ranking(dict(zip("abc", study, strict=True))) for study in studies]
    assert all(one.names[0] == "a" and one.p < ALPHA for one in found)


@pytest.mark.parametrize("number", [6, 10, 30])
@pytest.mark.parametrize("noise", ["skewed", "heavy"])
def test_the_median_of_ratios(number, noise):
    """Times have a long tail: another process slows down some repeats a lot."""
    rng = np.random.default_rng(number)
    logarithms = skewed(rng, 2, (300, number)) if noise == "skewed" else rng.standard_t(1.5, (300, number))
    true = np.median(skewed(rng, 2, 10**6)) if noise == "skewed" else 0.0
    found = [median_interval(row) for row in np.exp(0.1 * logarithms)]
    assert_covers([low <= np.exp(0.1 * true) <= high for low, high in found])


MEANS = {
    "equal": np.zeros((3, 10)),
    "one apart": np.outer([0.0, 0.0, -0.3], np.ones(10)),
    "all differ": np.random.default_rng(1).normal(0, 0.1, (3, 10)),
}


@pytest.mark.parametrize("number", [3, 5, 10, 30])
@pytest.mark.parametrize("means", MEANS)
@pytest.mark.parametrize("targets", [1, 10])
def test_spreads(monkeypatch, number, means, targets):
    monkeypatch.setattr(intervals, "DRAWS", 499)
    monkeypatch.setattr(intervals, "STARTS", 10)
    true = MEANS[means][:, :targets]
    apart = np.ptp(true, axis=0)
    studies = runs(np.random.default_rng(number), 300, 3, number, targets=targets) + true[:, None]
    found = [spreads(study) for study in studies]
    for key, value in {"mean": apart.mean(), "largest": apart.max()}.items():
        ends = np.array([getattr(one, key).interval for one in found])
        assert_covers((ends[:, 0] <= value) & (value <= ends[:, 1]))


def test_the_upper_bound_of_spreads_is_that_of_the_widest_contrast():
    noise = np.random.default_rng(0).normal(size=(3, 6, 3))
    noise -= noise.mean(axis=1, keepdims=True)
    pairs = list(itertools.permutations(noise, 2))
    contrasts = [
        sum(one[:, t] - other[:, t] for t, (one, other) in enumerate(chosen)) / 3
        for chosen in itertools.product(pairs, repeat=3)
    ]
    errors = np.std(contrasts, axis=1, ddof=1) / np.sqrt(6)
    means = np.arange(9.0).reshape(3, 3)
    found = spreads(noise + means[:, None])
    assert found.mean.value == pytest.approx(6)
    assert found.mean.interval[1] == pytest.approx(6 + stats.t.ppf(0.975, 5) * errors.max())
    pairwise = [one - other for one, other in pairs]
    error = np.std(pairwise, axis=1, ddof=1).max() / np.sqrt(6)
    assert found.largest.interval[1] == pytest.approx(6 + stats.t.ppf(0.975, 5) * error)


def test_spreads_of_two_strategies_at_one_target_are_of_students_t():
    first, second = np.random.default_rng(0).normal([[1.0], [0.0]], 0.3, (2, 8))
    found = spreads(np.array([first, second])[..., None])
    low, high = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert found.mean == found.largest
    assert found.mean.value == pytest.approx(np.mean(first - second))
    assert found.mean.interval[1] == pytest.approx(high)
    wider = stats.t.ppf(1 - 0.0125, 7) / stats.t.ppf(0.975, 7)  # its lower end is of the absolute value
    assert found.mean.value - found.mean.interval[0] == pytest.approx(wider * (high - low) / 2, rel=0.03)


def test_the_lower_end_of_spreads_is_not_below_0():
    studies = runs(np.random.default_rng(0), 20, 3, 5)
    assert min(min(one.mean.interval[0], one.largest.interval[0]) for one in map(spreads, studies)) == 0


def test_spreads_without_an_interval():
    table = np.array([75.0, 75.4, 75.1])[:, None, None] + np.zeros((3, 4, 2))
    shared = table + np.random.default_rng(0).normal(size=(1, 4, 1))
    for one in (table, shared, table[:, :1]):
        found = spreads(one)
        assert (found.mean.interval, found.largest.interval) == (None, None)
        assert found.mean.value == pytest.approx(0.4)
    with pytest.raises(ValueError, match="an accuracy"):
        spreads(np.full((2, 3, 1), np.nan))
    assert spreads(table + np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.9]])[:, None]).at == 1
