"""Subspaces from the key ``choices`` of a space's config, which allows only some choices of its genes."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ofa_bench.errors import InputError, suggestion
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.checks import check_genes
from ofa_bench.spaces.genes import Gene, Genes, kind_of
from ofa_bench.spaces.part import Subspace

__all__ = ["ChosenSpace", "by_kind", "choices_override", "hold", "plain_space", "split_choices"]

KEY = "space.choices"

MAX_CHARS = 120
"""Maximum length of the name of the choices, which is part of file names; a longer one ends in a hash."""

T = TypeVar("T")

_OPERATORS = ("sample", "mutate", "crossover", "active", "canonical", "keys", "contains")


def split_choices(described: Any) -> tuple[Any, Any]:
    """Return the config of a space without the key ``choices``, and the value of that; None if it is empty."""
    if not isinstance(described, Mapping):
        return described, None
    return {key: value for key, value in described.items() if key != "choices"}, described.get("choices") or None


def by_kind(space: DesignSpace, values: Mapping[str, T]) -> dict[str, T]:
    """Return values by kind (``k``) where all genes of the kind have the same value, and by gene (``k7``) elsewhere."""
    found = dict[str, T]()
    for name, value in values.items():
        kind = kind_of(name)
        alike = all(values.get(other) == value for other in space.gene_names if kind_of(other) == kind)
        found[kind if alike else name] = value
    return found


def choices_override(choices: Mapping[str, Sequence[float]]) -> str:
    """Return the override that allows only some choices of a space: ``space.choices='{r: [224]}'``."""
    return f"{KEY}='{{{', '.join(f'{name}: {_listed(values)}' for name, values in choices.items())}}}'"


def plain_space(described: Any) -> Any:
    """Return the config of a space, without the key ``choices`` if that is empty."""
    plain, choices = split_choices(described)
    return described if choices else plain


def hold(space: DesignSpace, choices: Mapping[str, Any]) -> DesignSpace:
    """Return the part of a space with some choices of its genes; the space itself if none is left out.

    Args:
        space: any design space, also a subspace.
        choices: values by the name of a gene (``k7``) or of all genes of a kind (``k`` for ``k0``, ``k1`` and so on).
            A gene with both has the choices that both allow.

    Raises:
        InputError: there is no such gene or choice, or a gene has no choice left.
    """
    kept = _kept(space, choices)
    if all(len(positions) == len(gene.choices) for positions, gene in zip(kept, space.genes, strict=True)):
        return space
    for name in _OPERATORS:
        if getattr(type(space), name) is not getattr(DesignSpace, name):
            raise InputError(f"{KEY}: space {space.name} has its own {name}(); write a Subspace for a part of it")
    return ChosenSpace(space, kept)


class ChosenSpace(Subspace):
    """A part of a space. It has no genes with only one choice left, or that are never active.

    ``held`` is the name of the choices; equal parts have equal names.

    Args:
        parent: the space.
        kept: for each gene of it, the positions that are left, ascending.
    """

    fork_safe = Subspace.fork_safe

    def __init__(self, parent: DesignSpace, kept: Sequence[Sequence[int]]) -> None:
        self.held, self.kept = _named(parent, kept), tuple(map(tuple, kept))
        genes = [_gene(parent, i, kept) for i in range(parent.n_genes) if _varies(parent, i, kept)]
        if not genes:  # one architecture is left, and a space needs a gene
            first = parent.genes[0]
            genes = [Gene(first.name, (first.choices[kept[0][0]],), first.group)]
        varying = {gene.name for gene in genes}
        fixed = genes[0]
        sources: dict[str, tuple[str, Sequence[int]]] = {
            name: (name, positions) if name in varying else (fixed.name, positions[:1] * len(fixed.choices))
            for name, positions in zip(parent.gene_names, self.kept, strict=True)
        }
        super().__init__(f"{parent.name},{self.held}", genes, parent, sources)

    def nearest(self, genes: Genes) -> Genes:
        """Return the rows whose values are nearest to those of rows of the parent: int8 [n, n_genes], canonical.

        Of two equally near values it takes the smaller.

        Args:
            genes: int8 [n, parent.n_genes].
        """
        genes = check_genes(self.parent, genes)
        rows: Genes = np.zeros((len(genes), self.n_genes), np.int8)
        for i, gene in enumerate(self.genes):
            at = self.parent.index[gene.name]
            values = np.array(self.parent.genes[at].choices, np.float64)
            near = np.abs(values[:, None] - np.array(gene.choices)).argmin(axis=1).astype(np.int8)
            rows[:, i] = near[genes[:, at]]
        return self.canonical(rows)


def _gene(parent: DesignSpace, i: int, kept: Sequence[Sequence[int]]) -> Gene:
    """Return a gene of the part, with the choices that are left of it and of its owner."""
    gene, positions = parent.genes[i], kept[i]
    distinct = [gene.distinct[place] for place in positions]
    first = tuple(distinct.index(place) for place in distinct)
    owner, active_from = gene.owner, 0
    if owner is not None:
        active_from = sum(place < gene.active_from for place in kept[parent.index[owner]])
    if active_from == 0:
        owner = None
    same_as = first if first != tuple(range(len(first))) else None
    choices = tuple(gene.choices[place] for place in positions)
    return Gene(gene.name, choices, gene.group, owner, active_from, same_as)


def _varies(parent: DesignSpace, i: int, kept: Sequence[Sequence[int]]) -> bool:
    """Return whether a gene makes a difference in the part."""
    gene = parent.genes[i]
    if len({gene.distinct[place] for place in kept[i]}) == 1:
        return False
    return gene.owner is None or max(kept[parent.index[gene.owner]]) >= gene.active_from


def _named(parent: DesignSpace, kept: Sequence[Sequence[int]]) -> str:
    """Return a name of the choices, by kind if all genes of a kind have the same choices left."""
    values = {
        gene.name: "-".join(f"{gene.choices[place]:.12g}" for place in positions)
        for gene, positions in zip(parent.genes, kept, strict=True)
        if len(positions) < len(gene.choices)
    }
    held = ",".join(f"{name}={text}" for name, text in by_kind(parent, values).items())
    if len(held) <= MAX_CHARS:
        return held
    return f"{held[:MAX_CHARS]}~{hashlib.sha256(held.encode()).hexdigest()[:8]}"


def _kept(space: DesignSpace, choices: Any) -> list[list[int]]:
    """Return the positions of each gene that are left."""
    if not isinstance(choices, Mapping):
        raise InputError(f"{KEY}={choices}: must be the choices of genes, like {{r: [224], k: [3, 5]}}")
    left: dict[str, list[int]] = {gene.name: list(range(len(gene.choices))) for gene in space.genes}
    for key, given in choices.items():
        names = _genes_of(space, str(key))
        values = given if isinstance(given, list | tuple) else [given]
        offered = sorted({value for name in names for value in space.genes[space.index[name]].choices})
        if not values:
            raise InputError(f"{KEY}.{key}=[]: give at least one of {_listed(offered)}")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float) or value not in offered:
                raise InputError(f"{KEY}.{key}={value!r}: {space.name} has no such choice; allowed: {_listed(offered)}")
        for name in names:
            gene = space.genes[space.index[name]]
            left[name] = [place for place in left[name] if gene.choices[place] in values]
            if not left[name]:
                raise InputError(
                    f"{KEY}.{key}={_listed(values)}: with the other keys, this leaves gene {name} none of "
                    f"{_listed(gene.choices)}"
                )
    return list(left.values())


def _genes_of(space: DesignSpace, key: str) -> list[str]:
    """Return the gene with a name, or all genes of a kind."""
    if key in space.index:
        return [key]
    kinds: dict[str, list[str]] = {}
    for name in space.gene_names:
        kinds.setdefault(kind_of(name), []).append(name)
    if key in kinds:
        return kinds[key]
    shown = [names[0] if len(names) == 1 else f"{kind} ({names[0]} to {names[-1]})" for kind, names in kinds.items()]
    near = suggestion(key, [*kinds, *space.gene_names])
    raise InputError(f"{KEY}.{key}: space {space.name} has no such gene; allowed: {', '.join(shown)}{near}")


def _listed(values: Sequence[float]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"
