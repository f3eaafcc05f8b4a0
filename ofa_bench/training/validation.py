"""Cross-validates predictors on pairs: trains without each fold in turn, and predicts it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.training.fitting import Training, fit
from ofa_bench.training.pairs import Pairs
from ofa_bench.training.ridge import Ridge, build_ordinal_basis, fit_ridge, join

__all__ = [
    "Predictions",
    "Trainer",
    "compute_errors",
    "count_trainings",
    "cross_validate",
    "fit_share",
    "predict_held_out",
]

Floats = NDArray[np.float64]

DIVISORS = (16, 8, 4, 2)
"""The learning curve trains on the number of pairs divided by these, then on all pairs but the held-out fold."""

FEWEST = 10
"""The fewest pairs of a training in the learning curve."""

PASSES, STEPS = 16, 750
"""The epochs of a training, and its fewest batches.

These values, ``BATCH`` and those in ``Trainer`` were chosen by the error on other architectures, after training on 100
to 16,000 official accuracies with and without noise, never by the results of a search.
"""

BATCH = 64


@dataclass(frozen=True)
class Trainer:
    """A trainer of a ridge regression on pairs, and of a network on its residuals.

    Args:
        space: the design space.
        hidden: units of each hidden layer, one of which carries the regression's output.
        epochs: epochs of the network; 0 for ``PASSES``, or more if those have fewer than ``STEPS`` batches.
        seed: seed of the first weights and of the order of pairs.
    """

    space: DesignSpace
    hidden: Sequence[int]
    epochs: int
    seed: int

    def training(self, n: int) -> Training:
        """Return the settings for a training on ``n`` pairs."""
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
        """Train on architectures (int8 [n, n_genes]) and accuracies (float64 [n]).

        Returns:
            A ridge regression that uses the order of choices, and a network for its residuals.
        """
        features = self.features(genes)
        linear = fit_ridge(features, accuracy, build_ordinal_basis(self.space))
        rest = accuracy - linear.accuracy(features)
        rng = np.random.default_rng([self.seed, len(genes)])
        return linear, fit(self.space, genes, rest, self.training(len(genes)), seed=self.seed, rng=rng)

    def predictor(self, pairs: Pairs, share: float) -> tuple[OneHotMLP, dict[str, Any]]:
        """Return a predictor that is trained on all pairs, with a share of the network, and its settings."""
        linear, network = self.train(pairs.genes, pairs.accuracy)
        how = asdict(self.training(len(pairs.genes)))
        del how["hidden"]
        about = {**how, "seed": self.seed, "ridge_penalty": round(linear.penalty, 6), "share_of_network": share}
        return join(self.space, linear, network.layers, share), about


@dataclass(frozen=True)
class Predictions:
    """Predictions of each pair by models that were trained without its fold; accuracies are fractions of 1.

    ``linear`` is predicted by the ridge regression, ``rest`` is what its network adds. There are two baselines:
    ``ridge``, a plain ridge regression on one-hot features, and ``mean``, the mean of the training pairs. All are
    float64 [n]; ``size`` is the least number of pairs in a training.
    """

    size: int
    mean: Floats
    ridge: Floats
    linear: Floats
    rest: Floats


def assign_folds(pairs: Pairs, folds: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Assign pairs to folds, all pairs of one architecture to the same fold.

    Returns:
        The fold of each pair, intp [n], and a random order of pairs, intp [n].
    """
    rng = np.random.default_rng([seed, folds])
    place = rng.permutation(pairs.distinct)[pairs.same]
    return place % folds, rng.permutation(len(place))


def cross_validate(
    trainer: Trainer, pairs: Pairs, folds: int, done: Callable[[], object] = lambda: None
) -> tuple[NDArray[np.intp], list[Predictions]]:
    """Predict every pair by models trained without its fold, on fewer pairs and then on all of them.

    Args:
        trainer: the trainer.
        pairs: all pairs.
        folds: the number of folds, 2 or more.
        done: called after each training.

    Returns:
        The fold of each pair, intp [n], and the predictions for each size of the learning curve, the largest last.
    """
    fold, order = assign_folds(pairs, folds, trainer.seed)
    return fold, [_predict_folds(trainer, pairs, fold, order, size, done) for size in _sizes(fold)]


def count_trainings(pairs: Pairs, folds: int, seed: int) -> int:
    """Return the number of trainings in ``cross_validate``."""
    return folds * len(_sizes(assign_folds(pairs, folds, seed)[0]))


def _sizes(fold: NDArray[np.intp]) -> list[int]:
    """Return the most pairs of each training in the learning curve; the last one has no limit."""
    n, whole = len(fold), len(fold) - int(np.bincount(fold).max())
    return [n // divisor for divisor in DIVISORS if FEWEST <= n // divisor < whole] + [n]


def _predict_folds(
    trainer: Trainer,
    pairs: Pairs,
    fold: NDArray[np.intp],
    order: NDArray[np.intp],
    size: int,
    done: Callable[[], object],
) -> Predictions:
    """Predict each fold after training on the first ``size`` other pairs, in random order."""
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


def fit_share(predictions: Predictions, accuracy: Floats, rows: NDArray[np.bool_] | slice = slice(None)) -> float:
    """Return the share of the network's output, 0 to 1, with the least error on these held-out pairs.

    A network that has learned noise gets a small share. This is stacking (Wolpert, 1992; Breiman, 1996).
    """
    rest, left = predictions.rest[rows], (accuracy - predictions.linear)[rows]
    power = float(rest @ rest)
    return round(float(np.clip(rest @ left / power, 0, 1)), 4) if power else 0.0


def predict_held_out(predictions: Predictions, accuracy: Floats, fold: NDArray[np.intp]) -> Floats:
    """Return the predicted accuracy of each pair, float64 [n]; the share in a fold is fitted on the other folds."""
    shares = np.array([fit_share(predictions, accuracy, fold != held) for held in range(int(fold.max()) + 1)])
    estimate: Floats = predictions.linear + shares[fold] * predictions.rest
    return estimate


def compute_errors(given: Floats, estimate: Floats, fold: NDArray[np.intp]) -> dict[str, dict[str, Any]]:
    """Return the errors of predictions: for each figure, its value, its standard deviation over folds and their number.

    ``rmse``, ``mae``, ``largest`` and ``bias`` are in percentage points; these and ``r2`` are computed over all
    held-out pairs, rank correlations are means over folds. An undefined figure is None.
    """
    parts = [(given[fold == held], estimate[fold == held]) for held in range(int(fold.max()) + 1)]
    errors = {}
    for name, figure in FIGURES.items():
        of_folds = [value for value in (figure(*part) for part in parts) if np.isfinite(value)]
        value = figure(given, estimate)
        if name in ("spearman", "kendall"):
            value = float(np.mean(of_folds)) if of_folds else np.nan
        std = float(np.std(of_folds, ddof=1)) if len(of_folds) > 1 else np.nan
        errors[name] = {"value": _round(value), "std_over_folds": _round(std), "folds": len(of_folds)}
    return errors


def _round(value: float) -> float | None:
    return round(value, 5) if np.isfinite(value) else None


def _r2(given: Floats, estimate: Floats) -> float:
    spread = float(np.sum((given - given.mean()) ** 2))
    return 1 - float(np.sum((given - estimate) ** 2)) / spread if spread else np.nan


def _rank_correlation(kind: str) -> Callable[[Floats, Floats], float]:
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
    "spearman": _rank_correlation("spearmanr"),
    "kendall": _rank_correlation("kendalltau"),
}
