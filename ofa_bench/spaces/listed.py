"""A space of listed architectures, such as the trained networks of a tabular benchmark."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.checks import check_genes, check_row
from ofa_bench.spaces.declarations import declares_fork_safe
from ofa_bench.spaces.drawing import Drawing
from ofa_bench.spaces.genes import Genes

__all__ = ["ListedSpace", "whole_space"]


class ListedSpace(DesignSpace):
    """The architectures of another space whose accuracies are known; it has the same genes and the same name.

    What a search proposes is moved to the nearest of them (``snap``): ``mutate`` and ``crossover`` do so with children.

    Args:
        space: the whole space.
        known: its architectures that are listed, int8 [n, n_genes].

    Raises:
        InputError: none is listed.
    """

    fork_safe = property(lambda self: declares_fork_safe(self.whole))

    def __init__(self, space: DesignSpace, known: Genes) -> None:
        if not len(known):
            raise InputError(f"space {space.name}: the predictor knows none of its architectures")
        super().__init__(space.name, space.genes)
        self.whole = space
        self.rows: Genes = np.unique(space.canonical(known), axis=0)
        self._places = {row.tobytes(): i for i, row in enumerate(self.rows)}
        self._gene = np.repeat(np.arange(self.n_genes), self.cardinality - 1)
        self._step = np.concatenate([np.arange(1, n, dtype=np.int8) for n in self.cardinality])
        self._weight = (1 / (self.cardinality - 1.0).repeat(self.cardinality - 1)).astype(np.float32)
        steps = self._steps(self.rows)
        self._aims, self._sizes = (self._weight * (1 - 2 * steps)).T.copy(), steps @ self._weight

    def sample(self, n: int, rng: np.random.Generator) -> Genes:
        """Draw ``n`` listed architectures, each with equal chance: int8 [n, n_genes]."""
        return self.rows[rng.integers(len(self.rows), size=n)]

    def mutate(self, parents: Genes, prob: float, rng: np.random.Generator) -> Genes:
        """Mutate as the whole space does, and move mutants to listed architectures: int8 [n, n_genes]."""
        return self.snap(self.whole.mutate(parents, prob, rng), parents)

    def crossover(self, first: Genes, second: Genes, rng: np.random.Generator) -> Genes:
        """Cross as the whole space does, and move children to listed architectures: int8 [n, n_genes]."""
        return self.snap(self.whole.crossover(first, second, rng), first, second)

    def snap(self, rows: Genes, *parents: Genes) -> Genes:
        """Return the nearest listed architectures, canonical; of several, the first by genes: int8 [n, n_genes].

        A distance is the sum over genes of the difference of positions, as a share of the largest one. A row that is
        listed stays. Another one is never moved to a parent, because then all small changes would be undone.

        Args:
            rows: int8 [n, n_genes], of the whole space.
            parents: int8 [n, n_genes] each.
        """
        snapped = self.whole.canonical(rows)
        off = np.flatnonzero(self._place(snapped) < 0)
        if off.size:
            distance = self._sizes + self._steps(snapped[off]) @ self._aims
            for one in parents:
                place = self._place(self.whole.canonical(one[off]))
                there = np.flatnonzero(place >= 0)
                distance[there, place[there]] = np.inf
            snapped[off] = self.rows[distance.argmin(axis=1)]
        return snapped

    def contains(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which rows are listed: bool [n]; rows of another length are not."""
        inside = self.whole.contains(genes)
        if inside.any():
            inside[inside] = self._place(self.whole.canonical(np.asarray(genes)[inside])) >= 0
        return inside

    def active(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which genes change the network: bool [n, n_genes]."""
        return self.whole.active(genes)

    def canonical(self, genes: Genes) -> Genes:
        """Return the canonical form of rows of the whole space: int8 [n, n_genes]."""
        return self.whole.canonical(genes)

    def keys(self, genes: Genes) -> list[bytes]:
        """Return one hashable key a row; rows that build the same network have the same key."""
        return self.whole.keys(genes)

    def drawing(self, row: Genes) -> Drawing | None:
        """Return the drawing of one row (int8 [n_genes]); None if there is none."""
        return self.whole.drawing(row)

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row (int8 [n_genes]) to the dict of the whole space."""
        return self.whole.to_ofa(check_row(self, row))

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert such a dict to one canonical row (int8 [n_genes]).

        Raises:
            InputError: it is no architecture of the space, or is not listed.
        """
        row = self.whole.from_ofa(arch)
        if not self.contains(row[None])[0]:
            raise InputError(f"{self.name}: not one of the {len(self.rows):,} architectures that the predictor knows")
        return row

    def _place(self, canonical: Genes) -> NDArray[np.intp]:
        """Return the places of canonical rows in ``rows``, -1 where they are not listed: intp [n]."""
        return np.array([self._places.get(row.tobytes(), -1) for row in canonical], np.intp)

    def _steps(self, genes: Genes) -> NDArray[np.float32]:
        """Return, for each position of a gene but the first, whether a row is there or beyond: float32 [n, steps]."""
        steps: NDArray[np.float32] = (check_genes(self, genes)[:, self._gene] >= self._step).astype(np.float32)
        return steps


def whole_space(space: DesignSpace) -> DesignSpace:
    """Return the space that a listed one is a part of; another space itself."""
    return space.whole if isinstance(space, ListedSpace) else space
