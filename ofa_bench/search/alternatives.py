"""Finds the best distinct architectures behind a winner, which people rank again by their measurements."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.memo import Values
from ofa_bench.spaces import Genes

__all__ = ["Alternative", "distinct_best_first", "next_best"]

CHUNK = 16
"""Number of architectures that are yielded together."""


@dataclass(frozen=True)
class Alternative:
    """An architecture (int8 [n_genes], canonical) that met a target: its accuracy (fraction of 1) and its cost."""

    genes: Genes
    accuracy: float
    cost: float


def next_best(
    keep: int, target: float, winner: Genes, highest: float, batches: Iterable[tuple[Genes, Values, Values]]
) -> tuple[Alternative, ...]:
    """Return the best architectures that meet a target, without the winner: ``keep - 1`` of them, best first.

    Args:
        keep: how many are kept, with the winner.
        target: the largest cost allowed.
        winner: int8 [n_genes], canonical.
        highest: its accuracy; the search did not consider more accurate ones, so they are left out here too.
        batches: distinct canonical architectures (int8 [n, n_genes]) with their accuracies and costs (float64 [n]
            each), best first.
    """
    found: list[Alternative] = []
    for genes, accuracy, cost in batches if keep > 1 else ():
        others = (cost <= target) & (accuracy <= highest) & (genes != winner).any(axis=1)
        for place in np.flatnonzero(others)[: keep - 1 - len(found)].tolist():
            found.append(Alternative(genes[place].copy(), float(accuracy[place]), float(cost[place])))
        if len(found) == keep - 1:
            break
    return tuple(found)


def distinct_best_first(genes: Genes, accuracy: Values, cost: Values, places: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield the places of distinct architectures, ``CHUNK`` or fewer at a time, best first.

    Of equally accurate ones the cheapest is first.

    Args:
        genes: int8 [n, n_genes], canonical.
        accuracy: float64 [n].
        cost: float64 [n].
        places: the rows to look at.
    """
    seen = set[bytes]()
    for chunk in _chunks(accuracy, cost, places):
        kept = []
        for place, row in zip(chunk.tolist(), genes[chunk], strict=True):
            key = row.tobytes()
            if key not in seen:
                seen.add(key)
                kept.append(place)
        if kept:
            yield kept


def _chunks(accuracy: Values, cost: Values, places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield all places in parts of ``CHUNK``, best first; only as many are sorted as are asked for."""
    values, parts = accuracy[places], [places]
    if len(places) > 4 * CHUNK:
        least = np.partition(values, -CHUNK)[-CHUNK]
        parts = [places[values >= least], places[values < least]]
    for part in parts:
        order = part[np.lexsort((cost[part], -accuracy[part]))]
        for begin in range(0, len(order), CHUNK):
            yield order[begin : begin + CHUNK]
