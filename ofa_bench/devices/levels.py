"""Levels of cost that several devices have in common, and the architecture whose highest level is lowest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostModel, CostTable
from ofa_bench.devices.joint_minimum import (
    MAX_ENUMERATED,
    TOLERANCE,
    Extreme,
    Question,
    enumerate_answer,
    search_answer,
)
from ofa_bench.devices.knapsack import minimise_largest
from ofa_bench.spaces import DesignSpace, Genes, ListedSpace
from ofa_bench.spaces.enumeration import number_of_architectures

__all__ = ["Leveled", "cheapest_level"]


@dataclass(frozen=True)
class Leveled:
    """A device of a group: its cost model, and the costs there that are level 1, 2, and so on, ascending."""

    cost: CostModel
    levels: tuple[float, ...]

    def level(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the level of costs: float64 [n] to float64 [n]; linear between levels, and proportional beyond.

        A cost is no more than that of level k if, and only if, its level is k or less.
        """
        levels, n = np.array(self.levels), len(self.levels)
        found = np.interp(costs, [0, *levels], np.arange(n + 1.0))
        found = np.where(costs > levels[-1], n * (costs / levels[-1]), found)
        above = np.searchsorted(levels, costs).astype(np.float64)  # how many levels it exceeds
        return np.asarray(np.maximum(found, np.where(above > 0, np.nextafter(above, np.inf), 0)))

    def piece(self, k: int) -> tuple[float, float]:
        """Return the cost of level k and by how much it rises to the next one, as ``level`` has it."""
        known = (0.0, *self.levels)
        return known[k], (known[k + 1] - known[k] if k < len(self.levels) else known[k] / k)

    def describe(self) -> dict[str, Any]:
        """Return what the card of a group has of the device."""
        cost = self.cost
        return {"device": cost.name, "unit": cost.unit, "sha256": cost.sha256, "levels": list(self.levels)}


def cheapest_level(worst: CostModel, devices: Sequence[Leveled], space: DesignSpace) -> Extreme:
    """Return the architecture whose highest level is lowest, exact or the best one found (see ``cheapest_within``).

    Between two levels the levels of tables are linear in their entries: an integer program has the answer there, or
    the answer is above.

    Args:
        worst: returns the highest level of architectures on any of the devices; its extremes are not used.
        devices: with the same number of levels.
        space: the design space.
    """
    question = Question(space, worst, [(one.cost, math.inf) for one in devices], 1)
    if isinstance(space, ListedSpace) or number_of_architectures(space) <= MAX_ENUMERATED:
        return enumerate_answer(question)
    bound = max(float(one.level(np.array([one.cost.minimum]))[0]) for one in devices)
    rows = list(space.canonical(np.stack([one.cost.cheapest for one in devices])))
    tables = [one.cost for one in devices if isinstance(one.cost, CostTable)]
    best = _best(question, rows, bound)
    if not best.proven and len(tables) == len(devices):
        solved, bound = _solved(devices, tables, bound)
        rows += [] if solved is None else [solved]
        best = _best(question, rows, bound)
    if not best.proven:
        searched = search_answer(question, bound).genes
        rows += [] if searched is None else [searched]
        best = _best(question, rows, bound)
    return best


def _best(question: Question, rows: Sequence[Genes], bound: float) -> Extreme:
    return min((question.answer(row, bound) for row in rows), key=lambda one: one.cost)


def _solved(devices: Sequence[Leveled], tables: Sequence[CostTable], bound: float) -> tuple[Genes | None, float]:
    """Return the best architecture by integer programs, None if they find none, and a bound of the lowest level."""
    space, factors, last = tables[0].space, [table.factors for table in tables], len(devices[0].levels)
    for k in range(min(int(bound), last), last + 1):
        offsets, steps = zip(*(one.piece(k) for one in devices), strict=True)
        solution = minimise_largest(factors, offsets, steps, space.cardinality)
        bound = max(bound, k + (solution.bound if k == last else min(solution.bound, 1.0)))
        if solution.genes is None or solution.bound <= 1 + TOLERANCE:
            break
    return None if solution.genes is None else space.canonical(solution.genes[None])[0], bound
