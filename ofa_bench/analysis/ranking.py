"""Ranks strategies over targets by Friedman's test and Nemenyi's critical difference."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy import stats

from ofa_bench.analysis.statistics import ALPHA, DIGITS, check_shapes

__all__ = ["Ranking", "groups_of", "ranking"]


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of three or more strategies over the same blocks; rank 1 is best and ties share a rank."""

    names: tuple[str, ...]
    """By mean rank, the best first; all fields below are in this order."""
    ranks: tuple[float, ...]
    blocks: int
    chi_square: float | None
    """Friedman's statistic, corrected for ties; None, as ``p``, if all strategies tie in every block."""
    p: float | None
    """The p of Friedman's test that all strategies rank alike. Differences of pairs count only if it is small."""
    critical_difference: float
    """Nemenyi's critical difference: mean ranks closer than this do not differ significantly at 5 %."""
    pairwise: tuple[tuple[float, ...], ...]
    """Nemenyi's p of each pair, corrected for all pairs; 1 on the diagonal."""
    groups: tuple[tuple[str, ...], ...]
    """The largest groups of two or more without a significant difference at 5 %; they may overlap."""


def ranking(values: Mapping[str, NDArray[np.float64]], lower_is_better: bool = False) -> Ranking | None:
    """Rank three or more strategies in each block, and test their mean ranks.

    Friedman's test (1937) and Nemenyi's test of all pairs (1963), as combined by Demšar (2006).

    Args:
        values: by strategy, float64 [blocks], of any unit: a block is one target (its mean over the repeats) or one
            target of one repeat, the same at each position. The tests assume independent blocks: targets that one
            search serves are not quite independent, and blocks by repeat make p too small. A block with a number that
            is not finite is left out.
        lower_is_better: rank regrets or times instead of accuracies.

    Returns:
        None for fewer than three strategies or two blocks.

    Raises:
        ValueError: the arrays are not of one dimension and length.
    """
    check_shapes(values)
    if len(values) < 3:
        return None
    table = np.array([np.asarray(row, np.float64) for row in values.values()])
    table = np.round(table[:, np.isfinite(table).all(axis=0)], DIGITS)
    k, blocks = table.shape
    if blocks < 2:
        return None
    mean_ranks = stats.rankdata(table if lower_is_better else -table, axis=0).mean(axis=1)
    order = np.argsort(mean_ranks, kind="stable")
    differ = bool(np.ptp(table, axis=0).any())
    chi_square, p = map(float, stats.friedmanchisquare(*table)) if differ else (None, None)
    pairwise = np.clip(posthoc_nemenyi_friedman(table[order].T).to_numpy(), 0.0, 1.0)
    names = tuple(list(values)[i] for i in order)
    q = stats.studentized_range.ppf(1 - ALPHA, k, np.inf) / math.sqrt(2)
    return Ranking(
        names=names,
        ranks=tuple(float(mean_ranks[i]) for i in order),
        blocks=blocks,
        chi_square=chi_square,
        p=p,
        critical_difference=float(q * math.sqrt(k * (k + 1) / (6 * blocks))),
        pairwise=tuple(tuple(row) for row in pairwise.tolist()),
        groups=tuple(tuple(names[first : last + 1]) for first, last in groups_of(pairwise)),
    )


def groups_of(pairwise: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the first and last position of each largest run of mean ranks without a significant difference."""
    found: list[tuple[int, int]] = []
    for first in range(len(pairwise)):
        last = int(np.flatnonzero(pairwise[first] > ALPHA).max())
        if last > max(first, found[-1][1] if found else 0):
            found.append((first, last))
    return found
