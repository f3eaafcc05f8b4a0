"""Cost models: the base class, and exact sums of table entries that a few genes each choose."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.elimination import Factor, minimise
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.checks import check_genes

__all__ = ["MAX_COST", "CostLimit", "CostModel", "CostTable", "Term"]

MAX_COST = 1e300
"""The largest value allowed in a table, so that no sum overflows."""

MAX_CHOICES = 1_000_000
"""The maximum number of combinations of a term's genes and their owners; a table has an entry for each."""


class CostModel(ABC):
    """Returns costs of architectures, in ``unit``; ``cheapest`` and ``dearest`` are exact over the space.

    ``targets`` are the default targets. ``guard_band`` is the factor by which costs are raised, 1 for none.
    ``fork_safe`` declares that searches may run in forked processes (see ``declares_fork_safe``).
    """

    name: str
    unit: str
    sha256: str
    card: Mapping[str, Any]
    cheapest: Genes
    dearest: Genes
    minimum: float
    maximum: float

    targets: Sequence[float] = ()
    guard_band: float = 1.0
    fork_safe: bool = False
    limits: "Sequence[CostLimit]" = ()
    """Limits on other costs; where an architecture misses one, ``cost`` is infinite (see ``limited``)."""

    @abstractmethod
    def cost(self, genes: Genes) -> NDArray[np.float64]:
        """Return the cost of each architecture: int8 [n, n_genes] to float64 [n]."""

    def without_limits(self, genes: Genes) -> NDArray[np.float64]:
        """Return the cost of each architecture, whatever limits there are on other costs.

        It is finite: int8 [n, n_genes] to float64 [n].
        """
        return self.cost(genes)

    def costs_elsewhere(self, genes: Genes) -> Mapping[str, NDArray[np.float64]]:  # noqa: ARG002
        """Return the costs that records show beside this one, by cost model: int8 [n, n_genes] to float64 [n] each."""
        return {}

    def among(self, rows: Genes) -> "CostModel":
        """Return the same costs, with the extremes of some architectures (int8 [n, n_genes]) only."""
        made, costs = copy.copy(self), self.cost(rows)
        least, most = int(costs.argmin()), int(costs.argmax())
        made.minimum, made.cheapest = float(costs[least]), rows[least]
        made.maximum, made.dearest = float(costs[most]), rows[most]
        return made


@dataclass(frozen=True)
class CostLimit:
    """The largest cost allowed by another cost model, in its unit."""

    cost: CostModel
    most: float

    def __str__(self) -> str:
        return f"{self.cost.name} {self.most:g} {self.cost.unit}"


@dataclass(frozen=True)
class Term:
    """One summand: ``values`` [choices of the first gene, of the second, ...], added if all genes are active.

    The same values are for every tuple of ``places`` (blocks of a stage that have the same shape).
    """

    places: tuple[tuple[str, ...], ...]
    values: NDArray[np.float64]


class CostTable(CostModel):
    """An additive table: the cost of an architecture is the sum of one entry of each term whose genes are active.

    All tables lie end to end in ``entries``; an architecture's are at ``genes @ strides + offsets``. ``guard_band`` is
    the factor by which costs are raised (see ``guarded``), 1 for none.

    Args:
        space: the design space.
        terms: the summands; every tuple of genes in a term's ``places`` is looked up in its ``values``.
        name: the device.
        unit: of the values and of the targets, such as ``ms``.
        sha256: of the file that the table came from.
        card: the source of the values, their date and how they were measured.
        targets: the default targets, in ``unit``.

    Raises:
        InputError: a term names an unknown gene, has the wrong shape, or holds a negative or non-finite value.
    """

    fork_safe = True

    def __init__(
        self,
        space: DesignSpace,
        terms: Sequence[Term],
        *,
        name: str,
        unit: str,
        sha256: str,
        card: Mapping[str, Any],
        targets: Sequence[float] = (),
    ) -> None:
        self.name, self.unit, self.sha256, self.card, self.targets = name, unit, sha256, card, tuple(targets)
        self._lay_out(space, [[_factor(space, place, term.values) for place in term.places] for term in terms])

    def _lay_out(self, space: DesignSpace, terms: Sequence[Sequence[Factor]]) -> None:
        self.space, self._terms = space, terms
        factors = [factor for term in terms for factor in term]
        strides = np.zeros((space.n_genes, len(factors)))
        for column, (scope, values) in enumerate(factors):
            strides[list(scope), column] = np.array(values.strides) // values.itemsize
        self.strides = strides
        self.offsets = np.cumsum([0] + [values.size for _, values in factors[:-1]])
        self.entries = np.concatenate([values.ravel() for _, values in factors])
        self.minimum, self.cheapest = self._extreme(factors, 1)
        self.maximum, self.dearest = self._extreme(factors, -1)

    @property
    def factors(self) -> list[Factor]:
        """The summands: each the genes that choose its entry, and the entries, 0 where a gene is inactive."""
        return [factor for term in self.factors_by_term for factor in term]

    @property
    def factors_by_term(self) -> list[list[Factor]]:
        """The summands of each term: one for each of its places."""
        sizes = self.space.cardinality
        return [[(scope, values.reshape(sizes[list(scope)])) for scope, values in term] for term in self._terms]

    def cost(self, genes: Genes) -> NDArray[np.float64]:
        """Return the cost of each architecture, in ``unit``: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        places = (check_genes(self.space, genes) @ self.strides).astype(np.intp)  # exact: small integers in float64
        places += self.offsets
        return np.asarray(self.entries[places].sum(axis=1))

    def rescaled(self, rng: np.random.Generator) -> "CostTable":
        """Return a made-up device: each term times its own random factor, log-uniform from 1/3 to 3."""
        made = self._scaled(np.exp(rng.uniform(-1.1, 1.1, size=len(self._terms))))
        made.name, made.sha256 = f"{self.name}~", ""
        return made

    def guarded(self) -> "CostTable":
        """Return the same table with every cost times the card's ``guard_band``.

        Of the networks measured for the card, 1 in 20 was slower than ``guard_band`` times its cost in the table. A
        search of target t on the guarded table is a search of t / guard_band on the table itself.

        Raises:
            InputError: the card has no ``guard_band`` (the table's error is not known).
        """
        band = self.card.get("guard_band")
        if not isinstance(band, int | float) or not 1 <= band < np.inf:
            raise InputError(
                f"device={self.name}: guard_band=true needs a table whose card has a guard_band of 1 or more"
            )
        made = self._scaled(np.full(len(self._terms), band))
        made.guard_band = float(band)
        return made

    def within(self, part: Subspace) -> "CostTable":
        """Return the same table for a subspace; minimum and maximum are exact over the subspace.

        Raises:
            InputError: it is a subspace of another space.
        """
        if part.parent.name != self.space.name:
            raise InputError(
                f"device={self.name}: space {part.name} is a part of {part.parent.name}, not {self.space.name}"
            )
        made = copy.copy(self)
        made._lay_out(part, [[_factor_within(part, *factor) for factor in term] for term in self._terms])
        return made

    def _scaled(self, scales: NDArray[np.float64]) -> "CostTable":
        """Return the same table with each term times its own factor: float64 [terms]."""
        scaled = zip(self._terms, scales, strict=True)
        made = copy.copy(self)
        made._lay_out(self.space, [[(scope, values * scale) for scope, values in term] for term, scale in scaled])
        return made

    def _extreme(self, factors: Sequence[Factor], sign: int) -> tuple[float, Genes]:
        signed = [(scope, sign * values) for scope, values in factors]
        row = self.space.canonical(minimise(signed, self.space.cardinality)[None])
        return float(self.cost(row)[0]), row[0]


def _factor(space: DesignSpace, place: Sequence[str], values: NDArray[np.float64]) -> Factor:
    """Return a term over its genes and their owners, with 0 wherever one of its genes is inactive."""
    unknown = [name for name in place if name not in space.index]
    if unknown:
        raise InputError(f"cost table: space {space.name} has no gene '{unknown[0]}'")
    if len(set(place)) < len(place):
        raise InputError(f"cost table: the term of {', '.join(place)} names a gene twice")
    shape = tuple(len(space.genes[space.index[name]].choices) for name in place)
    if values.shape != shape:
        raise InputError(f"cost table: the term of {', '.join(place)} must have shape {shape}, not {values.shape}")
    wrong = values[~((values >= 0) & (values <= MAX_COST))]
    if wrong.size:
        raise InputError(
            f"cost table: the term of {', '.join(place)} holds a negative or non-finite value or one above "
            f"{MAX_COST:g}: {wrong[0]:g}"
        )
    distinct = [space.genes[space.index[name]].distinct for name in place]
    values = values[np.ix_(*distinct)]  # choices that build one network cost the same
    owners = [gene.owner for name in place if (gene := space.genes[space.index[name]]).owner]
    scope = list(dict.fromkeys([*place, *owners]))
    sizes = [len(space.genes[space.index[str(name)]].choices) for name in scope]
    if math.prod(sizes) > MAX_CHOICES:
        raise InputError(
            f"cost table: the term of {', '.join(place)} has {math.prod(sizes):,} combinations with the genes that "
            f"these depend on; {MAX_CHOICES:,} at most"
        )
    grid = np.indices(sizes)
    active = np.ones(sizes, dtype=bool)
    for name in place:
        gene = space.genes[space.index[name]]
        if gene.owner:
            active &= grid[scope.index(gene.owner)] >= gene.active_from
    spread = values.reshape(values.shape + (1,) * (len(sizes) - values.ndim))
    dense = np.ascontiguousarray(np.where(active, spread, 0.0))
    return tuple(space.index[str(name)] for name in scope), dense


def _factor_within(part: Subspace, scope: Sequence[int], values: NDArray[np.float64]) -> Factor:
    """Return a table of the parent for every choice of the subspace's genes that set its variables."""
    sources = sorted({int(part.source[gene]) for gene in scope if not part.fixed[gene]})
    sizes = [int(part.cardinality[source]) for source in sources]
    grid = dict(zip(sources, np.indices(sizes), strict=True))
    fixed = np.zeros(sizes, np.intp)
    places = tuple(part.positions[gene, fixed if part.fixed[gene] else grid[int(part.source[gene])]] for gene in scope)
    return tuple(sources), np.ascontiguousarray(values[places])
