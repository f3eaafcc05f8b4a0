"""Plans what to measure for a latency table: pieces, and whole networks for calibration and validation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import Term
from ofa_bench.errors import InputError
from ofa_bench.predictors import CostTable, latency_table
from ofa_bench.spaces import ChosenSpace, DesignSpace, Genes
from ofa_bench.supernets.pieces import Piece, Slot, Supernet, count_macs

__all__ = ["Plan", "build_terms", "count_terms", "load_macs", "make_plan", "resolutions_of"]


@dataclass(frozen=True)
class Plan:
    """What is timed; ``calibration`` and ``held_back`` are the genes of networks, int8 [n, n_genes]."""

    slots: Sequence[Slot]
    calibration: Genes
    held_back: Genes
    networks: tuple[Piece, ...]
    pieces: dict[str, Piece]

    @property
    def items(self) -> dict[str, Piece]:
        """Everything to time, by key: the pieces, then the networks (first those for calibration)."""
        return self.pieces | {network.key: network for network in self.networks}


def load_macs(net: Supernet) -> CostTable:
    """Return a table of multiply-accumulates, in millions: the shipped one, or one that is counted now."""
    try:
        return latency_table(net.space, "macs")
    except InputError:
        counted = count_terms(net.slots())
        return CostTable(net.space, counted, name="macs", unit="MMACs", sha256="", card={})


def resolutions_of(space: DesignSpace, genes: Genes) -> NDArray[np.intp]:
    """Return the position of each network's resolution, 0 without a gene ``r``: int8 [n, n_genes] to int [n]."""
    return genes[:, space.index["r"]].astype(np.intp) if "r" in space.index else np.zeros(len(genes), np.intp)


def count_terms(slots: Sequence[Slot]) -> list[Term]:
    """Return the multiply-accumulates of every piece, in millions, as the terms of a cost table."""
    pieces = {piece.key: piece for slot in slots for piece in slot.pieces.values()}
    return build_terms(slots, {key: count_macs(piece) / 1e6 for key, piece in pieces.items()})


def make_plan(
    net: Supernet, sizes: CostTable, calibration: int, held_back: int, seed: int, part: ChosenSpace | None = None
) -> Plan:
    """Return a plan with random networks: ``calibration`` for each resolution, and ``held_back`` uniform ones.

    A space without a gene ``r`` has one resolution.

    Args:
        net: the supernet.
        sizes: the multiply-accumulates of its space, which define the size of a network.
        calibration: the number of networks for each resolution, one from each stratum of size.
        held_back: the number of networks for validation.
        seed: seed of the draws.
        part: a part of the supernet's space; only its pieces and networks are timed.
    """
    rng = np.random.default_rng(seed)
    space, slots = part or net.space, net.slots()
    sizes = sizes if part is None else sizes.within(part)
    pieces = {piece.key: piece for slot in slots for piece in _pieces_of(slot, part).values()}
    resolutions = int(space.cardinality[space.index["r"]]) if "r" in space.index else 1
    calibrating = np.concatenate([_stratified(space, sizes, r, calibration, rng) for r in range(resolutions)])
    validating = space.canonical(space.sample(held_back, rng))
    if part is not None:
        calibrating, validating = (net.space.canonical(part.to_parent(rows)) for rows in (calibrating, validating))
    networks = tuple(net.subnet(row) for row in np.concatenate([calibrating, validating]))
    return Plan(slots, calibrating, validating, networks, pieces)


def build_terms(slots: Sequence[Slot], costs: Mapping[str, float]) -> list[Term]:
    """Return the terms of a cost table, given the cost of each piece by key; NaN for a piece that has none."""
    made = []
    for slot in slots:
        values = np.zeros([1 + most for most in max(slot.pieces)])
        for choice, piece in slot.pieces.items():
            values[choice] = costs.get(piece.key, math.nan)
        made.append(Term(slot.places, values))
    return made


def _pieces_of(slot: Slot, part: ChosenSpace | None) -> Mapping[tuple[int, ...], Piece]:
    """Return the pieces of a slot that networks of a part of the space have, in any of the slot's places."""
    if part is None:
        return slot.pieces
    kept = [[part.kept[part.parent.index[gene]] for gene in place] for place in slot.places]
    return {
        choice: piece
        for choice, piece in slot.pieces.items()
        if any(all(at in some for at, some in zip(choice, place, strict=True)) for place in kept)
    }


def _stratified(space: DesignSpace, sizes: CostTable, resolution: int, n: int, rng: np.random.Generator) -> Genes:
    """Return random networks of one resolution, one from each of ``n`` strata of size: int8 [n, n_genes], canonical."""
    lean = rng.random((200 * n, 1))  # so that the sample covers all sizes, from small to large
    rows: Genes = rng.binomial(space.cardinality - 1, np.broadcast_to(lean, (len(lean), space.n_genes))).astype(np.int8)
    if "r" in space.index:
        rows[:, space.index["r"]] = resolution
    rows = space.canonical(rows)
    cost = sizes.cost(rows)
    chosen = []
    for low, high in pairwise(np.linspace(cost.min(), cost.max(), n + 1)):
        inside = np.flatnonzero((cost >= low) & (cost <= high))
        chosen.append(rng.choice(inside) if inside.size else int(np.abs(cost - (low + high) / 2).argmin()))
    return rows[chosen]
