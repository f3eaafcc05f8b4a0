"""The cheapest and the dearest architecture by one cost model that meets limits on others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostModel, CostTable
from ofa_bench.devices.knapsack import minimise_within
from ofa_bench.spaces import DesignSpace, Genes, ListedSpace
from ofa_bench.spaces.enumeration import architectures, change_each, number_of_architectures, single_changes

__all__ = [
    "MAX_ENUMERATED",
    "TOLERANCE",
    "Extreme",
    "Question",
    "cheapest_within",
    "dearest_within",
    "enumerate_answer",
    "search_answer",
]

TOLERANCE = 1e-6
"""Costs this close, as a share of the larger, count as equal in proofs: the solver is no more exact."""

MAX_ENUMERATED = 20_000
"""Spaces with no more architectures are enumerated."""

SAMPLES, STARTS, ROUNDS = 20_000, 8, 1000
"""Of a search: its random architectures, the descents from the best of them, and the most changes in each."""

_BLOCK = 20_000

TIGHTER = (0.0, 1e-7, 1e-6, 1e-5)
"""By how much limits are lowered in turn, as a share, until the solver's architecture meets them exactly."""

Limits = Sequence[tuple[CostModel, float]]


@dataclass(frozen=True)
class Extreme:
    """The cheapest (or dearest) architecture within limits, or the best one found.

    ``genes`` (int8 [n_genes], canonical) meets all limits exactly; None if none was found, and ``cost`` is then
    infinite (of the dearest, minus infinity). No architecture within the limits is cheaper (or dearer) than ``bound``.
    ``proven`` is true if ``cost`` is within ``TOLERANCE`` of ``bound``, or if no architecture can meet the limits.
    """

    genes: Genes | None
    cost: float
    bound: float
    proven: bool


def cheapest_within(cost: CostModel, limits: Limits, space: DesignSpace | None = None) -> Extreme:
    """Return the cheapest architecture by a cost model that meets limits on other cost models.

    Small spaces and listed ones are enumerated. For cost tables of other spaces the answer is exact, by integer
    programming within a limit of nodes. For other cost models, random architectures are improved one gene at a time;
    nothing is proven then, unless a model's own extreme is the answer. The same arguments give the same answer.

    Args:
        cost: what to minimise.
        limits: cost models, each with the most that an architecture may cost there.
        space: of the architectures; by default that of the table ``cost``. A ``ListedSpace`` has to be given.

    Raises:
        ValueError: no space is given, and ``cost`` is not a table.
    """
    return _extreme(cost, limits, space, 1)


def dearest_within(cost: CostModel, limits: Limits, space: DesignSpace | None = None) -> Extreme:
    """Return the dearest architecture by a cost model that meets limits on others (see ``cheapest_within``)."""
    return _extreme(cost, limits, space, -1)


@dataclass(frozen=True)
class Question:
    """What is asked: the cheapest (``sign`` 1) or dearest (-1) architecture of a space within limits."""

    space: DesignSpace
    cost: CostModel
    limits: Limits
    sign: int

    def excess(self, rows: Genes) -> NDArray[np.float64]:
        """Return by how much architectures miss limits, the sum of shares of these: float64 [n], 0 if they meet all."""
        excess = np.zeros(len(rows))
        for model, limit in self.limits:
            excess += np.maximum(model.cost(rows) - limit, 0) / (limit if limit > 0 else 1)
        return excess

    def best(self, rows: Genes) -> tuple[float, float, Genes]:
        """Return excess, signed cost and genes of the first best architecture (int8 [n, n_genes]): the least excess."""
        excess = self.excess(rows)
        nearest = np.flatnonzero(excess == excess.min())
        costs = self.sign * self.cost.cost(rows[nearest])
        return float(excess.min()), float(costs.min()), rows[nearest[costs.argmin()]]

    def answer(self, row: Genes, bound: float) -> Extreme:
        """Return the answer of an architecture (int8 [n_genes]) that meets all limits, with a signed bound."""
        signed = float(self.sign * self.cost.cost(row[None])[0])
        bound = min(bound, signed)
        return Extreme(row, self.sign * signed, self.sign * bound, signed - bound <= TOLERANCE * abs(signed))

    def none(self, bound: float = math.inf) -> Extreme:
        """Return the answer that none was found, with a signed bound; if that is infinite, there is none."""
        return Extreme(None, self.sign * math.inf, self.sign * bound, bound == math.inf)


def _extreme(cost: CostModel, limits: Limits, space: DesignSpace | None, sign: int) -> Extreme:
    if space is None:
        if not isinstance(cost, CostTable):
            raise ValueError(f"cost model {cost.name} is not a table: give the space")
        space = cost.space
    question = Question(space, cost, [(model, limit) for model, limit in limits if limit < math.inf], sign)
    if isinstance(space, ListedSpace) or number_of_architectures(space) <= MAX_ENUMERATED:
        return enumerate_answer(question)
    if any(model.minimum > limit for model, limit in question.limits):
        return question.none()
    own, signed = (cost.cheapest, cost.minimum) if sign > 0 else (cost.dearest, -cost.maximum)
    own = space.canonical(own[None])
    if not question.excess(own)[0]:
        return question.answer(own[0], signed)
    models = [cost, *(model for model, _ in question.limits)]
    tables = [model for model in models if isinstance(model, CostTable)]
    if len(tables) == len(models):
        return _solved(question, tables, signed)
    return search_answer(question, signed)


def enumerate_answer(question: Question) -> Extreme:
    """Return the exact answer from all architectures."""
    found = [question.best(rows) for rows in architectures(question.space, _BLOCK)]
    excess, signed, row = min(found, key=lambda one: one[:2])
    return question.none() if excess else question.answer(question.space.canonical(row[None])[0], signed)


def _solved(question: Question, tables: Sequence[CostTable], bound: float) -> Extreme:
    """Return the answer of integer programs on tables, with limits ever tighter until they are met exactly."""
    first, *others = (table.factors for table in tables)
    factors = [[(scope, question.sign * values) for scope, values in first], *others]
    for tighter in TIGHTER:
        lower = [limit * (1 - tighter) for _, limit in question.limits]
        solution = minimise_within(factors, lower, question.space.cardinality)
        if not tighter:
            bound = max(bound, solution.bound)
        if solution.genes is None:
            break
        row = question.space.canonical(solution.genes[None])
        if not question.excess(row)[0]:
            return question.answer(row[0], bound)
    return question.none() if bound == math.inf else search_answer(question, bound)


def search_answer(question: Question, bound: float) -> Extreme:
    """Return the answer of descents from random architectures and from the cheapest ones of the limits' models."""
    space = question.space
    rows = space.sample(SAMPLES, np.random.default_rng(0))
    order = np.lexsort((question.sign * question.cost.cost(rows), question.excess(rows)))
    starts = np.concatenate([rows[order[:STARTS]], *(model.cheapest[None] for model, _ in question.limits)])
    found = []
    for start in space.canonical(starts):
        best = question.best(start[None])
        for _ in range(ROUNDS):
            changed = space.snap(change_each(best[2][None], *single_changes(space))[0])
            better = question.best(space.canonical(changed))
            if better[:2] >= best[:2]:
                break
            best = better
        found.append(best)
    excess, _, row = min(found, key=lambda one: one[:2])
    return question.none(bound) if excess else question.answer(row, bound)
