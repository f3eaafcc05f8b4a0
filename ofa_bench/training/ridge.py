"""Ridge regression on one-hot features, and networks that learn what it leaves over (Hoerl & Kennard, 1970)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.accuracy import Layer
from ofa_bench.predictors.embedded import one_hot_columns
from ofa_bench.spaces import DesignSpace

__all__ = ["Ridge", "fit_ridge", "in_order", "joined"]

Floats = NDArray[np.float64]

PENALTIES = np.geomspace(1e-3, 1e3, 25)
"""Tried, to take the one of the least generalised cross-validation error (Golub, Heath & Wahba, 1979)."""

STRENGTH = 2.0
"""Of what ``in_order`` adds; chosen, of 0 to 5, by the error on other architectures after 20 to 300 pairs."""


@dataclass(frozen=True)
class Ridge:
    """Gives an accuracy (a fraction of 1): ``intercept`` and the ``weight`` (float64 [n_features]) of each feature."""

    weight: Floats
    intercept: float
    penalty: float

    def accuracy(self, features: NDArray[np.floating]) -> Floats:
        """Predict: [n, n_features] to float64 [n]."""
        predicted: Floats = features @ self.weight + self.intercept
        return predicted


def in_order(space: DesignSpace) -> Floats:
    """Give what else of a gene is worth a weight: that it is active, and the place of its choice among all of them.

    A gene's choices are numbers in order: where pairs are few, a ridge regression on these sums of one-hot features
    beside the features themselves is off by less, because it takes effects to be about straight lines.

    Returns:
        float64 [n_features, n_features + 2 n_genes]: the features by which one-hot features are multiplied.
    """
    places = one_hot_columns(space)
    n_features = int(space.cardinality.sum())
    there, line = np.zeros((2, n_features, space.n_genes))
    for gene, columns in enumerate(places.values()):
        there[columns, gene] = STRENGTH
        line[columns, gene] = STRENGTH * np.linspace(-1, 1, len(columns)) if len(columns) > 1 else 0
    return np.hstack([np.eye(n_features), there, line])


def fit_ridge(features: NDArray[np.floating], accuracy: Floats, basis: Floats | None = None) -> Ridge:
    """Fit a ridge regression; the data choose its penalty.

    Args:
        features: [n, n_features].
        accuracy: float64 [n], fractions of 1.
        basis: float64 [n_features, m], sums of features that have a penalised weight each, in place of the features.
    """
    if basis is not None:
        summed = fit_ridge(features @ basis, accuracy)
        return Ridge(basis @ summed.weight, summed.intercept, summed.penalty)
    n, means = len(accuracy), features.mean(axis=0, dtype=np.float64)
    centred, over = features - means, accuracy - accuracy.mean()
    squares, axes = np.linalg.eigh(centred.T @ centred)
    real = squares > 1e-9 * max(squares[-1], 1.0)
    squares, axes = squares[real], axes[:, real]
    along = axes.T @ (centred.T @ over)
    explained, rest = along**2 / squares, float(over @ over)
    errors = []
    for penalty in PENALTIES:
        shrunk = squares / (squares + penalty)
        left = rest - float(np.sum((1 - (1 - shrunk) ** 2) * explained))
        errors.append(max(left, 0.0) / max(n - 1 - shrunk.sum(), 1e-3) ** 2)
    penalty = float(PENALTIES[int(np.argmin(errors))])
    weight = axes @ (along / (squares + penalty))
    return Ridge(weight, float(accuracy.mean() - means @ weight), penalty)


def joined(space: DesignSpace, ridge: Ridge, layers: Sequence[Layer], share: float) -> OneHotMLP:
    """Make one network that gives what the ridge regression says, and a share of what another network says.

    One more unit of each hidden layer carries what the ridge regression says, raised so that ReLU never cuts it.

    Args:
        space: what they predict for.
        ridge: over the space's one-hot features.
        layers: of the other network, which has hidden layers and takes the same features.
        share: of the other network, 0 to 1.
    """
    linear = ridge.weight.astype(np.float32)
    places = one_hot_columns(space).values()
    least = sum(min(0.0, float(linear[columns].min())) for columns in places) - 1e-6
    *hidden, (last, bias) = layers
    made = list[Layer]()
    for number, (weight, shift) in enumerate(hidden):
        carries = linear if number == 0 else np.zeros(len(weight), np.float32)
        wider = np.column_stack([weight, carries]).astype(np.float32)
        if number:
            wider = np.vstack([wider, np.eye(1, wider.shape[1], wider.shape[1] - 1, dtype=np.float32)])
        made.append((wider, np.append(shift, np.float32(0 if number else -least)).astype(np.float32)))
    end = np.vstack([last * np.float32(share), np.ones((1, 1), np.float32)]).astype(np.float32)
    made.append((end, (bias.astype(np.float64) * share + ridge.intercept + least).astype(np.float32)))
    return OneHotMLP(space, one_hot_columns(space), made, name="joined", sha256="")
