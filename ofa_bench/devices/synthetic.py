"""Synthetic devices: any number of tables, each a random mixture of measured ones, for studies of large fleets."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostTable, Term
from ofa_bench.devices.tables import latency_table
from ofa_bench.devices.targets import draw_sample, find_quantiles
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace

__all__ = ["PARTS", "SPEEDS", "SPREAD", "mix", "synthetic_device", "synthetic_devices"]

Floats = NDArray[np.float64]

PARTS = (2, 3)
"""The numbers of tables in a mixture."""

SPREAD = 2.0
"""The largest factor of a term; the smallest is its inverse.

With it, the costs of 60 synthetic devices have rank correlations of 0.34 to 0.99, 0.84 in the median, where five
measured tables of ``mbv3`` have 0.35 to 0.97, 0.74 in the median; and 0.81 to 0.99, 0.95, where four measured tables of
``mbv3_w1.0`` have 0.92 to 0.99, 0.95. With 3, the medians would be 0.75 and 0.90, with 1.5, 0.89 and 0.97.
"""

SPEEDS = (5.0, 100.0)
"""The range of the mean cost of random architectures, in milliseconds."""


def synthetic_devices(tables: Sequence[CostTable], number: int, seed: int) -> list[CostTable]:
    """Return synthetic devices, ``synthetic-0000`` and so on, each with ten targets: the quantiles of its costs.

    Each device is made so: two or three of the tables are drawn by chance, each is divided by its mean cost over random
    architectures, and they are mixed with weights of a flat Dirichlet distribution, whose sum is 1. Each term of the
    mixture is multiplied by its own factor, log-uniform from 1 / ``SPREAD`` to ``SPREAD``; blocks that share a term in
    all tables share the factor. The mean cost is log-uniform within ``SPEEDS``, in ms, whatever the units of the tables
    are. A device depends on the tables, the seed and its own number: the first ten of 500 are the ten of ten.

    Args:
        tables: of one space; two or more.
        number: how many devices.
        seed: 0 or more.

    Raises:
        InputError: the tables are fewer than two or of several spaces, or a number is not allowed.
    """
    _check(number, 1, seed, tables)
    aligned = _align(tables)
    return [_make(tables, aligned, seed, i) for i in range(number)]


def _check(number: int, least: int, seed: int, tables: Sequence[CostTable]) -> None:
    if len(tables) < PARTS[0]:
        raise InputError(f"synthetic devices: give {PARTS[0]} tables or more to mix, not {len(tables)}")
    for key, value, bound in (("number", number, least), ("seed", seed, 0)):
        if type(value) is not int or value < bound:
            raise InputError(f"synthetic devices: {key}={value}: must be a whole number of {bound} or more")


def synthetic_device(space: DesignSpace, devices: Sequence[str], number: int, seed: int = 0) -> CostTable:
    """Return one of the synthetic devices that are made of the tables of devices (see ``synthetic_devices``).

    Args:
        space: the design space.
        devices: of the package, or paths of tables.
        number: of the device, from 0.
        seed: of the fleet.

    Raises:
        InputError: as ``synthetic_devices``.
    """
    tables, aligned = _tables_of(space, tuple(devices))
    _check(number, 0, seed, tables)
    return _make(tables, aligned, seed, number)


@lru_cache(maxsize=2)
def _tables_of(space: DesignSpace, devices: tuple[str, ...]) -> "tuple[list[CostTable], _Aligned]":
    tables = [latency_table(space, device) for device in devices]
    return tables, _align(tables)


def mix(tables: Sequence[CostTable], weights: Sequence[float]) -> list[Term]:
    """Return the terms of the weighted sum of tables of one space: one term for each set of genes that any has."""
    return _align(tables).terms(np.asarray(weights, np.float64))


@dataclass(frozen=True)
class _Aligned:
    """The entries of several tables by the genes that choose them, in ascending order.

    ``entries`` of each set of genes are float64 [tables, choices of the first gene, of the second, ...]. Sets that
    share a term in every table, such as the blocks of one shape, have the same number in ``groups``.
    """

    space: DesignSpace
    scopes: Sequence[tuple[int, ...]]
    entries: Sequence[Floats]
    groups: Sequence[int]

    @cached_property
    def costs(self) -> Floats:
        """The part of each set of genes in the costs of random architectures: float64 [sets, tables, 10,000]."""
        rows, parts = draw_sample(self.space), zip(self.scopes, self.entries, strict=True)
        places = [(entries, (slice(None), *rows[:, list(scope)].T)) for scope, entries in parts]
        return np.stack([entries[place] for entries, place in places])

    def terms(self, weights: Floats, factors: Floats | float = 1.0) -> list[Term]:
        """Return the terms of the sum of all tables times ``weights`` [tables], each times its factor [sets]."""
        names, scales = self.space.gene_names, np.broadcast_to(factors, len(self.scopes))
        return [
            Term((tuple(names[gene] for gene in scope),), scale * np.tensordot(weights, entries, 1))
            for scope, entries, scale in zip(self.scopes, self.entries, scales, strict=True)
        ]


def _align(tables: Sequence[CostTable]) -> _Aligned:
    names = {table.space.name for table in tables}
    if len(names) > 1:
        raise InputError(f"synthetic devices: the tables are of several spaces: {', '.join(sorted(names))}")
    space = tables[0].space
    entries: dict[tuple[int, ...], Floats] = {}
    members: dict[tuple[int, ...], set[tuple[int, int]]] = {}
    for i, table in enumerate(tables):
        for j, term in enumerate(table.factors_by_term):
            for scope, values in term:
                genes = tuple(sorted(scope))
                shape = (len(tables), *space.cardinality[list(genes)])
                entries.setdefault(genes, np.zeros(shape))[i] += values.transpose(np.argsort(scope))
                members.setdefault(genes, set()).add((i, j))
    groups = {terms: number for number, terms in enumerate(dict.fromkeys(map(frozenset, members.values())))}
    return _Aligned(space, list(entries), list(entries.values()), [groups[frozenset(one)] for one in members.values()])


def _make(tables: Sequence[CostTable], aligned: _Aligned, seed: int, number: int) -> CostTable:
    rng = np.random.default_rng((seed, number))
    drawn = np.sort(rng.permutation(len(tables))[: rng.choice(PARTS)])
    weights = np.zeros(len(tables))
    weights[drawn] = rng.dirichlet(np.ones(len(drawn)))
    by_group = np.exp(np.log(SPREAD) * rng.uniform(-1, 1, size=max(aligned.groups) + 1))
    mean = float(np.exp(rng.uniform(*np.log(SPEEDS))))
    scaled = weights / aligned.costs.sum(axis=0).mean(axis=1)
    factors = by_group[aligned.groups]
    costs = np.einsum("s,t,stn->n", factors, scaled, aligned.costs, optimize=True)
    factors *= mean / costs.mean()
    parts = [{"device": tables[i].name, "sha256": tables[i].sha256, "weight": float(weights[i])} for i in drawn]
    card = {
        "title": f"Synthetic: a random mixture of {' and '.join(tables[i].name for i in drawn)}; no real device",
        "synthetic": {"seed": seed, "number": number, "mean_cost_ms": mean, "parts": parts},
    }
    recipe = json.dumps([card, by_group.tolist()])
    return CostTable(
        aligned.space,
        aligned.terms(scaled, factors),
        name=f"synthetic-{number:04}",
        unit="ms",
        sha256=hashlib.sha256(recipe.encode()).hexdigest(),
        card=card,
        targets=find_quantiles(costs * (mean / costs.mean())),
    )
