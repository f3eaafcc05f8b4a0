"""Finds the choices of genes that a predictor's labels never had, whose predictions are guesses."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ofa_bench.errors import InputError, suggestion
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.genes import kind_of

__all__ = [
    "FEW",
    "Choices",
    "check_unlabelled",
    "find_rare",
    "find_unlabelled",
    "format_choices",
    "labelled_choices",
    "to_subspace",
    "unlabelled_in",
]

FEW = 5
"""A choice that fewer labelled architectures have is rare."""

MAX_NAMED = 8
"""The maximum number of groups of choices in a message."""

Choices = Mapping[str, Sequence[float]]
"""Values by gene."""


def count_choices(space: DesignSpace, genes: Genes) -> dict[str, dict[float, int]]:
    """Count, for each gene and value, the rows (int8 [n, n_genes], distinct) in which it is active and has that value.

    Values that build the same network are counted together.
    """
    rows, active = space.canonical(genes), space.active(genes)
    counts = {}
    for i, gene in enumerate(space.genes):
        found = np.bincount(rows[active[:, i], i], minlength=len(gene.choices)).tolist()
        counts[gene.name] = {value: found[gene.distinct[j]] for j, value in enumerate(gene.choices)}
    return counts


def find_unlabelled(space: DesignSpace, genes: Genes) -> dict[str, tuple[float, ...]]:
    """Return the values of each gene that no row (int8 [n, n_genes]) has with the gene active.

    A gene that is never active is left out if its owner's missing values imply that.
    """
    counts = count_choices(space, genes)
    missing = {name: tuple(value for value, n in found.items() if not n) for name, found in counts.items()}
    return {
        gene.name: missing[gene.name]
        for gene in space.genes
        if missing[gene.name] and not (gene.owner and missing[gene.owner] and not any(counts[gene.name].values()))
    }


def find_rare(space: DesignSpace, genes: Genes) -> dict[str, dict[float, int]]:
    """Return the values that 1 to ``FEW - 1`` rows (int8 [n, n_genes], distinct) have, with their counts."""
    counts = count_choices(space, genes)
    rare = {name: {v: n for v, n in found.items() if 0 < n < FEW} for name, found in counts.items()}
    return {name: found for name, found in rare.items() if found}


def unlabelled_in(space: DesignSpace, row: Genes, unlabelled: Choices) -> dict[str, list[float]]:
    """Return the active genes of an architecture (int8 [n_genes]) with a value that no label had, and the value."""
    active, values = space.active(row[None])[0], space.values(space.canonical(row[None])[0])
    return {
        name: [value]
        for there, (name, value) in zip(active, values.items(), strict=True)
        if there and value in unlabelled.get(name, ())
    }


def labelled_choices(space: DesignSpace, unlabelled: Choices) -> dict[str, list[float]]:
    """Return the value of ``space.choices`` that allows only labelled choices; empty if all were labelled.

    A kind of genes (``k`` for ``k0``, ``k1`` ...) is one key if all of them that remain have the same values left.
    """
    left = {gene.name: [v for v in gene.choices if v not in unlabelled.get(gene.name, ())] for gene in space.genes}
    kinds: dict[str, list[str]] = {}
    for gene in space.genes:
        kinds.setdefault(kind_of(gene.name), []).append(gene.name)
    held: dict[str, list[float]] = {}
    for kind, names in kinds.items():
        remain = [name for name in names if not _is_gone(space, name, left)]
        some = [name for name in remain if left[name] and name in unlabelled]
        same = bool(some) and all(left[name] == left[some[0]] for name in remain)
        alone = len(names) == 1 or kind not in space.index
        if same and alone and all(set(left[some[0]]) <= set(space.genes[space.index[name]].choices) for name in names):
            held[kind if len(names) > 1 else names[0]] = left[some[0]]
        else:
            held |= {name: left[name] for name in some}
    return held


def _is_gone(space: DesignSpace, name: str, left: Choices) -> bool:
    """Return whether a gene is inactive whatever value its owner has left."""
    gene = space.genes[space.index[name]]
    if gene.owner is None or not left[gene.owner]:
        return False
    owner = space.genes[space.index[gene.owner]]
    return max(map(owner.choices.index, left[gene.owner])) < gene.active_from


def to_subspace(part: Subspace, unlabelled: Choices) -> dict[str, tuple[float, ...]]:
    """Return the values of a subspace's genes that set unlabelled choices of the parent.

    A choice that a gene sets with all its values is left out, because no architecture of the subspace can avoid it.
    """
    found: dict[str, list[float]] = {}
    whole = part.parent
    for i, name in enumerate(whole.gene_names):
        if not unlabelled.get(name):
            continue
        gene, owner = part.genes[int(part.source[i])], int(whole.owner[i])
        setting = []
        for choice, value in enumerate(gene.choices):
            inactive = part.source[owner] == part.source[i] and part.positions[owner, choice] < whole.active_from[i]
            if not inactive and whole.genes[i].choices[part.positions[i, choice]] in unlabelled[name]:
                setting.append(value)
        if len(setting) < len(gene.choices) or len(set(part.positions[i, : len(gene.choices)].tolist())) > 1:
            found.setdefault(gene.name, []).extend(setting)
    return {name: tuple(dict.fromkeys(values)) for name, values in found.items() if values}


def check_unlabelled(space: DesignSpace, predictor: Any) -> dict[str, tuple[float, ...]] | None:
    """Return a predictor's ``unlabelled`` choices, without values that the space does not have; None if unknown.

    Raises:
        InputError: it is not a mapping of genes to values, or the space has no such gene.
    """
    given, name = predictor.unlabelled, predictor.name
    if given is None:
        return None
    fits = isinstance(given, Mapping) and all(
        isinstance(values, Sequence) and all(isinstance(value, int | float) for value in values)
        for values in given.values()
    )
    if not fits:
        raise InputError(f"predictor {name}: unlabelled must map genes to lists of their values, not {given!r:.60}")
    unknown = [] if isinstance(space, Subspace) else [str(gene) for gene in given if gene not in space.index]
    if unknown:
        near = suggestion(unknown[0], space.gene_names)
        raise InputError(f"predictor {name}: unlabelled names {unknown[0]}, no gene of space {space.name}{near}")
    kept = {gene.name: tuple(v for v in gene.choices if v in given.get(gene.name, ())) for gene in space.genes}
    return {gene: values for gene, values in kept.items() if values}


def format_choices(choices: Choices) -> str:
    """Return values by gene as a short text: ``r=160, 176``; genes of a kind with the same values are joined."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, values in choices.items():
        groups.setdefault((kind_of(name), ", ".join(f"{value:g}" for value in values)), []).append(name)
    parts = []
    for (kind, text), names in groups.items():
        parts += [f"{name}={text}" for name in names] if len(names) < 4 else [f"{kind}={text} ({len(names)} genes)"]
    more = f"; and {len(parts) - MAX_NAMED} more" if len(parts) > MAX_NAMED else ""
    return "; ".join(parts[:MAX_NAMED]) + more
