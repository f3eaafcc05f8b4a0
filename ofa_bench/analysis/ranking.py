"""Rank strategies over targets: Friedman's test, Nemenyi's critical difference."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy import stats

from ofa_bench.analysis.statistics import ALPHA, DIGITS, table_of

__all__ = ["Ranking", "groups_of", "ranking"]


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of three or more strategies over the same blocks; rank 1 is best and ties share a rank."""

    names: tuple[str, ...]
    """Best mean rank first; all below is in this order."""
    ranks: tuple[float, ...]
    blocks: int
    chi_square: float | None
    """Friedman's statistic, corrected for ties; None, and so all p below, where no block tells any two apart."""
    p: float | None
    """Of Friedman's test: all strategies rank alike. Differences of pairs count only where this is small."""
    p_iman_davenport: float | None
    """Of the same by the F-distribution, less conservative; None also where all blocks agree, so that F is infinite."""
    critical_difference: float
    """Nemenyi's: mean ranks that are less apart are not told apart at 5 %."""
    pairwise: tuple[tuple[float, ...], ...]
    """Nemenyi's p of each pair, corrected for all pairs; 1 on the diagonal."""
    groups: tuple[tuple[str, ...], ...]
    """The largest groups, of two or more, no two of which are told apart at 5 %; they may overlap."""


def ranking(values: Mapping[str, NDArray[np.float64]], lower_is_better: bool = False) -> Ranking | None:
    """Rank three or more strategies in each block, and tell their mean ranks apart.

    Friedman's test (1937), its F-distributed form (Iman and Davenport 1980), and Nemenyi's test of all pairs (1963), as
    Demšar (2006) put them together.

    Args:
        values: by strategy, float64 [blocks], of any unit: a block is one target (its mean over the repeats) or one
            target of one repeat, the same at each place. The tests take blocks for independent: targets that one search
            serves are not quite, and blocks by repeat too make p smaller than it should be. A block in which one is not
            a finite number is left out.
        lower_is_better: rank regrets or times instead of accuracies.

    Returns:
        None for fewer than three strategies or two blocks.

    Raises:
        ValueError: the arrays are not of one dimension and length.
    """
    table_of(values)
    if len(values) < 3:
        return None
    table = np.array([np.asarray(row, np.float64) for row in values.values()])
    table = np.round(table[:, np.isfinite(table).all(axis=0)], DIGITS)
    k, blocks = table.shape
    if blocks < 2:
        return None
    mean_ranks = stats.rankdata(table if lower_is_better else -table, axis=0).mean(axis=1)
    order = np.argsort(mean_ranks, kind="stable")
    chi_square, p, p_iman_davenport = _friedman(table)
    pairwise = np.clip(posthoc_nemenyi_friedman(table[order].T).to_numpy(), 0.0, 1.0)
    names = tuple(list(values)[i] for i in order)
    q = stats.studentized_range.ppf(1 - ALPHA, k, np.inf) / math.sqrt(2)
    return Ranking(
        names=names,
        ranks=tuple(float(mean_ranks[i]) for i in order),
        blocks=blocks,
        chi_square=chi_square,
        p=p,
        p_iman_davenport=p_iman_davenport,
        critical_difference=float(q * math.sqrt(k * (k + 1) / (6 * blocks))),
        pairwise=tuple(tuple(row) for row in pairwise.tolist()),
        groups=tuple(tuple(names[first : last + 1]) for first, last in groups_of(pairwise)),
    )


def _friedman(table: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Test values [strategies, blocks]: Friedman's statistic, its p, and that of Iman and Davenport's."""
    if not np.ptp(table, axis=0).any():
        return None, None, None
    k, blocks = table.shape
    chi_square, p = (float(number) for number in stats.friedmanchisquare(*table))
    left = blocks * (k - 1) - chi_square
    if left < 1e-9 * blocks:
        return chi_square, p, None
    statistic = (blocks - 1) * chi_square / left
    return chi_square, p, float(stats.f.sf(statistic, k - 1, (k - 1) * (blocks - 1)))


def groups_of(pairwise: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Find the first and last place of each largest run of two or more mean ranks that are not told apart."""
    found: list[tuple[int, int]] = []
    for first in range(len(pairwise)):
        last = int(np.flatnonzero(pairwise[first] > ALPHA).max())
        if last > max(first, found[-1][1] if found else 0):
            found.append((first, last))
    return found
