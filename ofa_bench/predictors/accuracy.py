"""Accuracy predictors: small networks over one-hot features of an architecture."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes, PartSpace

__all__ = ["AccuracyPredictor", "Layer", "OneHotMLP", "Within"]

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Weight [n_in, n_out] and bias [n_out]."""

_CHUNK = 8192


class AccuracyPredictor(Protocol):
    """Predicts top-1 accuracy. ``sha256`` identifies the weights in every record."""

    name: str
    sha256: str

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        ...


class OneHotMLP:
    """A multi-layer perceptron with ReLU between layers, in float32, over the one-hot form of active genes.

    Args:
        space: the design space whose genes are read.
        columns: for each gene that is a feature, the feature's column for each of its choices.
        layers: weight [n_in, n_out] and bias [n_out] of each layer; the last has one output.
        name: what records call this predictor.
        sha256: the hash of the file that the weights came from.

    Raises:
        InputError: the layers do not fit the features or each other.
    """

    def __init__(
        self,
        space: DesignSpace,
        columns: Mapping[str, Sequence[int]],
        layers: Sequence[Layer],
        *,
        name: str,
        sha256: str,
    ) -> None:
        self.space, self.name, self.sha256, self.layers = space, name, sha256, tuple(layers)
        weights = [weight.shape for weight, _ in layers]
        chained = all(before[1] == after[0] for before, after in pairwise(weights))
        self.n_features = weights[0][0]
        wanted = 1 + max(max(places) for places in columns.values())
        if not chained or weights[-1][1] != 1 or self.n_features < wanted:
            raise InputError(f"predictor {name}: layers {weights} do not take the features of space {space.name}")
        # One more column takes what is no feature or not active; its weights are zero.
        self._columns = np.full((space.n_genes, int(space.cardinality.max())), self.n_features)
        for gene, places in columns.items():
            distinct = space.genes[space.index[gene]].distinct  # choices that build one network are one feature
            self._columns[space.index[gene], : len(places)] = [places[choice] for choice in distinct]
        first, bias = layers[0]
        padded = np.vstack([first, np.zeros((1, first.shape[1]), np.float32)])
        self._padded = [(padded, bias), *layers[1:]]
        self._gene = np.arange(space.n_genes)

    def features(self, genes: Genes) -> NDArray[np.float32]:
        """Give the one-hot features, 0 where a gene is inactive: float32 [n, n_features + 1], the last one unused."""
        columns = np.where(self.space.active(genes), self._columns[self._gene, genes], self.n_features)
        one_hot = np.zeros((len(genes), self.n_features + 1), np.float32)
        one_hot[np.arange(len(genes))[:, None], columns] = 1
        return one_hot

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        chunks = [self._forward(genes[i : i + _CHUNK]) for i in range(0, len(genes), _CHUNK)]
        return np.concatenate(chunks) if chunks else np.empty(0)

    def _forward(self, genes: Genes) -> NDArray[np.float64]:
        hidden = self.features(genes)
        for weight, bias in self._padded[:-1]:
            hidden = hidden @ weight
            hidden += bias
            np.maximum(hidden, 0, out=hidden)
        weight, bias = self._padded[-1]
        return np.asarray(hidden @ weight + bias, np.float64)[:, 0]


class Within:
    """An accuracy predictor of a space, for a part of it."""

    def __init__(self, part: PartSpace, predictor: AccuracyPredictor) -> None:
        self.space, self.predictor = part, predictor
        self.name, self.sha256 = predictor.name, predictor.sha256

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        return self.predictor.accuracy(self.space.to_whole(genes))
