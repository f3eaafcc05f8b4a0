"""Computes what the paper's own tables say: its point figures with their spread, and tests of its means.

Spreads follow from the printed standard deviations over ten runs (of rows of table 1 and targets of table 2), taken as
independent; intervals are of 95 %, by t of nine degrees of freedom.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ofa_bench.analysis.intervals import ALPHA
from ofa_bench.analysis.paper.measures import Measure
from ofa_bench.analysis.paper.protocols import CHAINS, STRATEGIES
from ofa_bench.analysis.paper.published import Published
from ofa_bench.analysis.statistics import holm

__all__ = [
    "claimed_largest", "claimed_mean", "claimed_share", "differing_targets", "fastest_rows", "mean_difference",
    "share_of", "spread_of",
]  # fmt: skip

Floats = NDArray[np.float64]


def claimed_share(published: Published, chain: str) -> Measure:
    """Return the claimed share of vanilla's time, percent; its relative spread is that of the sums over table 1."""
    table, repeats = published["table1"], published["setup"]["repeats"]
    relative = [
        np.linalg.norm(table["printed_seconds_std"][name]) / sum(table["printed_seconds"][name])
        for name in (chain, "vanilla")
    ]
    claimed = published["claims"][f"{chain}_time_percent"]
    return _measure(claimed, claimed * np.hypot(*relative) / np.sqrt(repeats), repeats)


def claimed_mean(published: Published) -> Measure:
    """Return the claimed mean spread of accuracies, points; its error is that of the best less the worst, averaged."""
    means, errors = _table2(published)
    rows = np.arange(means.shape[1])
    best, worst = errors[means.argmax(axis=0), rows], errors[means.argmin(axis=0), rows]
    error = float(np.linalg.norm(np.hypot(best, worst))) / means.shape[1]
    return _measure(published["claims"]["mean_accuracy_difference_points"], error, published["setup"]["repeats"])


def claimed_largest(published: Published) -> Measure:
    """Return the claimed largest difference of accuracies, points: of top-down less vanilla at 50 ms."""
    at = published["table2"]["latency_ms"].index(published["claims"]["largest_at_ms"])
    errors = dict(zip(STRATEGIES, _table2(published)[1], strict=True))
    error = float(np.hypot(errors["top_down"][at], errors["vanilla"][at]))
    return _measure(published["claims"]["largest_accuracy_difference_points"], error, published["setup"]["repeats"])


def mean_difference(published: Published, chain: str) -> Measure:
    """Return a chain's mean accuracy less vanilla's in table 2, points."""
    means, errors = (dict(zip(STRATEGIES, rows, strict=True)) for rows in _table2(published))
    number = len(means[chain])
    error = float(np.linalg.norm([errors[chain], errors["vanilla"]])) / number
    return _measure(float((means[chain] - means["vanilla"]).mean()), error, published["setup"]["repeats"])


def differing_targets(published: Published, chain: str) -> dict[str, list[float]]:
    """Return the targets at which a chain is "worse" and "better" than vanilla in table 2.

    By Welch's t-tests of the printed means and standard deviations, corrected by Holm for all targets.
    """
    table, repeats = published["table2"], published["setup"]["repeats"]
    rows = [
        (table["printed_percent"][name], table["printed_std_percent"][name], repeats) for name in (chain, "vanilla")
    ]
    tests = stats.ttest_ind_from_stats(*rows[0], *rows[1], equal_var=False)
    found = zip(table["latency_ms"], tests.statistic, holm(tests.pvalue.tolist()), strict=True)
    signs = [(target, statistic) for target, statistic, p in found if p < ALPHA]
    return {"worse": [at for at, sign in signs if sign < 0], "better": [at for at, sign in signs if sign > 0]}


def fastest_rows(seconds: Mapping[str, Sequence[float]]) -> int:
    """Return the number of rows in which top-down's mean time is the least."""
    table = np.array([seconds[name] for name in STRATEGIES])
    return int((table.argmin(axis=0) == STRATEGIES.index("top_down")).sum())


def spread_of(percent: Mapping[str, Sequence[float]]) -> tuple[float, float, int]:
    """Return mean and largest spread of published accuracies, and the position of the latter."""
    spread = np.ptp(np.array([percent[name] for name in STRATEGIES]), axis=0)
    return float(spread.mean()), float(spread.max()), int(spread.argmax())


def share_of(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each chain's published time in percent of vanilla's, both summed over the rows."""
    return {name: 100 * sum(seconds[name]) / sum(seconds["vanilla"]) for name in CHAINS}


def _table2(published: Published) -> tuple[Floats, Floats]:
    """Return means and their standard errors in table 2: float64 [strategies, targets] each, percent."""
    table = published["table2"]
    means, stds = (
        np.array([table[key][name] for name in STRATEGIES]) for key in ("printed_percent", "printed_std_percent")
    )
    return means, stds / np.sqrt(published["setup"]["repeats"])


def _measure(value: float, error: float, repeats: int) -> Measure:
    half = float(stats.t.ppf(1 - ALPHA / 2, repeats - 1) * error)
    return Measure(value, (value - half, value + half), repeats)
