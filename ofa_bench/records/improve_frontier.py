"""Improves a best-known frontier with candidates, which are evaluated again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.predictors import CostModel
from ofa_bench.records.frontiers import NOISE, Frontier, agree, staircase
from ofa_bench.records.model import RECORD, Result
from ofa_bench.records.record import read
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Candidates", "collect_candidates", "fine_grid", "improve_frontier", "improvements", "mean_best_known"]

REACH = 1.1
"""The dense part of a grid ends at this multiple of the device's greatest own target."""

DENSE = 0.8
"""The fraction of a grid that lies in its dense part."""


@dataclass(frozen=True)
class Candidates:
    """The architectures that records found: ``genes`` (int8 [n, n_genes]) whose accuracy and cost were confirmed.

    ``records`` counts the records of the problem, ``refused`` the results with a wrong accuracy or cost, ``unreadable``
    the files that are no records.
    """

    genes: Genes
    records: int
    refused: int
    unreadable: int


def collect_candidates(folder: Path, problem: Problem) -> Candidates:
    """Return what all records of a problem below a folder found, if its accuracy and cost are confirmed."""
    hashes = problem.predictor.sha256, problem.cost.sha256
    kept, records, refused, unreadable = [np.empty((0, problem.space.n_genes), np.int8)], 0, 0, 0
    for path in sorted(folder.rglob(RECORD)):
        try:
            record = read(path.parent)
        except InputError:
            unreadable += 1
            continue
        if (record.predictor.sha256, record.device.sha256) != hashes:
            continue
        results = [result for result in record.results if result.feasible]
        genes = np.array([result.genes for result in results], np.int8).reshape(len(results), -1)
        if not results or not problem.space.contains(genes).all() or not _decode_alike(problem.space, genes, results):
            continue
        found = np.array([(result.accuracy, result.cost) for result in results])
        right = agree(problem, genes, found[:, 0], found[:, 1])
        kept.append(genes[right])
        records, refused = records + 1, refused + int((~right).sum())
    return Candidates(np.concatenate(kept), records, refused, unreadable)


def _decode_alike(space: DesignSpace, genes: Genes, results: Sequence[Result]) -> bool:
    """Return whether genes decode to the architectures of results, which they do not in another subspace."""
    made = json.dumps([space.to_ofa(row) for row in genes])
    return bool(json.loads(made) == [result.architecture for result in results])


def improve_frontier(problem: Problem, before: Frontier | None, genes: Genes) -> Frontier:
    """Return a frontier with the candidates that are better; the same object if none is.

    Candidates are evaluated here. One is better if no point that costs as much or less comes within ``NOISE`` of its
    accuracy.

    Args:
        problem: of the frontier.
        before: the confirmed frontier; None starts one (version 0) with the cheapest architecture.
        genes: candidates, int8 [n, n_genes].
    """
    space = problem.space
    if before is None:
        genes = np.concatenate([problem.cost.cheapest[None], genes])
        nothing = np.empty(0)
        hashes = problem.predictor.sha256, problem.cost.sha256
        before = Frontier(space.name, *hashes, genes[:0], nothing, nothing)
    genes = space.canonical(genes)
    cost, accuracy = problem.cost.cost(genes), problem.predictor.accuracy(genes)
    better = accuracy > NOISE + np.array([before.best_known(one) or -np.inf for one in cost.tolist()])
    if not better.any():
        return before
    genes = np.concatenate([before.genes, genes[better]])
    cost = np.concatenate([before.cost, cost[better]])
    accuracy = np.concatenate([before.accuracy, accuracy[better]])
    stairs = staircase(cost, accuracy)
    return replace(before, genes=genes[stairs], cost=cost[stairs], accuracy=accuracy[stairs])


def improvements(before: Frontier | None, after: Frontier) -> NDArray[np.float64]:
    """Return how far each new point lies above the best known at its cost (fractions of 1): float64 [points].

    Where nothing as cheap was known, it is the accuracy above the new frontier's first point.
    """
    lowest = float(after.accuracy[0])
    known = [(before and before.best_known(cost)) or lowest for cost in after.cost.tolist()]
    rise = after.accuracy - np.array(known, np.float64)
    return np.asarray(rise[rise > NOISE])


def mean_best_known(frontier: Frontier | None, targets: Sequence[float]) -> float | None:
    """Return the mean best known accuracy over feasible targets; None without a frontier or a feasible target."""
    found = [frontier.best_known(target) for target in targets] if frontier else []
    met = [accuracy for accuracy in found if accuracy is not None]
    return float(np.mean(met)) if met else None


def fine_grid(cost: CostModel, count: int) -> tuple[float, ...]:
    """Return rising targets over the whole range of costs, in the cost model's unit, with the device's own targets.

    The first is the least cost. Ratios are equal, because accuracy grows about with the logarithm of cost: small up to
    ``REACH`` times the greatest of the device's own targets, where ``DENSE`` of the targets lie, greater above it.

    Raises:
        InputError: the least cost is 0.
    """
    if not cost.minimum > 0:
        raise InputError(f"device={cost.name}: costs down to 0 have no grid of equal ratios")
    own = [target for target in cost.targets if target >= cost.minimum]
    bend = min(REACH * max(own, default=cost.maximum), cost.maximum)
    dense = round(DENSE * count) if bend < cost.maximum else count
    grid = [
        *np.geomspace(cost.minimum, bend, dense)[1:-1],
        *(np.geomspace(bend, cost.maximum, count - dense + 1) if dense < count else [cost.maximum]),
    ]
    return tuple(sorted({cost.minimum, *map(float, grid), *own}))
