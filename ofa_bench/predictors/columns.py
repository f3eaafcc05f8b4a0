"""The one-hot features of an architecture."""

import numpy as np

from ofa_bench.spaces import DesignSpace

__all__ = ["one_hot_columns"]


def one_hot_columns(space: DesignSpace) -> dict[str, list[int]]:
    """Return the columns of features, one for each choice of each gene, in the order of the genes."""
    ends = np.cumsum(space.cardinality, dtype=int)
    return {
        name: list(range(end - len(gene.choices), end))
        for name, gene, end in zip(space.gene_names, space.genes, ends.tolist(), strict=True)
    }
