"""Finds the best distinct architectures behind a winner, which people rank again by their measurements."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import CostModel
from ofa_bench.search.memo import Values
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Alternative", "distinct_best_first", "next_best"]

CHUNK = 16
"""Number of architectures whose canonical form is computed together."""


@dataclass(frozen=True)
class Alternative:
    """An architecture (int8 [n_genes], canonical) that met a target: its accuracy (fraction of 1) and its cost."""

    genes: Genes
    accuracy: float
    cost: float


def next_best(
    cost_model: CostModel,
    keep: int,
    target: float,
    winner: Genes,
    highest: float,
    batches: Iterable[tuple[Genes, Values]],
) -> tuple[Alternative, ...]:
    """Return the best architectures that meet a target, without the winner: ``keep - 1`` of them, best first.

    Args:
        cost_model: of the problem.
        keep: how many are kept, with the winner.
        target: the largest cost allowed.
        winner: int8 [n_genes], canonical.
        highest: its accuracy; the search did not consider more accurate ones, so they are left out here too.
        batches: distinct canonical architectures (int8 [n, n_genes]) with their accuracies (float64 [n]), best first.
    """
    found: list[Alternative] = []
    for genes, accuracy in batches if keep > 1 else ():
        cost = cost_model.cost(genes) if len(genes) else np.empty(0)
        others = (cost <= target) & (accuracy <= highest) & (genes != winner).any(axis=1)
        for place in np.flatnonzero(others)[: keep - 1 - len(found)].tolist():
            found.append(Alternative(genes[place].copy(), float(accuracy[place]), float(cost[place])))
        if len(found) == keep - 1:
            break
    return tuple(found)


def distinct_best_first(
    space: DesignSpace, genes: Genes, accuracy: Values, cost: Values, places: NDArray[np.int64]
) -> Iterator[tuple[Genes, Values, list[int]]]:
    """Yield distinct architectures, best first: canonical rows, their accuracies and their places.

    Of equally accurate ones the cheapest is first.

    Args:
        space: the design space.
        genes: int8 [n, n_genes].
        accuracy: float64 [n].
        cost: float64 [n].
        places: the rows to look at.
    """
    seen = set[bytes]()
    for chunk in _chunks(accuracy, cost, places):
        rows = space.canonical(genes[chunk])
        first = {row.tobytes(): i for i, row in reversed(list(enumerate(rows)))}
        new = sorted(i for key, i in first.items() if key not in seen)
        seen.update(first)
        yield rows[new], accuracy[chunk[new]], chunk[new].tolist()


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
