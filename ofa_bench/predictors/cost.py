"""Cost models: exact sums of table entries, each chosen by a few genes of the architecture."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError, suggestion
from ofa_bench.predictors.elimination import Factor, minimise
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["FORMAT", "CostModel", "CostTable", "Term", "latency_table"]

FORMAT = "ofa_bench.cost_table/1"
_FOLDER = files("ofa_bench") / "data" / "devices"


class CostModel(Protocol):
    """What an architecture costs, in ``unit``; ``cheapest`` and ``dearest`` are exact over the space."""

    name: str
    unit: str
    sha256: str
    card: Mapping[str, Any]
    cheapest: Genes
    dearest: Genes
    minimum: float
    maximum: float

    def cost(self, genes: Genes) -> NDArray[np.float64]:
        """Cost of each architecture: int8 [n, n_genes] to float64 [n]."""
        ...


@dataclass(frozen=True)
class Term:
    """One summand: ``values`` [choices of the first gene, of the second, ...], counted where all genes are active.

    The same values serve every tuple of ``places`` (the blocks of a stage that have one shape).
    """

    places: tuple[tuple[str, ...], ...]
    values: NDArray[np.float64]


class CostTable:
    """An additive table: the cost of an architecture is the sum of one entry of each term whose genes are active.

    Args:
        space: the design space.
        terms: the summands; every tuple of genes in a term's ``places`` is looked up in its ``values``.
        name: the device.
        unit: of the values and of the targets, such as ``ms``.
        sha256: of the file that the table came from.
        card: where the values come from: source, date, how they were made.

    Raises:
        InputError: a term names an unknown gene, has the wrong shape, or holds a negative or non-finite value.
    """

    def __init__(
        self,
        space: DesignSpace,
        terms: Sequence[Term],
        *,
        name: str,
        unit: str,
        sha256: str,
        card: Mapping[str, Any],
    ) -> None:
        self.space, self.name, self.unit, self.sha256, self.card = space, name, unit, sha256, card
        self._terms = tuple(terms)
        factors = [_factor(space, place, term.values) for term in terms for place in term.places]
        # A look-up is one index into all tables laid end to end: genes times strides plus the table's offset.
        strides = np.zeros((space.n_genes, len(factors)))
        for column, (scope, values) in enumerate(factors):
            strides[list(scope), column] = np.array(values.strides) // values.itemsize
        self._strides = strides
        self._offsets = np.cumsum([0] + [values.size for _, values in factors[:-1]])
        self._entries = np.concatenate([values.ravel() for _, values in factors])
        self.minimum, self.cheapest = self._extreme(factors, 1)
        self.maximum, self.dearest = self._extreme(factors, -1)

    def cost(self, genes: Genes) -> NDArray[np.float64]:
        """Cost of each architecture, in ``unit``: int8 [n, n_genes] to float64 [n]."""
        places = (genes @ self._strides).astype(np.intp)  # exact: small integers in float64
        places += self._offsets
        return np.asarray(self._entries[places].sum(axis=1))

    def rescaled(self, rng: np.random.Generator) -> "CostTable":
        """Give a made-up device: each term times its own random factor, log-uniform from 1/3 to 3."""
        terms = [Term(term.places, term.values * np.exp(rng.uniform(-1.1, 1.1))) for term in self._terms]
        return CostTable(self.space, terms, name=f"{self.name}~", unit=self.unit, sha256="", card=self.card)

    def _extreme(self, factors: Sequence[Factor], sign: int) -> tuple[float, Genes]:
        signed = [(scope, sign * values) for scope, values in factors]
        row = self.space.canonical(minimise(signed, self.space.cardinality)[None])
        return float(self.cost(row)[0]), row[0]


def _factor(space: DesignSpace, place: Sequence[str], values: NDArray[np.float64]) -> Factor:
    """Spread a term over its genes and their owners, with 0 wherever one of its genes is inactive."""
    unknown = [name for name in place if name not in space.index]
    if unknown:
        raise InputError(f"cost table: space {space.name} has no gene '{unknown[0]}'")
    shape = tuple(len(space.genes[space.index[name]].choices) for name in place)
    if values.shape != shape:
        raise InputError(f"cost table: the term of {', '.join(place)} must have shape {shape}, not {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise InputError(f"cost table: the term of {', '.join(place)} holds a negative or non-finite value")
    owners = [gene.owner for name in place if (gene := space.genes[space.index[name]]).owner]
    scope = list(dict.fromkeys([*place, *owners]))
    sizes = [len(space.genes[space.index[str(name)]].choices) for name in scope]
    grid = np.indices(sizes)
    active = np.ones(sizes, dtype=bool)
    for name in place:
        gene = space.genes[space.index[name]]
        if gene.owner:
            active &= grid[scope.index(gene.owner)] >= gene.active_from
    spread = values.reshape(values.shape + (1,) * (len(sizes) - values.ndim))
    dense = np.ascontiguousarray(np.where(active, spread, 0.0))
    return tuple(space.index[str(name)] for name in scope), dense


def latency_table(space: DesignSpace, device: str) -> CostTable:
    """Load a device's table for a space from the package.

    Raises:
        InputError: there is no such device, or it has no table for the space.
    """
    devices = sorted(path.name for path in _FOLDER.iterdir() if path.is_dir())
    if not isinstance(device, str) or device not in devices:
        raise InputError(f"device={device}: unknown; there are {', '.join(devices)}{suggestion(str(device), devices)}")
    resource = _FOLDER / device / f"{space.name}.json"
    if not resource.is_file():
        have = sorted(path.name.removesuffix(".json") for path in (_FOLDER / device).iterdir())
        raise InputError(f"device={device}: it has no table for space {space.name}, only for {', '.join(have)}")
    return _parse(space, resource.read_bytes(), device)


def _parse(space: DesignSpace, content: bytes, device: str) -> CostTable:
    table = json.loads(content)
    if table.get("format") != FORMAT or table.get("space") != space.name:
        raise InputError(f"device={device}: not a table of format {FORMAT} for space {space.name}")
    terms = [
        Term(tuple(tuple(place) for place in term["places"]), np.array(term["values"], dtype=np.float64))
        for term in table["terms"]
    ]
    sha256 = hashlib.sha256(content).hexdigest()
    return CostTable(space, terms, name=device, unit=table["unit"], sha256=sha256, card=table["card"])
