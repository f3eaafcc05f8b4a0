"""The gains of single changes, from a gradient over one-hot features."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.enumeration import single_changes

__all__ = ["OneHotDifferences"]

Floats = NDArray[np.float32]


class OneHotDifferences:
    """Which features each single change of an architecture sets and clears.

    A change of a gene replaces its choice. If the gene owns others, it also makes some of them active or inactive.

    Args:
        space: the design space, whose genes are active by their owners.
        columns: for each gene that is a feature, the feature's column for each of its choices.
    """

    def __init__(self, space: DesignSpace, columns: Mapping[str, Sequence[int]]) -> None:
        self._gene, choice = single_changes(space)
        self._owner, self._active_from = space.owner, space.active_from
        self._none = 1 + max(max(places) for places in columns.values())
        features = np.full((space.n_genes, int(space.cardinality.max())), self._none)
        for name, places in columns.items():
            distinct = [places[position] for position in space.genes[space.index[name]].distinct]
            features[space.index[name], : len(distinct)] = distinct
        self._features, self._first = features.ravel(), features.shape[1] * np.arange(space.n_genes)
        self._of_change = features[self._gene, choice]
        genes = np.arange(space.n_genes)
        owned = (space.owner[:, None] == self._gene) & (genes[:, None] != self._gene)
        self._owned = owned.astype(np.float32)  # [n_genes, changes]
        self._active_after = (owned & (choice >= space.active_from[:, None])).astype(np.float32)

    def gains(self, genes: Genes, gradient: Floats) -> Floats:
        """Return the gains of all single changes: float32 [n, changes].

        Args:
            genes: int8 [n, n_genes].
            gradient: at these architectures, float32 [n, n_features].
        """
        every = np.zeros((len(gradient), self._none + 1), np.float32)
        every[:, :-1] = gradient[:, : self._none]
        rows = every.shape[1] * np.arange(len(genes))[:, None]
        present = every.ravel().take(rows + self._features.take(genes + self._first))
        active = genes.take(self._owner, axis=1) >= self._active_from
        gains: Floats = every.take(self._of_change, axis=1)
        gains -= present.take(self._gene, axis=1)
        gains *= active.take(self._gene, axis=1)
        gains += present @ self._active_after - (present * active) @ self._owned
        return gains
