"""Ranks strategies over independent runs, and tests the ranks by permuting strategies within runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ofa_bench.analysis.intervals import ALPHA, DIGITS
from ofa_bench.analysis.statistics import check_shapes

__all__ = ["FEWEST_RUNS", "FEWEST_STRATEGIES", "Ranking", "groups_of", "ranking"]

Floats = NDArray[np.float64]

FEWEST_STRATEGIES = 3
"""Two strategies are compared by their difference alone."""

FEWEST_RUNS = 3
"""With fewer runs, no pair of three strategies can differ significantly at 5 %, whatever their ranks."""

PERMUTATIONS = 9999


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of three or more strategies over the same runs; rank 1 is best and ties share a rank."""

    names: tuple[str, ...]
    """By mean rank, the best first; all fields below are in this order."""
    ranks: tuple[float, ...]
    runs: int
    chi_square: float | None
    """Friedman's statistic, corrected for ties; None, as ``p``, if all strategies tie in every run."""
    p: float | None
    """The p that all strategies rank alike, from the permutations. Differences of pairs count only if it is small."""
    critical_difference: float | None
    """The least difference of mean ranks that is significant at 5 %; None if no difference could be."""
    pairwise: tuple[tuple[float, ...], ...]
    """The p of each pair, corrected for all pairs; 1 on the diagonal."""
    groups: tuple[tuple[str, ...], ...]
    """The largest groups of two or more without a significant difference at 5 %; they may overlap."""


def ranking(values: Mapping[str, Floats], lower_is_better: bool = False) -> Ranking | None:
    """Rank three or more strategies in each run, and test their mean ranks.

    Friedman's test (1937), and all pairs by the largest difference of mean ranks (Nemenyi 1963), as combined by Demšar
    (2006). Both p-values are shares of ``PERMUTATIONS`` random permutations of the strategies within each run, which
    need no large number of runs and no correction for ties. The draws are the same in every process.

    Args:
        values: by strategy, float64 [runs], of any unit: one number for each independent run, such as the mean
            accuracy over its targets, at the same position in all. The targets of one run are no blocks of their own:
            a search that serves several is good or bad for all. A run with a number that is not finite is left out.
        lower_is_better: rank regrets or times instead of accuracies.

    Returns:
        None for fewer than ``FEWEST_STRATEGIES`` or ``FEWEST_RUNS``.

    Raises:
        ValueError: the arrays are not of one dimension and length.
    """
    check_shapes(values)
    if len(values) < FEWEST_STRATEGIES:
        return None
    table = np.array([np.asarray(row, np.float64) for row in values.values()])
    table = np.round(table[:, np.isfinite(table).all(axis=0)], DIGITS)
    runs = table.shape[1]
    if runs < FEWEST_RUNS:
        return None
    of_runs = stats.rankdata(table if lower_is_better else -table, axis=0)
    order = np.argsort(of_runs.mean(axis=1), kind="stable")
    sums = of_runs.sum(axis=1)[order]
    drawn = _permuted(tuple(sorted(map(tuple, np.sort(of_runs.T).tolist()))))  # whatever the order
    differ = bool(np.ptp(table, axis=0).any())
    largest = np.ptp(drawn, axis=1)
    pairwise = _share(largest, np.abs(sums[:, None] - sums))
    possible = np.unique(largest)
    significant = possible[_share(largest, possible) < ALPHA]
    names = tuple(list(values)[i] for i in order)
    return Ranking(
        names=names,
        ranks=tuple((sums / runs).tolist()),
        runs=runs,
        chi_square=float(stats.friedmanchisquare(*table).statistic) if differ else None,
        p=float(_share((drawn**2).sum(axis=1), (sums**2).sum())) if differ else None,
        critical_difference=float(significant[0]) / runs if len(significant) else None,
        pairwise=tuple(tuple(row) for row in pairwise.tolist()),
        groups=tuple(tuple(names[first : last + 1]) for first, last in groups_of(pairwise)),
    )


@lru_cache(maxsize=16)
def _permuted(ranks: tuple[tuple[float, ...], ...]) -> Floats:
    """Return sums over runs of ranks, by run in ascending order, permuted: float64 [PERMUTATIONS, strategies]."""
    rng = np.random.default_rng(0)
    sums = np.zeros((PERMUTATIONS, len(ranks[0])))
    for run in ranks:
        sums += rng.permuted(np.tile(run, (PERMUTATIONS, 1)), axis=1)
    return sums


def _share(drawn: Floats, observed: Floats) -> Floats:
    """Return the share of draws and the observation that are as large as each observation; sums of ranks are exact."""
    at_least = len(drawn) - np.searchsorted(np.sort(drawn), observed, side="left")
    return np.asarray((1 + at_least) / (1 + len(drawn)))


def groups_of(pairwise: Floats) -> list[tuple[int, int]]:
    """Return the first and last position of each largest run of mean ranks without a significant difference."""
    found: list[tuple[int, int]] = []
    for first in range(len(pairwise)):
        last = int(np.flatnonzero(pairwise[first] >= ALPHA).max())
        if last > max(first, found[-1][1] if found else 0):
            found.append((first, last))
    return found
