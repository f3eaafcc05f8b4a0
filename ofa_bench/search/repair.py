"""Samples, redraws and prunes architectures until they meet a target; every loop is bounded."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.problem import Evaluator
from ofa_bench.spaces import Genes
from ofa_bench.spaces.checks import check_row

__all__ = ["MAX_REDRAWS", "MAX_SAMPLES", "prune", "redraw", "valid_samples"]

MAX_SAMPLES = 200_000
"""The maximum number of random architectures for one population; after these, the rest of it is pruned."""

MAX_REDRAWS = 1000
"""How often a child is redrawn from the same parents before a parent takes its place."""

_BATCH = 1024


def valid_samples(evaluator: Evaluator, target: float, n: int, rng: np.random.Generator) -> Genes:
    """Return ``n`` random architectures that meet the target: int8 [n, n_genes].

    They are uniform over all that meet it (rejection, as OFA's ``random_sample``); if after ``MAX_SAMPLES`` draws there
    are too few, random ones are pruned until they meet the target. The target must be feasible.
    """
    space = evaluator.problem.space
    found = _meeting(evaluator, target, n, rng)
    others = [prune(evaluator, row, target, rng)[None] for row in space.sample(n - len(found), rng)]
    return np.concatenate([found, *others])


def _meeting(evaluator: Evaluator, target: float, n: int, rng: np.random.Generator) -> Genes:
    """Return the first ``n`` random architectures that meet the target, or fewer: int8 [n, n_genes]."""
    space, counts, kernels = evaluator.problem.space, evaluator.counts, evaluator.problem.kernels
    if kernels:
        rows, drawn, until_last = kernels.sample(rng, target, _BATCH, MAX_SAMPLES, n)
        counts.cost_lookups += drawn
        counts.proposals += drawn if len(rows) < n else until_last
        return rows
    found: list[Genes] = [np.empty((0, space.n_genes), np.int8)]
    missing = n
    for _ in range(0, MAX_SAMPLES, _BATCH):
        if not missing:
            break
        some = space.sample(_BATCH, rng)
        meeting = np.flatnonzero(evaluator.cost(some) <= target)[:missing]
        found.append(some[meeting])
        missing -= len(meeting)
        counts.proposals += _BATCH if missing else int(meeting[-1]) + 1
    return np.concatenate(found)


def redraw(evaluator: Evaluator, target: float, draw: Callable[[NDArray[np.intp]], Genes], instead: Genes) -> Genes:
    """Return one child for each slot; those that miss the target are redrawn from the same parents, as OFA does.

    Args:
        evaluator: counts the candidates.
        target: the cost that every child must meet.
        draw: returns one candidate for each of the given slots.
        instead: int8 [n, n_genes], for a slot after ``MAX_REDRAWS`` misses (a parent, which meets the target).
    """
    children: Genes = instead.copy()
    slots = np.arange(len(instead))
    for _ in range(MAX_REDRAWS):
        if not slots.size:
            break
        drawn = draw(slots)
        evaluator.counts.proposals += len(drawn)
        meets = evaluator.cost(drawn) <= target
        children[slots[meets]] = drawn[meets]
        slots = slots[~meets]
    return children


def prune(
    evaluator: Evaluator, start: Genes, target: float, rng: np.random.Generator, *, resolution: bool = True
) -> Genes:
    """Lower randomly chosen active genes one notch at a time until the target is met: int8 [n_genes].

    This is the random pruning of Kumar & Szidon (section 3, top-down), resolution included; their code leaves the
    resolution alone. Without ``resolution`` it is lowered only once no other gene is left to lower, because the target
    has to be met. On a measured table the smallest choice is not always the cheapest: once no gene is left to lower,
    genes are set to the cheapest architecture's one by one. If the target is infeasible, the cheapest architecture
    is returned.

    Raises:
        ValueError: ``start`` is not an architecture of the space.
    """
    space, cheapest = evaluator.problem.space, evaluator.problem.cost.cheapest
    spared = -1 if resolution else space.index.get("r", -1)
    row: Genes = check_row(space, start).copy()
    evaluator.counts.proposals += 1
    while evaluator.cost(space.snap(row[None]))[0] > target:
        lowerable = np.flatnonzero(space.active(row[None])[0] & (row > 0))
        if lowerable.size > 1:
            lowerable = lowerable[lowerable != spared]
        if lowerable.size:
            row[rng.choice(lowerable)] -= 1
            continue
        differing = np.flatnonzero(row != cheapest)
        for gene in rng.permutation(differing):
            row[gene] = cheapest[gene]
            if evaluator.cost(space.snap(row[None]))[0] <= target:
                break
        break
    snapped: Genes = space.snap(row[None])[0]
    return snapped
