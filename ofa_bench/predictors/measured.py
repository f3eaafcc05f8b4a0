"""Loads accuracy predictors that were fitted to measured accuracies; they are ensembles, and know their uncertainty."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ofa_bench.errors import InputError, suggestion
from ofa_bench.predictors.accuracy import AccuracyPredictor, Layer, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.forms import forms_of
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.checks import check_genes

__all__ = ["EnsemblePredictor", "measured_predictor", "measured_sources"]

FOLDER = files("ofa_bench") / "data" / "predictors" / "measured"
"""Holds the card (``<space>.json``) of each, and the networks and quadratic forms of which they are made."""

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

_CHUNK = 512
"""Rows predicted at once."""


class EnsemblePredictor(OneHotMLP):
    """An ensemble: the mean of its networks, plus a quadratic form of the architecture; and how its members differ.

    The accuracy is ``shares[0]`` times the mean of the networks, plus ``z' forms[0] z`` for the one-hot features ``z``
    of an architecture. The other forms and shares are the deviations of members; those of the networks from their mean
    are further ones. The uncertainty is the root of ``floor`` squared and ``factor`` squared times the sum of squared
    deviations.

    Args:
        space: the design space.
        networks: weight and bias of each layer of all networks, beside each other; the last has one output for each.
        forms: float32 [1 + deviations, n_features, n_features], fractions of 1.
        shares: of the networks' mean, float32 [1 + deviations].
        factor: of the deviations, so that the uncertainty fits errors on held-out rows.
        floor: of the uncertainty, a fraction of 1; by image size if the space has that gene.
        name: of the predictor in records.
        sha256: the hash of its files.
        pessimism: the accuracy that a search sees is the predicted one minus so many uncertainties.
        about: ``unlabelled`` and ``sources``.
    """

    fork_safe = True

    def __init__(
        self,
        space: DesignSpace,
        networks: Sequence[Layer],
        forms: NDArray[np.float32],
        shares: NDArray[np.float32],
        *,
        factor: float,
        floor: Mapping[float, float] | float,
        name: str,
        sha256: str,
        pessimism: float = 0.0,
        **about: Any,
    ) -> None:
        *hidden, (weight, bias) = networks
        count = weight.shape[1]
        mean = (weight.mean(axis=1, keepdims=True) * shares[0], bias.mean(keepdims=True) * shares[0])
        super().__init__(space, one_hot_columns(space), [*hidden, mean], name=name, sha256=sha256, **about)
        self._apart = [*hidden, (weight, bias)]
        self._forms, self._shares, self._spread = forms, shares, shares[0] / np.sqrt(count)
        self._slopes = forms[0] + forms[0].T
        self._has_networks = bool(mean[0].any())
        self._sizes = one_hot_columns(space)["r"] if isinstance(floor, Mapping) else []
        self._floor = np.array(
            [floor[size] for size in space.genes[space.index["r"]].choices] if isinstance(floor, Mapping) else floor
        )
        self._factor, self.pessimism = factor, pessimism

    @cached_property
    def row_wise(self) -> bool:
        """Whether a row's accuracy is bit for bit the same in any batch and thread; tested at first use."""
        if self.pessimism:
            return False
        genes = self.space.sample(_CHUNK, np.random.default_rng(0))
        with threadpool_limits(1):  # as in searches that share a call
            parts = [self.accuracy(part) for part in np.split(genes, [1, 3, 6, 11, 19, 32, 53, 87, 142, 231, 375])]
            return self.accuracy(genes).tobytes() == np.concatenate(parts).tobytes()

    def accuracy(self, genes: Genes) -> Floats:
        """Predict accuracy as a fraction of 1, less ``pessimism`` uncertainties: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        genes = check_genes(self.space, genes)
        accuracy = np.empty(len(genes))
        for start in range(0, len(genes), _CHUNK):
            rows = genes[start : start + _CHUNK]
            features = self._features(rows if len(rows) > 1 else rows.repeat(2, axis=0))[:, :-1]
            products = features @ self._forms[0]
            products *= features
            found = products.sum(axis=1)[: len(rows)]
            if self._has_networks:
                found = found + self._output(self._propagate(features)[: len(rows)])
            accuracy[start : start + _CHUNK] = found
        return accuracy - self.pessimism * self.uncertainty(genes) if self.pessimism else accuracy

    def deviations(self, genes: Genes) -> Floats:
        """Return the deviations of the members, as fractions of 1: float64 [n, deviations]."""
        return self._deviations(self._features(check_genes(self.space, genes))[:, :-1])

    def uncertainty(self, genes: Genes) -> Floats:
        """Return one standard deviation of the predicted accuracy, a fraction of 1: float64 [n].

        It is calibrated on measured rows that were held out (see the card); where nothing was measured, its floor is
        wider.
        """
        features = self._features(check_genes(self.space, genes))[:, :-1]
        return self._combine(self._deviations(features), features)

    def _combine(self, deviations: Floats, features: Features) -> Floats:
        floor = features[:, self._sizes] @ self._floor if self._sizes else self._floor
        return np.asarray(np.sqrt(self._factor**2 * (deviations**2).sum(axis=1) + floor**2), np.float64)

    def _deviations(self, features: Features) -> Floats:
        values = features
        for weight, bias in self._apart[:-1]:
            values = np.maximum(values @ weight + bias, 0)
        networks = values @ self._apart[-1][0] + self._apart[-1][1]
        mean = networks.mean(axis=1, keepdims=True)
        products = np.zeros((len(features), len(self._forms) - 1), np.float32)
        for i, form in enumerate(self._forms[1:]):
            products[:, i] = ((features @ form) * features).sum(axis=1)
        return np.hstack([products + mean * self._shares[1:], (networks - mean) * self._spread]).astype(np.float64)

    def _gradient(self, features: Features) -> Features:
        """Return the gradient of the accuracy, without pessimism: float32 [n, n_features] to the same."""
        gradient: Features = super()._gradient(features) + features @ self._slopes
        return gradient


def measured_sources(space: DesignSpace) -> tuple[str, ...]:
    """Return the sources of measurements of which a space has a predictor of its own; they share no row."""
    while isinstance(space, Subspace):
        space = space.parent
    card = FOLDER / f"{space.name}.json"
    return tuple(json.loads(card.read_bytes())["by_source"]) if card.is_file() else ()


def measured_predictor(space: DesignSpace, source: str | None = None, pessimism: float = 0.0) -> AccuracyPredictor:
    """Load the predictor of a space that was fitted to measured accuracies.

    Its card is in ``ofa_bench/data/predictors/measured``. A subspace gets the predictor of its parent.

    Args:
        space: its design space.
        source: the predictor of this source alone (see ``measured_sources``); None for all of them together.
        pessimism: a search sees the accuracy minus so many of its uncertainties. Its records have this bound as their
            accuracy, and the predictor's name says so.

    Raises:
        InputError: the package has none for the space or source, or the pessimism is not a number of 0 or more.
    """
    if isinstance(space, Subspace):
        return SubspacePredictor(space, measured_predictor(space.parent, source, pessimism))
    if isinstance(pessimism, bool) or not isinstance(pessimism, Real) or not 0 <= pessimism < np.inf:
        raise InputError(f"predictor.pessimism={pessimism}: must be a number of 0 or more")
    path = FOLDER / f"{space.name}.json"
    if not path.is_file():
        have = sorted(one.name.removesuffix(".json") for one in FOLDER.iterdir() if one.name.endswith(".json"))
        raise InputError(
            f"predictor=measured: there is none for space {space.name}, only for {', '.join(have)}; choose another "
            "predictor, such as embedded, official, table or your own"
        )
    card = json.loads(path.read_bytes())
    if source is not None and (not isinstance(source, str) or source not in card["by_source"]):
        near = suggestion(str(source), card["by_source"])
        raise InputError(f"predictor.source={source}: must be null or one of {', '.join(card['by_source'])}{near}")
    about = card["by_source"][source] if source else card["all"]
    contents = [(FOLDER / about[part]).read_bytes() for part in ("networks", "forms") if about[part]]
    digest = hashlib.sha256(b"".join(contents) + json.dumps([about["shift"], float(pessimism)]).encode())
    n_features, floor = int(space.cardinality.sum()), about["uncertainty"]["floor"]
    if about["forms"]:
        forms, shares = forms_of(space, contents[-1])
        size = one_hot_columns(space)["r"]
        forms[0, size[0] : size[-1] + 1, size] += np.float32(about["shift"] / 100)
    else:
        forms, shares = np.zeros((1, n_features, n_features), np.float32), np.ones(1, np.float32)
    none = (np.zeros((n_features, 1), np.float32), np.zeros(1, np.float32))
    return EnsemblePredictor(
        space,
        layers_of(contents[0]) if about["networks"] else [none],
        forms,
        shares,
        factor=about["uncertainty"]["factor"],
        floor={float(r): points / 100 for r, points in floor.items()} if isinstance(floor, dict) else floor / 100,
        name=(f"measured {source}" if source else "measured") + (f", pessimism {pessimism:g}" if pessimism else ""),
        sha256=digest.hexdigest(),
        pessimism=float(pessimism),
        unlabelled=about["unlabelled"],
        sources=tuple(about["sources"]),
    )
