"""Which choices of a space's genes a table has costs for, where it lacks some; a value that is not known is NaN."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import Term
from ofa_bench.spaces import DesignSpace
from ofa_bench.spaces.chosen import by_kind, choices_override

__all__ = ["Choices", "suggest_choices", "without_gaps"]

Choices = Sequence[Sequence[int]]
"""For each gene of a space, the positions of its choices that are searched."""


def without_gaps(space: DesignSpace, term: Term, choices: Choices) -> Term:
    """Return a term with 0 for values that are not known and not searched."""
    gaps = np.isnan(term.values)
    if not gaps.any():
        return term
    for place in term.places:
        searched = _searched(space, place, gaps, choices)
        if searched:
            gaps[np.ix_(*searched)] = False
    return Term(term.places, np.where(gaps, 0.0, term.values))


def suggest_choices(space: DesignSpace, terms: Sequence[Term], choices: Choices) -> str:
    """Return the override that leaves out the choices for which no value is known: ``space.choices='{k: [3, 5]}'``.

    It is empty if there are no such choices, or if a gene would have none left.
    """
    left = [set(positions) for positions in choices]
    for term in terms:
        known = ~np.isnan(term.values)
        for place in term.places:
            searched = _searched(space, place, known, choices)
            if not searched:
                continue
            there = np.nonzero(known[np.ix_(*searched)])
            for name, positions, found in zip(place, searched, there, strict=True):
                left[space.index[name]] &= {positions[i] for i in found.tolist()}
    for i, gene in enumerate(space.genes):
        if not left[i] and gene.owner is not None:  # its values do not matter where its owner never activates it
            left[i] = set(choices[i])
            owner = space.index[gene.owner]
            left[owner] = {position for position in left[owner] if position < gene.active_from}
    if not all(left) or all(len(kept) == len(searched) for kept, searched in zip(left, choices, strict=True)):
        return ""
    held = {
        gene.name: tuple(gene.choices[i] for i in sorted(kept))
        for gene, kept in zip(space.genes, left, strict=True)
        if len(kept) < len(gene.choices)
    }
    return choices_override(by_kind(space, held))


def _searched(
    space: DesignSpace, place: Sequence[str], values: NDArray[np.bool_], choices: Choices
) -> list[Sequence[int]]:
    """Return the searched positions of a place's genes; empty if the values are not for these genes."""
    found = [choices[space.index[gene]] for gene in place if gene in space.index]
    fits = len(found) == values.ndim and all(most[-1] < n for most, n in zip(found, values.shape, strict=True))
    return found if fits else []
