"""Ridge regression on one-hot features (Hoerl & Kennard, 1970), and networks that learn its residuals."""

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

PENALTIES = np.geomspace(1e3, 1e-3, 25)
"""Tried, to take the one of the least generalised cross-validation error (Golub, Heath & Wahba, 1979)."""

SPARE = 0.05
"""Of the degrees of freedom, what a penalty must leave over.

With less, a regression goes through all points but for rounding, and the cross-validation error, nearly nothing
divided by nearly nothing, is no guide. Chosen, of 0 to 0.2, by the error on other architectures after 16 to 300 pairs.
"""

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
    """Return further features of a gene: whether it is active, and the position of its choice.

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
    """Return a ridge regression, with a penalty chosen by generalised cross-validation.

    Rows of the same features are one architecture: its mean is fitted, with the number of its rows as weight. So the
    penalty suits other architectures, not other rows of the same, and listing all rows twice changes nothing.

    Args:
        features: [n, n_features].
        accuracy: float64 [n], fractions of 1.
        basis: float64 [n_features, m], sums of features that have a penalised weight each, in place of the features.
    """
    features, accuracy, weights = _merged(features, accuracy)
    if basis is None:
        return _fitted(features, accuracy, weights)
    summed = _fitted(features @ basis, accuracy, weights)
    return Ridge(basis @ summed.weight, summed.intercept, summed.penalty)


def _merged(features: NDArray[np.floating], accuracy: Floats) -> tuple[NDArray[np.floating], Floats, Floats]:
    """Return the features, the mean accuracy and the weight (1 in the mean) of each distinct row."""
    _, first, place, counts = np.unique(features, axis=0, return_index=True, return_inverse=True, return_counts=True)
    if len(first) == len(features):
        return features, accuracy, np.ones(len(features))
    return features[first], np.bincount(place.ravel(), accuracy) / counts, counts / counts.mean()


def _fitted(features: NDArray[np.floating], accuracy: Floats, weights: Floats) -> Ridge:
    """Return the regression on distinct architectures; weights: float64 [n], 1 in the mean."""
    n, root = len(accuracy), np.sqrt(weights)
    means, mean = weights @ features / n, float(weights @ accuracy) / n
    centred, over = root[:, None] * (features - means), root * (accuracy - mean)
    squares, axes = np.linalg.eigh(centred.T @ centred)
    real = squares > 1e-9 * max(squares[-1], 1.0)
    squares, axes = squares[real], axes[:, real]
    along = axes.T @ (centred.T @ over)
    penalty = _penalty(squares, along**2 / squares, float(over @ over), n)
    weight = axes @ (along / (squares + penalty))
    return Ridge(weight, mean - float(means @ weight), penalty)


def _penalty(squares: Floats, explained: Floats, total: float, n: int) -> float:
    """Return a penalty, chosen by generalised cross-validation.

    Args:
        squares: of the singular values that are not 0, float64 [k].
        explained: by each of their axes without a penalty, of the sum of squares, float64 [k].
        total: the sum of squares.
        n: how many architectures there are.
    """
    never = max(total - float(explained.sum()), 0.0) if len(squares) < n - 1 else 0.0
    errors = []
    for penalty in PENALTIES:
        kept = penalty / (squares + penalty)
        spare = n - 1 - len(squares) + float(kept.sum())
        left = never + float(np.sum(kept**2 * explained))
        errors.append(left / spare**2 if spare > SPARE * (n - 1) else np.inf)
    return float(PENALTIES[int(np.argmin(errors))])


def joined(space: DesignSpace, ridge: Ridge, layers: Sequence[Layer], share: float) -> OneHotMLP:
    """Return one network whose output is that of the ridge regression plus a share of another network's.

    One more unit of each hidden layer carries the ridge regression's output, raised so that ReLU never cuts it.

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
