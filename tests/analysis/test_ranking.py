import itertools
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from ofa_bench.analysis.figures.ranking import diagram_size, draw_ranking
from ofa_bench.analysis.ranking import ranking
from ofa_bench.analysis.statistics import ALPHA

# Demšar (2006), table 6: AUC of four variants of C4.5 on 14 data sets. Two of voting are one when
# rounded as printed; his ranks are those of 0.97501.
C45 = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.97501, 0.946],
    "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970],
}


@pytest.fixture(autouse=True)
def _silent():
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        yield


def test_demsars_four_classifiers():
    found = ranking({name: np.array(row) for name, row in C45.items()})
    assert found.names == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert found.ranks == pytest.approx((1.964, 2.000, 2.893, 3.143), abs=5e-4)
    assert found.runs == 14
    ties = (3 * (2**3 - 2) + (4**3 - 4)) / (14 * (4**3 - 4))
    assert found.chi_square == pytest.approx(9.28 / (1 - ties), abs=0.02)  # he does not correct for ties
    assert found.p == pytest.approx(stats.chi2.sf(found.chi_square, 3), abs=0.01)
    assert found.critical_difference == pytest.approx(1.25, abs=0.04)  # his is of large samples
    # 3.143 - 1.964 < 1.25: "the post-hoc test is not powerful enough to detect any significant differences"
    assert found.groups == (found.names,)


def test_friedman_by_hand():
    values = {name: np.random.default_rng(i).normal(i / 2, 1, 12) for i, name in enumerate("abcd")}
    found = ranking(values)
    k, n = 4, 12
    by_hand = 12 * n / (k * (k + 1)) * (sum(rank**2 for rank in found.ranks) - k * (k + 1) ** 2 / 4)
    assert found.chi_square == pytest.approx(by_hand)
    assert found.p == pytest.approx(stats.chi2.sf(by_hand, 3), abs=0.01)
    data = tuple(np.array(list(values.values())).T)
    drawn = stats.permutation_test(
        data,
        lambda *runs: np.sum(np.sum(stats.rankdata(runs, axis=-1), axis=0) ** 2),
        permutation_type="pairings",
        n_resamples=2999,
        alternative="greater",
        vectorized=False,
    )
    assert found.p == pytest.approx(drawn.pvalue, abs=0.015)


def test_few_runs_have_the_exact_distribution():
    """All orders of three strategies in each run but the first, whose order does not matter."""
    orders = list(itertools.permutations((1.0, 2.0, 3.0)))
    sums = np.array([np.sum(some, axis=0) for some in itertools.product(orders[:1], *[orders] * 3)])
    for values in ([[3, 3, 3, 3], [2, 2, 2, 1], [1, 1, 1, 2]], [[3, 3, 3, 1], [2, 1, 2, 3], [1, 2, 1, 2]]):
        found = ranking(dict(zip("abc", np.array(values, float), strict=True)))
        of = 4 * np.array(found.ranks)
        assert found.p == pytest.approx(((sums**2).sum(axis=1) >= (of**2).sum()).mean(), abs=0.01)
        farthest = (np.ptp(sums, axis=1) >= of[-1] - of[0]).mean()
        assert found.pairwise[0][2] == pytest.approx(farthest, abs=0.01)
        exact = [d for d in range(9) if (np.ptp(sums, axis=1) >= d).mean() < ALPHA]
        assert found.critical_difference == exact[0] / 4
    # Rank sums 4, 10, 10 give a chi-square of 6: 0.0498 by the approximation, 0.069 in Friedman's table
    four = ranking({"a": np.full(4, 3.0), "b": np.array([2.0, 2, 1, 1]), "c": np.array([1.0, 1, 2, 2])})
    assert four.chi_square == pytest.approx(6)
    assert stats.chi2.sf(6, 2) < ALPHA < four.p == pytest.approx(0.069, abs=0.01)


@pytest.mark.parametrize(("k", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_difference_has_the_published_quantiles(k, q):
    rng = np.random.default_rng(0)
    found = ranking({str(i): rng.normal(i / 3, 1, 20) for i in range(k)})
    assert found.critical_difference == pytest.approx(
        q * math.sqrt(k * (k + 1) / (6 * 20)), abs=0.11
    )  # of large samples
    ranks, pairwise = np.array(found.ranks), np.array(found.pairwise)
    apart = np.abs(ranks[:, None] - ranks) > found.critical_difference - 1e-9
    assert ((pairwise < ALPHA) == apart).all()
    assert (pairwise == pairwise.T).all()


def test_groups_are_the_largest_cliques():
    rng = np.random.default_rng(2)
    overlapping = 0
    for _ in range(20):
        found = ranking({name: rng.normal(i / 3, 1, 25) for i, name in enumerate("abcdef")})
        alike = np.array(found.pairwise) > ALPHA
        cliques = [
            set(some)
            for size in range(2, 7)
            for some in itertools.combinations(range(6), size)
            if all(alike[i, j] for i, j in itertools.combinations(some, 2))
        ]
        largest = [clique for clique in cliques if not any(clique < other for other in cliques)]
        assert {frozenset(group) for group in found.groups} == {
            frozenset(found.names[i] for i in clique) for clique in largest
        }
        overlapping += len(found.groups) > 1
    assert overlapping > 5


def test_distinguishable_strategies_are_in_no_group():
    found = ranking({name: np.arange(40) + 100.0 * i for i, name in enumerate("abc")})
    assert (found.names, found.ranks, found.groups) == (("c", "b", "a"), (1, 2, 3), ())
    assert found.chi_square == pytest.approx(80)


def test_ranks_do_not_depend_on_order_and_turn_with_the_direction():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(i, 1, 8) for i, name in enumerate("abcd")}
    found = ranking(values)
    order = rng.permutation(8)
    moved = ranking({name: values[name][order] for name in "cadb"})
    assert (moved.names, moved.groups, moved.p) == (found.names, found.groups, found.p)
    assert moved.pairwise == found.pairwise
    assert moved.chi_square == pytest.approx(found.chi_square)
    assert ranking({name: -row for name, row in values.items()}, lower_is_better=True) == found
    turned = ranking(values, lower_is_better=True)
    assert turned.names == found.names[::-1]
    assert turned.ranks == pytest.approx([5 - rank for rank in found.ranks[::-1]])


def test_no_ranking():
    assert ranking({}) is None
    assert ranking({"a": np.ones(5), "b": np.zeros(5)}) is None
    assert ranking({name: np.arange(2.0) + i for i, name in enumerate("abc")}) is None
    assert ranking({"a": np.array([1.0, np.nan]), "b": np.ones(2), "c": np.ones(2)}) is None
    with pytest.raises(ValueError, match="the same length"):
        ranking({"a": np.ones(2), "b": np.ones(3)})


def test_ranking_of_identical_values():
    values = np.array([0.1 + 0.2, 75.0, 76.0])
    found = ranking({"a": values, "b": values, "c": np.array([0.3, 75.0, 76.0])})  # 0.1 + 0.2 > 0.3
    assert (found.ranks, found.groups) == ((2, 2, 2), (("a", "b", "c"),))
    assert (found.chi_square, found.p) == (None, None)
    assert found.pairwise == ((1, 1, 1),) * 3
    assert found.critical_difference is None


def test_strategies_that_always_tie_with_others_leave_the_third_to_be_told_apart():
    values = {"a": np.zeros(3), "b": np.zeros(3), "c": np.ones(3)}
    found = ranking(values)
    assert found.ranks == (1, 2.5, 2.5)
    # the odd one out is the same in all three runs in one of nine cases
    assert found.p == pytest.approx(1 / 9, abs=0.01)
    assert found.critical_difference is None
    assert found.groups == (("c", "a", "b"),)
    assert ranking({name: np.tile(row, 2) for name, row in values.items()}).groups == (("a", "b"),)


def test_runs_with_a_gap_are_left_out():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(0, 1, 6) for name in "abc"}
    gap = {**values, "b": np.where(np.arange(6) == 2, np.nan, values["b"])}
    assert ranking(gap) == ranking({name: np.delete(row, 2) for name, row in values.items()})
    assert ranking(gap).runs == 5


LONG = ("regularized_evolution, population 100, warm", "ofa_reference_with_a_long_name", "$x$_y{z}")


@pytest.mark.parametrize("size", [None, (6.0, 3.0)])
@pytest.mark.parametrize("k", [3, 4, 9])
@pytest.mark.parametrize("runs", [3, 50])
def test_diagram_is_legible(k, runs, size):
    rng = np.random.default_rng(k)
    names = [*LONG, *(f"strategy_{i}" for i in range(k - 3))]
    found = ranking({name: rng.normal(i / 4, 1, runs) for i, name in enumerate(names)})
    figure = Figure(figsize=size or diagram_size(found), dpi=80)
    axes = figure.add_axes((0, 0, 1, 1))
    draw_ranking(found, axes)
    figure.canvas.draw()
    texts = [text for text in axes.texts if text.get_text()]
    for name, rank in zip(found.names, found.ranks, strict=True):
        assert sum(name in text.get_text() and f"({rank:.2f})" in text.get_text() for text in texts) == 1
    boxes = [text.get_window_extent() for text in (*texts, *axes.get_xticklabels())]
    assert len(boxes) == k + 1 + k
    for box in boxes:
        assert -1 <= box.x0 < box.x1 <= figure.bbox.width + 1
        assert -1 <= box.y0 < box.y1 <= figure.bbox.height + 1
    if size is None:
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
        assert {text.get_fontsize() for text in texts[:k]} == {10}
    thick = [line for line in axes.lines if line.get_linewidth() == 4]
    ends = sorted((min(line.get_xdata()), max(line.get_xdata())) for line in thick)
    at = dict(zip(found.names, found.ranks, strict=True))
    assert ends == sorted((at[group[0]], at[group[-1]]) for group in found.groups)


def test_a_diagram_leaves_no_figure_behind():
    code = (
        "import numpy as np; from matplotlib.figure import Figure; from ofa_bench.analysis.ranking import *;"
        "from ofa_bench.analysis.figures.ranking import *;"
        "found = ranking({n: np.arange(4.0) % (i + 2) for i, n in enumerate('abcd')});"
        "draw_ranking(found, Figure().add_subplot());"
        "import matplotlib.pyplot as pyplot; print(pyplot.get_fignums())"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
