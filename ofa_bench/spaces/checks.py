"""Checks that arrays are architectures of a space, for public functions."""

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces.genes import Gene, Genes

__all__ = ["check_changed", "check_genes", "check_row", "check_shape"]


class Positions(Protocol):
    """The part of a design space that the checks use."""

    name: str
    genes: tuple[Gene, ...]
    cardinality: NDArray[np.int8]

    @property
    def n_genes(self) -> int:
        """The number of genes."""


_ROWS = 512
"""Number of rows that are compared at a time."""


def check_genes(space: Positions, genes: Any) -> Genes:
    """Return architectures as int8 [n, n_genes]; integers of another type are converted.

    Raises:
        ValueError: it is not an array of integers of this shape, or a gene has no such position.
    """
    rows = check_shape(space, genes)
    flat, limits = rows.reshape(-1).view(np.uint8), _limits(space.cardinality.tobytes())
    for begin in range(0, len(flat), len(limits)):
        some = flat[begin : begin + len(limits)]
        if np.count_nonzero(some >= limits[: len(some)]):  # a negative position is 128 or more; faster than any()
            raise _out_of_range(space, rows)
    return rows


@lru_cache(maxsize=64)
def _limits(cardinality: bytes) -> NDArray[np.uint8]:
    """Return the numbers of choices, repeated: two long arrays are compared ten times as fast as a row with many."""
    return np.tile(np.frombuffer(cardinality, np.uint8), _ROWS)


def check_shape(space: Positions, genes: Any) -> Genes:
    """Return architectures as int8 [n, n_genes] as ``check_genes`` does, but without a check of int8 positions.

    Raises:
        ValueError: it is not an array of integers of this shape, or a gene has no such position, in another type.
    """
    if isinstance(genes, np.ndarray) and genes.dtype == np.int8 and genes.ndim == 2 and genes.shape[1] == space.n_genes:
        return genes
    return _converted(space, genes, f"[n, {space.n_genes}]", 2)


def check_row(space: Positions, row: Any) -> Genes:
    """Return one architecture as int8 [n_genes].

    Raises:
        ValueError: it is not an array of integers of this shape, or a gene has no such position.
    """
    rows = check_genes(space, _converted(space, row, f"[{space.n_genes}]", 1)[None])
    return rows.reshape(space.n_genes)


def check_changed(space: Positions, genes: Any, changed: Any) -> tuple[Genes, Genes]:
    """Return architectures as int8 [n, n_genes] and changed forms of each of them as int8 [n, m, n_genes].

    Raises:
        ValueError: one is not an array of integers of this shape, or a gene has no such position.
    """
    rows = check_genes(space, genes)
    forms = _converted(space, changed, f"[{len(rows)}, m, {space.n_genes}]", 3)
    if len(forms) != len(rows):
        raise ValueError(f"changed: {len(forms)} given for {len(rows)} architectures of space {space.name}")
    check_genes(space, forms.reshape(-1, space.n_genes))
    return rows, forms


def _converted(space: Positions, given: Any, wanted: str, ndim: int) -> Genes:
    """Return an array of the right shape as int8; raise ValueError for another shape, type or position."""
    array = np.asarray(given)
    if array.ndim != ndim or array.shape[-1] != space.n_genes or array.dtype.kind not in "iu":
        hint = "; of one row, give row[None]" if (ndim, array.shape) == (2, (space.n_genes,)) else ""
        raise ValueError(
            f"these are not all architectures of space {space.name}: genes must be int8 {wanted}, not {array.dtype} "
            f"{list(array.shape)}{hint}"
        )
    if array.dtype == np.int8:
        return array
    rows = array.reshape(-1, space.n_genes)
    if not ((rows >= 0) & (rows < space.cardinality)).all():
        raise _out_of_range(space, rows)
    return array.astype(np.int8)


def _out_of_range(space: Positions, rows: NDArray[Any]) -> ValueError:
    row, i = np.argwhere((rows < 0) | (rows >= space.cardinality))[0].tolist()
    gene, last = space.genes[i], len(space.genes[i].choices) - 1
    return ValueError(
        f"these are not all architectures of space {space.name}: gene {gene.name} is {rows[row, i]} in row {row}; it "
        f"must be a position from 0 to {last}"
    )
