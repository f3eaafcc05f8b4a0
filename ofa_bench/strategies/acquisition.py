"""What a model-based search maximises: acquisitions, made of a model's mean and its standard deviation."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.search.problem import Values
from ofa_bench.spaces import Genes

__all__ = ["ACQUISITIONS", "Optimistic", "Worth", "choose_batch", "expected_improvement"]

ACQUISITIONS = ("mean", "optimistic", "expected_improvement")
"""The names of acquisitions."""

Worth = Callable[[Values, Values, int], Values]
"""Returns what measurements promise, from means and standard deviations (float64 [n]) and the number of a target."""


@runtime_checkable
class Correlated(Protocol):
    """A model that knows how its errors go together."""

    @property
    def noise(self) -> float:
        """One standard deviation of a measurement's error, a fraction of 1."""

    def covariance(self, genes: Genes) -> Values:
        """Return the covariance of accuracies, fractions of 1 squared: int8 [n, n_genes] to float64 [n, n]."""


class Optimistic(AccuracyPredictor):
    """An optimistic quantile of a model: its mean plus some standard deviations; its gradient is that of the mean.

    Args:
        model: the model, which must know its uncertainty.
        optimism: the number of standard deviations.
    """

    def __init__(self, model: AccuracyPredictor, optimism: float) -> None:
        self.model, self.optimism = model, optimism
        self.name, self.sha256 = f"{model.name}, optimistic", model.sha256

    def accuracy(self, genes: Genes) -> Values:
        """Return the quantile, a fraction of 1: int8 [n, n_genes] to float64 [n].

        Raises:
            InputError: the model does not know its uncertainty.
        """
        return np.asarray(self.model.accuracy(genes) + self.optimism * _deviation(self.model, genes))

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32] | None:
        """Estimate how changes change the mean: float32 [n, m]; None if the model has no gradient."""
        return self.model.linearised(genes, changed)

    def single_gains(self, genes: Genes) -> NDArray[np.float32] | None:
        """Estimate how single changes change the mean, as the model does: float32 [n, changes]; None if it does not."""
        return self.model.single_gains(genes)


def expected_improvement(mean: Values, deviation: Values, best: float) -> Values:
    """Return by how much normally distributed accuracies are expected to exceed one (Jones et al., 1998): float64 [n].

    Args:
        mean: float64 [n], fractions of 1.
        deviation: standard deviations, float64 [n].
        best: the accuracy to exceed.
    """
    from scipy.special import ndtr

    spread, gain = np.maximum(deviation, 1e-12), mean - best
    density = np.exp(-((gain / spread) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(gain * ndtr(gain / spread) + spread * density)


def choose_batch(
    model: AccuracyPredictor, rows: Genes, meets: NDArray[np.bool_], size: int, first: int, worth: Worth | None
) -> NDArray[np.intp]:
    """Return the places of at most ``size`` candidates, which targets choose in turn, each once.

    If the model is ``Correlated``, what is chosen counts as measured: the deviations of candidates like it shrink
    (Desautels et al., JMLR 2014, GP-BUCB). So one batch does not measure the same promise many times.

    Args:
        model: the model.
        rows: the candidates, int8 [n, n_genes].
        meets: which of them each target may choose, bool [targets, n].
        size: the most to choose.
        first: the number of the target that begins.
        worth: what targets maximise; None for the mean.

    Raises:
        InputError: the model does not know its uncertainty.
    """
    mean, free = model.accuracy(rows), meets.copy()
    covariance, variance = None, 0.0
    if worth and isinstance(model, Correlated):
        covariance, variance = model.covariance(rows), model.noise**2
    deviation = _deviation(model, rows) if worth else np.zeros(len(rows))
    chosen, turns = list[int](), [*range(first, len(meets)), *range(first)]
    while turns and len(chosen) < size:
        target = turns.pop(0)
        if not free[target].any():
            continue
        value = worth(mean, deviation, target) if worth else mean
        place = int(np.where(free[target], value, -np.inf).argmax())
        chosen.append(place)
        turns.append(target)
        free[:, place] = False
        if covariance is not None:
            along = covariance[place]
            covariance = covariance - np.outer(along, along) / (along[place] + variance + TINY)
            deviation = np.sqrt(np.diag(covariance).clip(min=0))
    return np.array(chosen, np.intp)


TINY = 1e-12
"""Keeps a variance that is shared among equal architectures above 0."""


def _deviation(model: AccuracyPredictor, genes: Genes) -> Values:
    found = model.uncertainty(genes)
    if found is None:
        raise InputError("strategy.acquisition: strategy.model does not know its uncertainty; choose mean")
    return found
