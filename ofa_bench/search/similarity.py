"""How alike cost models rank architectures, and an order of them in which neighbours are alike."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["STARTS", "order_by_similarity", "rank_correlations"]

STARTS = 10
"""The number of paths that are improved."""

ROUNDING = 1e-12
"""Paths that are shorter by no more than this are as long."""

Places = NDArray[np.int64]
Distances = NDArray[np.float64]


def rank_correlations(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman's rank correlation of each two cost models: float64 [m, m]; ties have their mean rank.

    A model with the same cost everywhere has no order: its correlation with another one is 0.

    Args:
        costs: float64 [n, m], of two or more architectures by each model.
    """
    from scipy.stats import rankdata

    ranks = rankdata(costs, axis=0)
    ranks -= ranks.mean(axis=0)
    lengths = np.sqrt((ranks**2).sum(axis=0))
    ranks /= np.where(lengths > 0, lengths, 1)
    correlations: NDArray[np.float64] = np.clip(ranks.T @ ranks, -1, 1)
    np.fill_diagonal(correlations, 1)
    return correlations


def order_by_similarity(similarity: NDArray[np.float64]) -> Places:
    """Return an order in which neighbours are alike: int64 [m], of which the first is less than the last.

    It is a short path through all, where a step is as long as two are unlike: paths that go to the nearest one next,
    from each start, of which the ``STARTS`` shortest are improved by reversing stretches of them (2-opt). For up to
    ``STARTS`` it is nearly always the shortest of all paths.

    Args:
        similarity: float64 [m, m], symmetric, finite.
    """
    distances = similarity.max(initial=0) - (similarity + similarity.T) / 2
    paths = _nearest_next(distances)
    lengths = np.array([_length(distances, path) for path in paths])
    improved = [_improve(distances, paths[i]) for i in np.argsort(lengths, kind="stable")[:STARTS]]
    best = min(improved, key=lambda path: _length(distances, path))
    return best if best[0] <= best[-1] else best[::-1].copy()


def _length(distances: Distances, path: Places) -> float:
    return float(distances[path[:-1], path[1:]].sum())


def _nearest_next(distances: Distances) -> Places:
    """Return a path from each start, which goes to the nearest one that is left: int64 [m, m]."""
    m = len(distances)
    rows, paths = np.arange(m), np.empty((m, m), np.int64)
    left = np.ones((m, m), bool)
    at = rows
    for place in range(m):
        paths[:, place] = at
        left[rows, at] = False
        at = np.where(left, distances[at], np.inf).argmin(axis=1)
    return paths


def _improve(distances: Distances, path: Places) -> Places:
    """Return a path of which no stretch can be reversed to make it shorter; each time the best one is."""
    m, path = len(path), path.copy()
    steps = np.pad(distances[np.ix_(path, path)], 1)  # the ends are at no distance from anything
    upper = np.triu(np.ones((m, m), bool), 1)
    while True:
        single = steps.diagonal(1)
        gain = single[:-1, None] + single[1:] - steps[:-2, 1:-1] - steps[1:-1, 2:]
        begin, end = np.unravel_index(np.where(upper, gain, 0).argmax(), gain.shape)
        if not upper[begin, end] or gain[begin, end] <= ROUNDING:
            return path
        path[begin : end + 1] = path[begin : end + 1][::-1].copy()
        stretch = slice(begin + 1, end + 2)
        steps[stretch] = steps[stretch][::-1].copy()
        steps[:, stretch] = steps[:, stretch][:, ::-1].copy()
