"""Raising a best-known frontier: candidates are evaluated anew, and those that are better are taken."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.predictors import CostModel
from ofa_bench.records.frontiers import NOISE, Frontier, agree, confirmed, staircase
from ofa_bench.records.model import RECORD, Record, Result
from ofa_bench.records.record import read
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Gathered", "confirmed", "fine_grid", "gathered", "mean_best_known", "raised", "rises"]

REACH = 1.1
"""The dense part of a grid ends at this many times the device's greatest own target."""

DENSE = 0.8
"""The fraction of a grid that lies in its dense part."""


@dataclass(frozen=True)
class Gathered:
    """What records below a folder found: ``genes`` (int8 [n, n_genes]) that the predictor and the table bear out.

    ``records`` are of the problem; ``refused`` results say another accuracy or cost than their architecture has.
    ``unreadable`` files are no records.
    """

    genes: Genes
    records: int
    refused: int
    unreadable: int


def gathered(folder: Path, problem: Problem) -> Gathered:
    """Take what all records of a problem below a folder found, where its accuracy and cost can be confirmed."""
    kept, records, refused, unreadable = [np.empty((0, problem.space.n_genes), np.int8)], 0, 0, 0
    for path in sorted(folder.rglob(RECORD)):
        try:
            record = read(path.parent)
        except InputError:
            unreadable += 1
            continue
        if not _is_of(record, problem):
            continue
        results = [result for result in record.results if result.feasible]
        genes = np.array([result.genes for result in results], np.int8).reshape(len(results), -1)
        if not results or not problem.space.contains(genes).all() or not _means(problem.space, genes, results):
            continue
        message = np.array([(result.accuracy, result.cost) for result in results])
        borne_out = agree(problem, genes, message[:, 0], message[:, 1])
        kept.append(genes[borne_out])
        records, refused = records + 1, refused + int((~borne_out).sum())
    return Gathered(np.concatenate(kept), records, refused, unreadable)


def _is_of(record: Record, problem: Problem) -> bool:
    hashes = record.predictor.sha256, record.device.sha256
    return hashes == (problem.predictor.sha256, problem.cost.sha256)


def _means(space: DesignSpace, genes: Genes, results: Sequence[Result]) -> bool:
    """Return whether rows are the architectures of results: in another subspace, positions are other choices."""
    made = json.dumps([space.to_ofa(row) for row in genes])
    return bool(json.loads(made) == [result.architecture for result in results])


def raised(problem: Problem, before: Frontier | None, genes: Genes) -> Frontier:
    """Take what is better than a frontier, or make a first one (version 0); it is the same object if nothing is.

    Candidates are evaluated here. One is taken if no point that costs as much or less comes within ``NOISE`` of its
    accuracy.

    Args:
        problem: of the frontier.
        before: the frontier, confirmed; None if there is none, and then the cheapest architecture is its first point.
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


def rises(before: Frontier | None, after: Frontier) -> NDArray[np.float64]:
    """Describe how far each point that is new lies above what was known at its cost (fractions of 1): float64 [points].

    Where nothing was known, or nothing as cheap, that is its accuracy above the new frontier's first point.
    """
    lowest = float(after.accuracy[0])
    known = [(before and before.best_known(cost)) or lowest for cost in after.cost.tolist()]
    rise = after.accuracy - np.array(known, np.float64)
    return np.asarray(rise[rise > NOISE])


def mean_best_known(frontier: Frontier | None, targets: Sequence[float]) -> float | None:
    """Return the mean best known accuracy over the targets that can be met; None where none can or nothing is known."""
    found = [frontier.best_known(target) for target in targets] if frontier else []
    met = [accuracy for accuracy in found if accuracy is not None]
    return float(np.mean(met)) if met else None


def fine_grid(cost: CostModel, count: int) -> tuple[float, ...]:
    """Spread targets over the whole range of costs, rising, in the cost model's unit, and add the device's own.

    The first is the least cost. Ratios are equal, as accuracy grows about with the logarithm of cost: small ones up to
    ``REACH`` times the greatest of the device's own targets, where ``DENSE`` of the targets lie, greater ones above it.

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
