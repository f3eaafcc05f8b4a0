"""Removes hidden units of a predictor that are proven to be constant over the whole design space.

Intervals that hold for every architecture bound the value of each hidden unit. A unit between ``low`` and ``high`` may
be replaced by the constant halfway: that moves the output by at most half the width of the interval times
the unit's gain, the product of the absolute weights on its way to the output, because ReLU never widens a difference.
Units are removed, least error first, as long as the sum of these proven errors stays within a budget.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace

__all__ = ["BUDGET", "ExactLayer", "Interval", "first_interval", "prune"]

Array = NDArray[np.float64]

ExactLayer = tuple[Array, Array]
"""Weight [n_in, n_out] and bias [n_out], in float64."""

Interval = tuple[Array, Array]
"""The least and the greatest value of each unit, float64 [n_units]."""

BUDGET = 1e-12
"""How far removed units may move an accuracy (a fraction of 1), all together."""


def prune(first: Interval, layers: Sequence[ExactLayer], budget: float = BUDGET) -> tuple[list[ExactLayer], float]:
    """Remove hidden units that are almost constant, and add their constants to the next layer's bias.

    Args:
        first: the interval of each unit of the first layer before ReLU, over all architectures.
        layers: of a perceptron with ReLU between layers and one output.
        budget: the greatest change of the output, over all architectures.

    Returns:
        The layers with the units that stay, and the proven bound on the change of the output; exact but for float64
        rounding. Weights are those given.
    """
    kept, spent = list(layers), 0.0
    while len(kept) > 1:
        absolute = [np.abs(weight) for weight, _ in kept]
        intervals = _intervals(first, kept, absolute)
        errors = [(high - low) / 2 * gain for (low, high), gain in zip(intervals, _gains(absolute), strict=True)]
        flat = np.concatenate(errors)
        order = np.argsort(flat, kind="stable")
        drop = np.zeros(len(flat), bool)
        drop[order[: np.count_nonzero(spent + np.cumsum(flat[order]) <= budget)]] = True
        if not drop.any():
            break
        # Errors add up: removed from the last layer to the first, each unit has the computed interval and at most the
        # computed gain, since its removal changes nothing before it, and those after it only lowered the gain.
        spent += float(flat[drop].sum())
        drops = np.split(drop, np.cumsum([len(error) for error in errors])[:-1])
        kept = _without(kept, drops, intervals)
        first = (first[0][~drops[0]], first[1][~drops[0]])
    return kept, spent


def first_interval(space: DesignSpace, columns: Mapping[str, Sequence[int]], layer: ExactLayer) -> Interval:
    """Return the interval of each unit of the first layer, before ReLU, over all architectures of a space.

    It is exact: given its owner's choice, each gene is independent of the others, and an inactive one adds nothing. So
    the extremes of each gene are added to the owner's choices under which they hold.

    Args:
        space: whose genes are read; an owner stands before the genes that it owns.
        columns: by gene that is a feature, the row of the weight for each of its choices; no row is of two genes.
        layer: the first.

    Raises:
        InputError: a gene stands before its owner.
    """
    weight, bias = layer
    added = [np.zeros((2, len(gene.choices), len(bias))) for gene in space.genes]  # by the genes that a gene owns
    total = np.stack([bias, bias])
    for i, gene in reversed(list(enumerate(space.genes))):
        owner = space.index[gene.owner or gene.name]
        if owner > i:
            raise InputError(f"space {space.name}: gene {gene.name} stands before its owner {gene.owner}")
        own = weight[list(columns[gene.name])] if gene.name in columns else np.zeros(added[i].shape[1:])
        if owner == i:
            own[: gene.active_from] = 0
            total += _extremes(added[i] + own)
        else:
            added[owner][:, : gene.active_from] += _extremes(added[i])[:, None]
            added[owner][:, gene.active_from :] += _extremes(added[i] + own)[:, None]
    return total[0], total[1]


def _extremes(values: Array) -> Array:
    """Return the least and the greatest over choices: [2, n_choices, n_units] to [2, n_units]."""
    return np.stack([values[0].min(axis=0), values[1].max(axis=0)])


def _intervals(first: Interval, layers: Sequence[ExactLayer], absolute: Sequence[Array]) -> list[Interval]:
    """Return bounds of the values of each hidden layer's units after ReLU."""
    low, high = (np.maximum(value, 0) for value in first)
    intervals = [(low, high)]
    for (weight, bias), size in zip(layers[1:-1], absolute[1:-1], strict=True):
        centre, radius = (low + high) / 2 @ weight + bias, (high - low) / 2 @ size
        low, high = np.maximum(centre - radius, 0), np.maximum(centre + radius, 0)
        intervals.append((low, high))
    return intervals


def _gains(absolute: Sequence[Array]) -> list[Array]:
    """Return, by hidden layer, bounds of the output's change for a change of 1 of each unit: float64 [n_units]."""
    gains = [absolute[-1][:, 0]]
    for size in absolute[-2:0:-1]:
        gains.insert(0, size @ gains[0])
    return gains


def _without(
    layers: Sequence[ExactLayer], drops: Sequence[NDArray[np.bool_]], intervals: Sequence[Interval]
) -> list[ExactLayer]:
    """Return the layers without some hidden units, which become constants."""
    left = [np.ones(len(layers[0][0]), bool), *(~drop for drop in drops), np.ones(1, bool)]
    biases = [bias for _, bias in layers]
    for i, (drop, (low, high)) in enumerate(zip(drops, intervals, strict=True), start=1):
        biases[i] = biases[i] + (low + high)[drop] / 2 @ layers[i][0][drop]
    return [
        (weight[np.ix_(before, after)], bias[after])
        for (weight, _), bias, (before, after) in zip(layers, biases, pairwise(left), strict=True)
    ]
