"""Adapts a predictor to another space that shares its genes, by an affine map and effects of further genes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ofa_bench.predictors.accuracy import Layer

__all__ = ["transferred_layers"]

Columns = Mapping[str, Sequence[int]]


def transferred_layers(
    layers: Sequence[Layer], source: Columns, columns: Columns, transfer: Mapping[str, Any]
) -> list[Layer]:
    """Return the layers of a perceptron whose accuracy is ``intercept + slope * (f + effects)``.

    ``f`` is what ``layers`` predict from the shared genes (fraction of 1). The effects, one a choice of a gene that the
    source does not have, pass through one more unit a layer, which is never negative.

    Args:
        layers: of the source's predictor.
        source: columns of the source's features, by gene and choice.
        columns: columns of the new features, by gene and choice; they include all of the source's genes.
        transfer: ``slope``, ``intercept`` and ``effects`` (by gene, one a choice, fractions of 1).
    """
    effects = {gene: np.array(values, np.float64) for gene, values in transfer["effects"].items()}
    lowest = sum(float(values.min()) for values in effects.values())
    weight, bias = layers[0]
    first = np.zeros((1 + max(max(places) for places in columns.values()), weight.shape[1] + 1))
    for gene, places in source.items():
        first[columns[gene], :-1] = weight[places]
    for gene, values in effects.items():
        first[columns[gene], -1] = values - values.min()
    made = [(first, np.append(bias, 0))]
    for weight, bias in layers[1:-1]:
        wider = np.zeros((weight.shape[0] + 1, weight.shape[1] + 1))
        wider[:-1, :-1], wider[-1, -1] = weight, 1
        made.append((wider, np.append(bias, 0)))
    weight, bias = layers[-1]
    slope = float(transfer["slope"])
    last = slope * np.append(weight[:, 0].astype(np.float64), 1)
    made.append((last[:, None], slope * (bias.astype(np.float64) + lowest) + float(transfer["intercept"])))
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in made]
