"""Loads accuracy predictors that were fitted to measured accuracies; they are ensembles, and know their uncertainty."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError, suggestion
from ofa_bench.predictors.accuracy import AccuracyPredictor, Layer, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.embedded import FOLDER, one_hot_columns
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.checks import check_genes

__all__ = ["EnsemblePredictor", "measured_predictor", "measured_sources"]

MEASURED = FOLDER / "measured"
"""Holds the card (``<space>.json``) of each, and the weights of the ensemble and of each source."""


class EnsemblePredictor(OneHotMLP):
    """An ensemble in one network: its outputs are the mean of the members, and how each member differs from it.

    Args:
        space: the design space.
        layers: weight and bias of each layer; the last has 1 + members outputs.
        factor: by which the standard deviation of the members is multiplied, so that it fits errors on held-out rows.
        floor: what is added to it (root of the sum of squares), by image size; fractions of 1.
        name: of the predictor in records.
        sha256: the hash of the file of weights.
        pessimism: the accuracy that a search sees is the mean minus so many uncertainties.
        about: ``unlabelled`` and ``sources``.
    """

    fork_safe = True

    def __init__(
        self,
        space: DesignSpace,
        layers: Sequence[Layer],
        *,
        factor: float,
        floor: Mapping[float, float],
        name: str,
        sha256: str,
        pessimism: float = 0.0,
        **about: Any,
    ) -> None:
        *hidden, (weight, bias) = layers
        last = (weight[:, :1].copy(), bias[:1].copy())
        super().__init__(space, one_hot_columns(space), [*hidden, last], name=name, sha256=sha256, **about)
        self._heads = (weight[:, 1:].copy(), bias[1:].copy())
        self._size = space.index["r"]
        self._floor = np.array([floor[size] for size in space.genes[self._size].choices])
        self._factor, self.pessimism = factor, pessimism

    @property
    def row_wise(self) -> bool:
        """Whether a row's accuracy is bit for bit the same in any batch and thread."""
        return not self.pessimism and super().row_wise

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1, less ``pessimism`` uncertainties: int8 [n, n_genes] to float64 [n]."""
        mean = super().accuracy(genes)
        return mean - self.pessimism * self.uncertainty(genes) if self.pessimism else mean

    def deviations(self, genes: Genes) -> NDArray[np.float64]:
        """Return how the members differ from their mean, as fractions of 1: float64 [n, members]."""
        return self._deviations(self._last_hidden(self._features(check_genes(self.space, genes))[:, :-1])[-1])

    def uncertainty(self, genes: Genes) -> NDArray[np.float64]:
        """Return one standard deviation of the predicted accuracy, a fraction of 1: float64 [n].

        It is calibrated on measured rows that were held out (see the card); where nothing was measured, its floor is
        wider.
        """
        return self._combine(self.deviations(genes), genes)

    def _combine(self, deviations: NDArray[np.float64], genes: Genes) -> NDArray[np.float64]:
        spread = self._factor**2 * (deviations**2).mean(axis=1)
        return np.asarray(np.sqrt(spread + self._floor[genes[:, self._size]] ** 2))

    def _deviations(self, hidden: NDArray[np.float32]) -> NDArray[np.float64]:
        weight, bias = self._heads
        return np.asarray(hidden @ weight + bias, np.float64)

    def _last_hidden(self, features: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the values of each hidden layer, float32 [n, n_units]."""
        values = [features]
        for weight, bias in self.layers[:-1]:
            values.append(np.maximum(values[-1] @ weight + bias, 0))
        return values[1:]

    def _gradient(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient of the accuracy, but for the floor: float32 [n, n_features] to the same."""
        if not self.pessimism:
            return super()._gradient(features)
        hidden = self._last_hidden(features)
        deviations = self._deviations(hidden[-1])
        size = one_hot_columns(self.space)["r"]
        floor = features[:, size] @ self._floor
        spread = np.sqrt(self._factor**2 * (deviations**2).mean(axis=1) + floor**2)
        pull = self.pessimism * self._factor**2 / deviations.shape[1] * deviations / np.maximum(spread, 1e-12)[:, None]
        gradient = self.layers[-1][0].T - pull.astype(np.float32) @ self._heads[0].T
        for (weight, _), values in zip(self.layers[-2::-1], hidden[::-1], strict=True):
            gradient = (gradient * (values > 0)) @ weight.T
        return np.asarray(gradient, np.float32)


def measured_sources(space: DesignSpace) -> tuple[str, ...]:
    """Return the sources of measurements of which a space has a predictor of its own; they share no row."""
    while isinstance(space, Subspace):
        space = space.parent
    card = MEASURED / f"{space.name}.json"
    return tuple(json.loads(card.read_bytes())["by_source"]) if card.is_file() else ()


def measured_predictor(space: DesignSpace, source: str | None = None, pessimism: float = 0.0) -> AccuracyPredictor:
    """Load the predictor of a space that was fitted to measured accuracies.

    Its card is in ``ofa_bench/data/predictors/measured``. A subspace gets the predictor of its parent.

    Args:
        space: its design space.
        source: the predictor of this source alone (see ``measured_sources``); None for all of them together.
        pessimism: a search sees the accuracy minus so many of its uncertainties.

    Raises:
        InputError: the package has none for the space or source, or the pessimism is not a number of 0 or more.
    """
    if isinstance(space, Subspace):
        return SubspacePredictor(space, measured_predictor(space.parent, source, pessimism))
    if isinstance(pessimism, bool) or not isinstance(pessimism, Real) or not 0 <= pessimism < np.inf:
        raise InputError(f"predictor.pessimism={pessimism}: must be a number of 0 or more")
    path = MEASURED / f"{space.name}.json"
    if not path.is_file():
        have = sorted(one.name.removesuffix(".json") for one in MEASURED.iterdir() if one.name.endswith(".json"))
        raise InputError(f"predictor=measured: there is none for space {space.name}, only for {', '.join(have)}")
    card = json.loads(path.read_bytes())
    if source is not None and source not in card["by_source"]:
        near = suggestion(str(source), card["by_source"])
        raise InputError(f"predictor.source={source}: must be null or one of {', '.join(card['by_source'])}{near}")
    about = card["by_source"][source] if source else card["all"]
    content = (MEASURED / f"{space.name}{f'_{source}' if source else ''}.npz").read_bytes()
    return EnsemblePredictor(
        space,
        layers_of(content),
        factor=about["uncertainty"]["factor"],
        floor={float(size): points / 100 for size, points in about["uncertainty"]["floor"].items()},
        name=f"measured {source}" if source else "measured",
        sha256=hashlib.sha256(content + (f" pessimism {pessimism:g}".encode() if pessimism else b"")).hexdigest(),
        pessimism=float(pessimism),
        unlabelled=about["unlabelled"],
        sources=tuple(about["sources"]),
    )
