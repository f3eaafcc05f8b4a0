"""Cross-validation on pairs: each fold is held out of the training once, and then predicted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.embedded import one_hot_columns
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.training.fitting import Training, fit
from ofa_bench.training.pairs import Pairs
from ofa_bench.training.ridge import Ridge, fit_ridge, in_order, joined

__all__ = ["Predictions", "Trainer", "cross_validated", "errors_of", "predicted", "share_of", "trainings"]

Floats = NDArray[np.float64]

DIVISORS = (16, 8, 4, 2)
"""The learning curve has the pairs divided by these, and all but the fold that is held out."""

FEWEST = 10
"""Pairs of the smallest training of a learning curve."""

PASSES, STEPS = 16, 750
"""Epochs of a training, but at least so many batches.

They, ``BATCH`` and what else ``Trainer`` has were chosen by the error on other architectures, of 100 to 16,000 official
accuracies with and without noise, never by what a search finds.
"""

BATCH = 64


@dataclass(frozen=True)
class Trainer:
    """Trains a ridge regression on pairs, and a network on its residuals.

    Args:
        space: of the architectures.
        hidden: units of each hidden layer, one of which carries the regression's output.
        epochs: of the network; 0 for ``PASSES``, or more where that gives fewer than ``STEPS`` batches.
        seed: of the first weights and of the order of pairs.
    """

    space: DesignSpace
    hidden: Sequence[int]
    epochs: int
    seed: int

    def training(self, n: int) -> Training:
        """Return the training of a network on ``n`` pairs."""
        epochs = self.epochs or max(PASSES, -(-STEPS // -(-n // BATCH)))
        hidden = [units - 1 for units in self.hidden]
        return Training(hidden, epochs, BATCH, learning_rate=2e-3, weight_decay=1.0, average=0.99)

    @cached_property
    def _encoder(self) -> OneHotMLP:
        layer = np.zeros((int(self.space.cardinality.sum()), 1), np.float32), np.zeros(1, np.float32)
        return OneHotMLP(self.space, one_hot_columns(self.space), [layer], name="", sha256="")

    def features(self, genes: Genes) -> NDArray[np.float32]:
        """Return one-hot features, float32 [n, n_features]."""
        return self._encoder.features(genes)[:, :-1]

    def train(self, genes: Genes, accuracy: Floats) -> tuple[Ridge, OneHotMLP]:
        """Return what is trained on architectures (int8 [n, n_genes]) and accuracies (float64 [n]).

        Returns:
            A ridge regression that knows the order of choices, and a network for its residuals.
        """
        features = self.features(genes)
        linear = fit_ridge(features, accuracy, in_order(self.space))
        rest = accuracy - linear.accuracy(features)
        rng = np.random.default_rng([self.seed, len(genes)])
        return linear, fit(self.space, genes, rest, self.training(len(genes)), seed=self.seed, rng=rng)

    def predictor(self, pairs: Pairs, share: float) -> tuple[OneHotMLP, dict[str, Any]]:
        """Return a predictor that is trained on all pairs, with a share of the network, and how it was made."""
        linear, network = self.train(pairs.genes, pairs.accuracy)
        how = asdict(self.training(len(pairs.genes)))
        del how["hidden"]
        about = {**how, "seed": self.seed, "ridge_penalty": round(linear.penalty, 6), "share_of_network": share}
        return joined(self.space, linear, network.layers, share), about


@dataclass(frozen=True)
class Predictions:
    """Predictions of each pair by models trained without its fold; accuracies are fractions of 1.

    ``linear`` is of the predictor's ridge regression, ``rest`` what its network adds to it. There are two
    baselines: ``ridge``, a plain ridge regression on one-hot features, and ``mean``, that of the training. All are
    float64 [n]; ``size`` is the least number of pairs in a training.
    """

    size: int
    mean: Floats
    ridge: Floats
    linear: Floats
    rest: Floats


def folds_of(pairs: Pairs, folds: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Assign architectures to folds, all pairs of one to the same fold.

    Returns:
        The fold of each pair, intp [n], and a random order of pairs, intp [n].
    """
    rng = np.random.default_rng([seed, folds])
    place = rng.permutation(pairs.distinct)[pairs.same]
    return place % folds, rng.permutation(len(place))


def cross_validated(
    trainer: Trainer, pairs: Pairs, folds: int, done: Callable[[], object] = lambda: None
) -> tuple[NDArray[np.intp], list[Predictions]]:
    """Predict every pair by models trained without its fold, on fewer pairs and then on all of them.

    Args:
        trainer: what is trained.
        pairs: all pairs.
        folds: 2 or more.
        done: called after each training.

    Returns:
        The fold of each pair, intp [n], and predictions of the learning curve's sizes, the largest last.
    """
    fold, order = folds_of(pairs, folds, trainer.seed)
    return fold, [_predicted(trainer, pairs, fold, order, size, done) for size in _sizes(fold)]


def trainings(pairs: Pairs, folds: int, seed: int) -> int:
    """Return the number of trainings that ``cross_validated`` makes."""
    return folds * len(_sizes(folds_of(pairs, folds, seed)[0]))


def _sizes(fold: NDArray[np.intp]) -> list[int]:
    """Return the most pairs of each training of the learning curve: fewer than all without a fold, and then all."""
    n, whole = len(fold), len(fold) - int(np.bincount(fold).max())
    return [n // divisor for divisor in DIVISORS if FEWEST <= n // divisor < whole] + [n]


def _predicted(
    trainer: Trainer,
    pairs: Pairs,
    fold: NDArray[np.intp],
    order: NDArray[np.intp],
    size: int,
    done: Callable[[], object],
) -> Predictions:
    """Hold each fold out once; train on the first ``size`` pairs, in the random order, that are not in it."""
    made = Predictions(size, *np.zeros((4, len(fold))))
    sizes = []
    for held in range(int(fold.max()) + 1):
        rows = order[fold[order] != held][:size]
        out = np.flatnonzero(fold == held)
        genes, accuracy, others = pairs.genes[rows], pairs.accuracy[rows], pairs.genes[out]
        linear, network = trainer.train(genes, accuracy)
        made.mean[out] = accuracy.mean()
        made.ridge[out] = fit_ridge(trainer.features(genes), accuracy).accuracy(trainer.features(others))
        made.linear[out] = linear.accuracy(trainer.features(others))
        made.rest[out] = network.accuracy(others)
        sizes.append(len(rows))
        done()
    return replace(made, size=min(sizes))


def share_of(predictions: Predictions, accuracy: Floats, rows: NDArray[np.bool_] | slice = slice(None)) -> float:
    """Return the share of the network's output, 0 to 1, that would have been best for these held-out pairs.

    A network that has learned noise gets little. This is the stacking of two models (Wolpert, 1992; Breiman, 1996).
    """
    rest, left = predictions.rest[rows], (accuracy - predictions.linear)[rows]
    power = float(rest @ rest)
    return round(float(np.clip(rest @ left / power, 0, 1)), 4) if power else 0.0


def predicted(predictions: Predictions, accuracy: Floats, fold: NDArray[np.intp]) -> Floats:
    """Return the predictor's accuracy of each pair, float64 [n]; the share in a fold is that of the other folds."""
    shares = np.array([share_of(predictions, accuracy, fold != held) for held in range(int(fold.max()) + 1)])
    estimate: Floats = predictions.linear + shares[fold] * predictions.rest
    return estimate


def errors_of(given: Floats, estimate: Floats, fold: NDArray[np.intp]) -> dict[str, dict[str, Any]]:
    """Return the errors of predictions: each figure with its standard deviation, and the number of folds that have it.

    ``rmse``, ``mae``, ``largest`` and ``bias`` are in percentage points; they and ``r2`` are of all held-out pairs
    together, rank correlations are means over folds. A figure that is not defined is None.
    """
    parts = [(given[fold == held], estimate[fold == held]) for held in range(int(fold.max()) + 1)]
    return dict(_figures([(given, estimate)], parts))


def _figures(
    whole: Sequence[tuple[Floats, Floats]], parts: Sequence[tuple[Floats, Floats]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, figure in FIGURES.items():
        of_parts = [value for value in (figure(*part) for part in parts) if np.isfinite(value)]
        of_whole = [figure(*one) for one in whole] if name not in ("spearman", "kendall") else of_parts
        value = float(np.mean(of_whole)) if of_whole else None
        std = float(np.std(of_parts, ddof=1)) if len(of_parts) > 1 else None
        yield name, {"value": _rounded(value), "std_over_folds": _rounded(std), "folds": len(of_parts)}


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 5)


def _r2(given: Floats, estimate: Floats) -> float:
    spread = float(np.sum((given - given.mean()) ** 2))
    return 1 - float(np.sum((given - estimate) ** 2)) / spread if spread else np.nan


def _ranked(kind: str) -> Callable[[Floats, Floats], float]:
    def correlation(given: Floats, estimate: Floats) -> float:
        from scipy import stats

        if len(given) < 2 or np.ptp(given) == 0 or np.ptp(estimate) == 0:
            return float(np.nan)
        return float(getattr(stats, kind)(given, estimate).statistic)

    return correlation


FIGURES: Mapping[str, Callable[[Floats, Floats], float]] = {
    "rmse": lambda given, estimate: 100 * float(np.sqrt(np.mean((estimate - given) ** 2))),
    "mae": lambda given, estimate: 100 * float(np.mean(np.abs(estimate - given))),
    "largest": lambda given, estimate: 100 * float(np.max(np.abs(estimate - given))),
    "bias": lambda given, estimate: 100 * float(np.mean(estimate - given)),
    "r2": _r2,
    "spearman": _ranked("spearmanr"),
    "kendall": _ranked("kendalltau"),
}
