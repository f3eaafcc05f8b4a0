"""Counts and enumerates the architectures of a space, and the changes of single genes."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.genes import Genes
from ofa_bench.spaces.listed import ListedSpace

__all__ = ["architectures", "change_each", "number_of_architectures", "single_changes"]


def number_of_architectures(space: DesignSpace) -> int:
    """Return the number of architectures in canonical form; if a space overrides ``active``, of all rows."""
    if isinstance(space, ListedSpace):
        return len(space.rows)
    return prod(sum(prod(map(len, choices)) for choices in _choices(space, family)) for family in _families(space))


def architectures(space: DesignSpace, block: int) -> Iterator[Genes]:
    """Yield the architectures that ``number_of_architectures`` counts, each once: int8 [block or fewer, n_genes]."""
    if isinstance(space, ListedSpace):
        yield from (space.rows[begin : begin + block] for begin in range(0, len(space.rows), block))
        return
    families = _families(space)
    parts = [np.array([row for choices in _choices(space, family) for row in product(*choices)]) for family in families]
    size = prod(map(len, parts))
    for begin in range(0, size, block):
        number = np.arange(begin, min(begin + block, size))
        genes = np.zeros((len(number), space.n_genes), np.int8)
        for family, part in zip(families, parts, strict=True):
            number, which = np.divmod(number, len(part))
            genes[:, family] = part[which]
        yield genes


def single_changes(space: DesignSpace) -> tuple[NDArray[np.intp], Genes]:
    """Return all choices of all genes, in the order of the genes: the gene and the position of each, [changes]."""
    choices = np.concatenate([np.arange(n, dtype=np.int8) for n in space.cardinality])
    return np.repeat(np.arange(space.n_genes), space.cardinality), choices


def change_each(rows: Genes, gene: NDArray[np.intp], choice: Genes) -> Genes:
    """Return each row with one gene set to a choice, for each of these: int8 [n, n_genes] to [n, changes, n_genes]."""
    changed: Genes = np.repeat(rows[:, None], len(gene), axis=1)
    changed[:, np.arange(len(gene)), gene] = choice
    return changed


def _families(space: DesignSpace) -> list[list[int]]:
    """Return groups of genes, each with its owner first; if the space overrides ``active``, one group for each gene."""
    usual = type(space).active is DesignSpace.active and type(space).canonical is DesignSpace.canonical
    owner = space.owner
    if not usual or (owner[owner] != owner).any():
        return [[gene] for gene in range(space.n_genes)]
    roots = np.flatnonzero(owner == np.arange(space.n_genes)).tolist()
    return [[root, *(gene for gene in np.flatnonzero(owner == root).tolist() if gene != root)] for root in roots]


def _choices(space: DesignSpace, family: list[int]) -> Iterator[list[Sequence[int]]]:
    """Yield, for each choice of the owner of a family, the choices of each gene."""
    distinct = [sorted(set(space.genes[gene].distinct)) for gene in family]
    for choice in distinct[0]:
        owned = zip(family[1:], distinct[1:], strict=True)
        yield [[choice], *(several if choice >= space.active_from[gene] else [0] for gene, several in owned)]
