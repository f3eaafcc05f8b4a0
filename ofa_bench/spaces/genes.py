"""Genes: the choices that make an architecture, and arrays of them."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Gene", "Genes", "kind_of"]

Genes = NDArray[np.int8]
"""Architectures: int8 [n, n_genes], positions into the choices of each gene."""


@dataclass(frozen=True)
class Gene:
    """One choice of an architecture.

    ``choices`` are the values, smallest first; an architecture stores the position of its choice.
    Genes with the same ``group`` mutate together. A gene with an ``owner`` is active only where the
    owner's position is at least ``active_from`` (a block's genes are owned by its stage's depth).
    Where several choices build the same network, ``same_as`` gives for each the position that stands for it.
    """

    name: str
    choices: tuple[float, ...]
    group: str
    owner: str | None = None
    active_from: int = 0
    same_as: tuple[int, ...] | None = None

    @property
    def distinct(self) -> tuple[int, ...]:
        """For each choice, the position that stands for it in the canonical form."""
        return self.same_as or tuple(range(len(self.choices)))


def kind_of(name: str) -> str:
    """Return the part of a gene's name that all genes of its kind share: ``k`` for ``k7``."""
    return re.sub(r"(?<=\D)\d+$", "", name)
