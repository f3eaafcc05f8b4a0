"""What a model-based search maximises: acquisitions, made of a model's mean and its standard deviation."""

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.search.problem import Values
from ofa_bench.spaces import Genes

__all__ = ["ACQUISITIONS", "Optimistic", "expected_improvement"]

ACQUISITIONS = ("mean", "optimistic", "expected_improvement")
"""The names of acquisitions."""


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


def expected_improvement(model: AccuracyPredictor, genes: Genes, best: float) -> Values:
    """Return by how much measurements are expected to exceed an accuracy (Jones et al., 1998): float64 [n].

    Args:
        model: the model, which must know its uncertainty.
        genes: int8 [n, n_genes].
        best: the accuracy, a fraction of 1.

    Raises:
        InputError: the model does not know its uncertainty.
    """
    from scipy.special import ndtr

    spread, gain = np.maximum(_deviation(model, genes), 1e-12), model.accuracy(genes) - best
    density = np.exp(-((gain / spread) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(gain * ndtr(gain / spread) + spread * density)


def _deviation(model: AccuracyPredictor, genes: Genes) -> Values:
    found = model.uncertainty(genes)
    if found is None:
        raise InputError("strategy.acquisition: strategy.model does not know its uncertainty; choose mean")
    return found
