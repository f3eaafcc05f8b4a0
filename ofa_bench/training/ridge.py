"""Fits ridge regressions on one-hot features (Hoerl & Kennard, 1970), and joins them with networks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.accuracy import Layer
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.spaces import DesignSpace

__all__ = ["Ridge", "build_ordinal_basis", "fit_ridge", "join"]

Floats = NDArray[np.float64]

PENALTIES = np.geomspace(1e3, 1e-3, 25)
"""The penalties to try; generalised cross-validation chooses one (Golub, Heath & Wahba, 1979)."""

SPARE = 0.05
"""The least share of the degrees of freedom that must remain.

With less, the regression interpolates all points and the cross-validation error is nearly 0 / 0. The value was chosen
from 0 to 0.2, by the error on other architectures after 16 to 300 pairs.
"""

STRENGTH = 2.0
"""The scale of the ordinal features; chosen from 0 to 5, by the error on other architectures after 20 to 300 pairs."""


@dataclass(frozen=True)
class Ridge:
    """A linear predictor of accuracy (a fraction of 1); ``weight`` is float64 [n_features]."""

    weight: Floats
    intercept: float
    penalty: float

    def accuracy(self, features: NDArray[np.floating]) -> Floats:
        """Return the accuracies that are predicted from features [n, n_features]: float64 [n]."""
        predicted: Floats = features @ self.weight + self.intercept
        return predicted


def build_ordinal_basis(space: DesignSpace) -> Floats:
    """Return a basis with two more features for each gene: whether it is active, and the position of its choice.

    The choices of a gene are ordered numbers. With few pairs, a ridge regression on these features and the one-hot
    features has a smaller error, because it favours effects that are nearly linear.

    Returns:
        float64 [n_features, n_features + 2 n_genes]: the matrix by which one-hot features are multiplied.
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

    Rows with equal features are one architecture. Its mean is fitted, weighted by the number of its rows, so that the
    penalty suits other architectures, and duplicating all rows changes nothing.

    Args:
        features: [n, n_features].
        accuracy: float64 [n], fractions of 1.
        basis: float64 [n_features, m], the sums of features that get the penalised weights; by default the features.
    """
    features, accuracy, weights = _merge(features, accuracy)
    if basis is None:
        return _fit(features, accuracy, weights)
    summed = _fit(features @ basis, accuracy, weights)
    return Ridge(basis @ summed.weight, summed.intercept, summed.penalty)


def _merge(features: NDArray[np.floating], accuracy: Floats) -> tuple[NDArray[np.floating], Floats, Floats]:
    """Return the features, the mean accuracy and the weight (1 on average) of each distinct row."""
    _, first, place, counts = np.unique(features, axis=0, return_index=True, return_inverse=True, return_counts=True)
    if len(first) == len(features):
        return features, accuracy, np.ones(len(features))
    return features[first], np.bincount(place.ravel(), accuracy) / counts, counts / counts.mean()


def _fit(features: NDArray[np.floating], accuracy: Floats, weights: Floats) -> Ridge:
    """Return the regression on distinct architectures; weights: float64 [n], 1 on average."""
    n, root = len(accuracy), np.sqrt(weights)
    means, mean = weights @ features / n, float(weights @ accuracy) / n
    centred, over = root[:, None] * (features - means), root * (accuracy - mean)
    squares, axes = np.linalg.eigh(centred.T @ centred)
    real = squares > 1e-9 * max(squares[-1], 1.0)
    squares, axes = squares[real], axes[:, real]
    along = axes.T @ (centred.T @ over)
    penalty = _choose_penalty(squares, along**2 / squares, float(over @ over), n)
    weight = axes @ (along / (squares + penalty))
    return Ridge(weight, mean - float(means @ weight), penalty)


def _choose_penalty(squares: Floats, explained: Floats, total: float, n: int) -> float:
    """Return the penalty with the least generalised cross-validation error.

    Args:
        squares: the squares of the singular values that are not 0, float64 [k].
        explained: the part of ``total`` that each of their axes explains without a penalty, float64 [k].
        total: the sum of squares of the centred accuracies.
        n: the number of architectures.
    """
    never = max(total - float(explained.sum()), 0.0) if len(squares) < n - 1 else 0.0
    errors = []
    for penalty in PENALTIES:
        kept = penalty / (squares + penalty)
        spare = n - 1 - len(squares) + float(kept.sum())
        left = never + float(np.sum(kept**2 * explained))
        errors.append(left / spare**2 if spare > SPARE * (n - 1) else np.inf)
    return float(PENALTIES[int(np.argmin(errors))])


def join(space: DesignSpace, ridge: Ridge, layers: Sequence[Layer], share: float) -> OneHotMLP:
    """Return one network whose output is that of the ridge regression plus a share of another network's.

    One more unit of each hidden layer carries the output of the ridge regression, raised so that ReLU never changes it.

    Args:
        space: the design space.
        ridge: the regression on the space's one-hot features.
        layers: the layers of the other network, which has hidden layers and takes the same features.
        share: the share of the other network, 0 to 1.
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
