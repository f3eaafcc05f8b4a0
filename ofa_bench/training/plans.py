"""Chooses the networks of a collection: random ones of a space, or the best ones of a record."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.records.model import Record
from ofa_bench.records.networks import best_networks
from ofa_bench.spaces import DesignSpace, Genes, recognise
from ofa_bench.training.collected import sample_distinct

__all__ = ["Plan", "plan_random", "plan_record"]


@dataclass(frozen=True, eq=False)
class Plan:
    """The networks of a collection, in order: OFA's dicts as JSON, and their rows (int8 [n, n_genes]) in ``space``.

    ``belongs`` tells whether the row of a number in the collection's table may have an architecture.
    """

    space: DesignSpace
    names: tuple[str, ...]
    genes: Genes
    belongs: Callable[[int, str], bool]


def plan_random(space: DesignSpace, n: int, seed: int) -> Plan:
    """Return distinct random architectures; of a larger ``n``, the first are the same.

    Raises:
        InputError: the space has fewer than ``n``.
    """
    genes = sample_distinct(space, n, np.random.default_rng([seed, 0]))
    names = tuple(json.dumps(space.to_ofa(row)) for row in genes)
    return Plan(space, names, genes, lambda number, name: number >= n or names[number] == name)


def plan_record(record: Record, top: int, target: float | None) -> Plan:
    """Return the best networks of each target of a record, each once: the best ones of all targets, then the second.

    Args:
        record: of a cell; its table may have any network that it kept.
        top: the largest number of networks for each target.
        target: the only target, or None for all.

    Raises:
        InputError: nothing met the target, the record has no such target, or no supernet builds its networks.
    """
    ranks, ranked = dict[float, int](), list[tuple[int, str]]()
    for one in best_networks(record, top, target):
        ranks[one.target] = rank = ranks.get(one.target, 0) + 1
        ranked.append((rank, json.dumps(one.architecture)))
    if not ranked:
        raise InputError(f"run={record.address}: nothing met its target")
    names = tuple(dict.fromkeys(name for _, name in sorted(ranked, key=lambda one: one[0])))
    built = [found for name in names if (found := recognise(json.loads(name), record.config.get("space")))]
    if len(built) < len(names) or not built[0][0].supernet:
        raise InputError(f"space={record.choices.space}: no supernet builds its networks, so none can be measured")
    kept = {json.dumps(network.architecture) for result in record.results for network in result.networks}
    return Plan(built[0][0], names, np.array([row for _, row in built], np.int8), lambda _, name: name in kept)
