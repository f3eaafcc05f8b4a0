"""A subspace: its genes set those of the parent, whose predictors and cost models serve it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.checks import check_genes, check_row
from ofa_bench.spaces.declarations import declares_fork_safe
from ofa_bench.spaces.drawing import Drawing
from ofa_bench.spaces.genes import Gene, Genes

__all__ = ["Subspace"]


class Subspace(DesignSpace):
    """A design space whose architectures are a subset of those of another space.

    By gene of the parent: ``source`` (the gene here that sets it), ``positions`` (the parent's position for each choice
    of ``source``; the rest of a row is not used) and ``fixed`` (whether these positions are all the same).

    Args:
        name: of the space.
        genes: of the space.
        parent: the larger space.
        sources: for each gene of the parent, the gene here that sets it, and the parent's position for each choice.
    """

    fork_safe = property(lambda self: declares_fork_safe(self.parent))

    def __init__(
        self, name: str, genes: Sequence[Gene], parent: DesignSpace, sources: Mapping[str, tuple[str, Sequence[int]]]
    ) -> None:
        super().__init__(name, genes)
        self.parent = parent
        self.source = np.array([self.index[sources[gene][0]] for gene in parent.gene_names])
        self.positions = np.zeros((parent.n_genes, int(self.cardinality.max())), np.int8)
        for i, gene in enumerate(parent.gene_names):
            choices = sources[gene][1]
            self.positions[i, : len(choices)] = choices
        sizes = self.cardinality[self.source]
        self.fixed = np.array([len(set(row[:n].tolist())) == 1 for row, n in zip(self.positions, sizes, strict=True)])

    def to_parent(self, genes: Genes) -> Genes:
        """Return the same architectures as rows of the parent: int8 [n, n_genes] to int8 [n, parent.n_genes]."""
        return self.positions[np.arange(self.parent.n_genes), check_genes(self, genes)[:, self.source]]

    def from_parent(self, genes: Genes) -> Genes:
        """Return those architectures of the parent that are in this part of it: int8 [n, n_genes], canonical.

        Args:
            genes: int8 [n, parent.n_genes].
        """
        rows: list[Genes] = [np.empty((0, self.n_genes), np.int8)]
        for row in genes:
            with suppress(InputError):
                rows.append(self.from_ofa(self.parent.to_ofa(row))[None])
        return np.concatenate(rows)

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row (int8 [n_genes]) to the dict of the parent's supernet."""
        return self.parent.to_ofa(self.to_parent(check_row(self, row)[None])[0])

    def drawing(self, row: Genes) -> Drawing | None:
        """Return the drawing of one row (int8 [n_genes]) by the parent; None if there is none."""
        return self.parent.drawing(self.to_parent(check_row(self, row)[None])[0])

    def read_network(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return OFA's dict, without the image size, as the parent reads it."""
        return self.parent.read_network(config)

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert the dict of the parent's supernet to one canonical row (int8 [n_genes]).

        Raises:
            InputError: it is not an architecture of the parent, or not one of this part of it.
        """
        wanted = self.parent.from_ofa(arch)
        row: Genes = np.zeros(self.n_genes, np.int8)
        active = self.parent.active(wanted[None])[0]
        for i, source in enumerate(self.source):
            distinct = np.array(self.parent.genes[i].distinct, np.int8)
            choices = np.flatnonzero(distinct[self._allowed(i)] == wanted[i])
            if active[i] and len(choices) == 1:
                row[source] = choices[0]
        row = self.canonical(row[None])[0]
        built = self.parent.canonical(self.to_parent(row[None]))[0]
        if (built != wanted).any():
            i = int(np.flatnonzero(built != wanted)[0])
            gene, there = self.parent.genes[i], sorted(set(self._allowed(i).tolist()))
            message = f"{self.name}: {gene.name}={gene.choices[wanted[i]]}"
            if wanted[i] not in there:
                raise InputError(f"{message} is not one of {[gene.choices[place] for place in there]}")
            raise InputError(f"{message} is not what this part of {self.parent.name} has there")
        return row

    def _allowed(self, gene: int) -> Genes:
        """Return the positions that a gene of the parent can have, one for each choice of the gene that sets it."""
        return self.positions[gene, : int(self.cardinality[self.source[gene]])]
