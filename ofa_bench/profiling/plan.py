"""Plans what is measured for a table: pieces, whole networks to calibrate their sum, and others to validate it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ofa_bench.devices.cost import Term
from ofa_bench.errors import InputError
from ofa_bench.predictors import CostTable, latency_table
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.supernets.pieces import Piece, Slot, Supernet, count_macs

__all__ = ["Plan", "count_terms", "macs_table", "make_plan", "terms"]


@dataclass(frozen=True)
class Plan:
    """All that is timed, by key; ``calibration`` and ``held_back`` are rows int8 [n, n_genes]."""

    slots: Sequence[Slot]
    calibration: Genes
    held_back: Genes
    networks: tuple[Piece, ...]
    pieces: dict[str, Piece]

    @property
    def items(self) -> dict[str, Piece]:
        """Return everything to time: pieces, then networks (first those for calibration), each once."""
        return self.pieces | {network.key: network for network in self.networks}


def macs_table(net: Supernet) -> CostTable:
    """Return the multiply-accumulates of a supernet's networks, in millions: the shipped table, or counted here."""
    try:
        return latency_table(net.space, "macs")
    except InputError:
        counted = count_terms(net.slots())
        return CostTable(net.space, counted, name="macs", unit="MMACs", sha256="", card={})


def count_terms(slots: Sequence[Slot]) -> list[Term]:
    """Count the multiply-accumulates of every piece, in millions, as the terms of a cost table."""
    pieces = {piece.key: piece for slot in slots for piece in slot.pieces.values()}
    return terms(slots, {key: count_macs(piece) / 1e6 for key, piece in pieces.items()})


def make_plan(net: Supernet, sizes: CostTable, calibration: int, held_back: int, seed: int) -> Plan:
    """Return a plan with random networks: ``calibration`` a resolution from small to large, ``held_back`` uniform ones.

    Args:
        net: the supernet.
        sizes: its space's multiply-accumulates, by which networks are small or large.
        calibration: networks a resolution; each resolution's are drawn one from each stratum of size.
        held_back: networks that only validate.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    space, slots = net.space, net.slots()
    pieces = {piece.key: piece for slot in slots for piece in slot.pieces.values()}
    calibrating = np.concatenate(
        [_stratified(space, sizes, r, calibration, rng) for r in range(int(space.cardinality[space.index["r"]]))]
    )
    validating = space.canonical(space.sample(held_back, rng))
    networks = tuple(net.subnet(row) for row in np.concatenate([calibrating, validating]))
    return Plan(slots, calibrating, validating, networks, pieces)


def terms(slots: Sequence[Slot], costs: Mapping[str, float]) -> list[Term]:
    """Return the terms of a cost table from the costs of pieces, by key."""
    made = []
    for slot in slots:
        values = np.zeros([1 + most for most in max(slot.pieces)])
        for choice, piece in slot.pieces.items():
            values[choice] = costs[piece.key]
        made.append(Term(slot.places, values))
    return made


def _stratified(space: DesignSpace, sizes: CostTable, resolution: int, n: int, rng: np.random.Generator) -> Genes:
    """Return random networks of one resolution, one from each of ``n`` strata of size: int8 [n, n_genes], canonical."""
    lean = rng.random((200 * n, 1))  # towards small or large choices, so that the whole range of sizes is met
    rows: Genes = rng.binomial(space.cardinality - 1, np.broadcast_to(lean, (len(lean), space.n_genes))).astype(np.int8)
    rows[:, space.index["r"]] = resolution
    rows = space.canonical(rows)
    cost = sizes.cost(rows)
    edges = np.linspace(cost.min(), cost.max(), n + 1)
    chosen = []
    for low, high in pairwise(edges):
        inside = np.flatnonzero((cost >= low) & (cost <= high))
        chosen.append(rng.choice(inside) if inside.size else int(np.abs(cost - (low + high) / 2).argmin()))
    return rows[chosen]
