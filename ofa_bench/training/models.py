"""Models for ``strategy=surrogate`` that are not Gaussian processes: a ridge regression, and a network like OFA's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.strategies.charges import check_number
from ofa_bench.strategies.shared import check_whole
from ofa_bench.training.ridge import fit_ridge

__all__ = ["NetworkModel", "fit_linear"]

Floats = NDArray[np.float64]


def fit_linear(space: DesignSpace, genes: Genes, accuracy: Floats, *, name: str) -> OneHotMLP:
    """Return a ridge regression on the choices of active genes.

    Args:
        space: the design space.
        genes: int8 [n, n_genes].
        accuracy: float64 [n], fractions of 1.
        name: of the predictor.
    """
    n_features, columns = int(space.cardinality.sum()), one_hot_columns(space)
    nothing = [(np.zeros((n_features, 1), np.float32), np.zeros(1, np.float32))]
    features = OneHotMLP(space, columns, nothing, name=name, sha256="").features(genes)[:, :-1]
    ridge = fit_ridge(features, accuracy)
    layer = (ridge.weight[:, None].astype(np.float32), np.array([ridge.intercept], np.float32))
    return OneHotMLP(space, columns, [layer], name=name, sha256="")


class NetworkModel:
    """Fits networks like OFA's accuracy predictor (Cai et al., ICLR 2020: three layers of 400 units).

    Args:
        hidden: units of each hidden layer.
        epochs: passes over the architectures.
        batch: architectures a step.
        learning_rate: of AdamW at the beginning; it falls along half a cosine.
        weight_decay: of AdamW.

    Raises:
        InputError: a value is not allowed.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (400, 400, 400),
        *,
        epochs: int = 15,
        batch: int = 256,
        learning_rate: float = 1e-3,
        weight_decay: float = 1.0,
    ) -> None:
        if isinstance(hidden, str) or not isinstance(hidden, Sequence):
            raise InputError(f"strategy.hidden={hidden}: must be a list, such as [400,400,400]")
        for units in hidden:
            check_whole("hidden", units)
        check_whole("epochs", epochs)
        check_whole("batch", batch)
        check_number("learning_rate", learning_rate)
        check_number("weight_decay", weight_decay)
        self.hidden, self.epochs, self.batch = tuple(hidden), epochs, batch
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

    def __call__(self, space: DesignSpace, genes: Genes, accuracy: Floats, *, name: str) -> OneHotMLP:
        """Return a network that is fitted to accuracies.

        Args:
            space: the design space.
            genes: int8 [n, n_genes].
            accuracy: float64 [n], fractions of 1.
            name: of the predictor.
        """
        from ofa_bench.training.fitting import Training, fit

        # No average of weights: after the few steps that hundreds of architectures give, it would be of the first ones.
        training = Training(self.hidden, self.epochs, self.batch, self.learning_rate, self.weight_decay, average=0)
        network = fit(space, genes, accuracy, training, seed=0, rng=np.random.default_rng(0))
        network.name = name
        return network
