"""Accuracy predictors: the base class, and a perceptron over one-hot features of an architecture."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ofa_bench.errors import InputError
from ofa_bench.predictors.coverage import Choices, to_subspace
from ofa_bench.predictors.differences import OneHotDifferences
from ofa_bench.predictors.pruning import first_interval, prune
from ofa_bench.spaces import DesignSpace, Genes, Subspace
from ofa_bench.spaces.checks import check_changed, check_genes
from ofa_bench.spaces.declarations import declares_fork_safe

__all__ = ["AccuracyPredictor", "Layer", "OneHotMLP", "SubspacePredictor"]

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Weight [n_in, n_out] and bias [n_out]."""

_CHUNK = 512
"""Rows predicted at once, so that a layer's values stay in the processor's cache."""

_WIDTH = 16
"""Layers are made a multiple of this wide: the other columns of a product may be summed in another order by row."""

_PIECES = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
"""Sizes of the batches that must give the same as one batch of ``_CHUNK`` rows; one more takes the rest of it."""


class AccuracyPredictor(ABC):
    """Predicts top-1 accuracy. A sub-class has ``accuracy``, and may override the defaults of the attributes."""

    name: str
    """Its name in records."""

    sha256: str
    """The hash that identifies its weights in records."""

    fork_safe: bool = False
    """Whether searches may run in forked processes (see ``declares_fork_safe``): each class declares it anew."""

    pruning: Mapping[str, Any] | None = None
    """For the record: how its network was pruned when it was loaded."""

    unlabelled: Choices | None = None
    """By gene, the values that no label had from which it learned; empty if the labels had all, None if unknown.

    A search whose winner has one of them reports it.
    """

    known_genes: Genes | None = None
    """The only architectures that it knows, int8 [n, n_genes]; None if it knows all of the space.

    A problem with it has only these (see ``spaces.ListedSpace``).
    """

    sources: tuple[str, ...] | None = None
    """The sources of its labels: SHA-256 of predictors that made them, or names of measurements; None if unknown.

    It decides which predictors may judge its winners (see ``analysis.judges``).
    """

    sampled: bool = False
    """Whether its accuracies are of a sample, such as of test images: the highest of many is then partly luck.

    A strategy with a model of what it measured may choose by the model instead.
    """

    truth: str | None = None
    """The hash of the predictor of the same accuracies whose measurements have no errors; None if it is this one.

    Best-known frontiers are of the truth.
    """

    @property
    def row_wise(self) -> bool:
        """Whether a row's accuracy is bit for bit the same in any batch and thread.

        Independent searches may then share a call.
        """
        return False

    @abstractmethod
    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n]."""

    def accuracy_of_each(self, batches: Sequence[Genes]) -> list[NDArray[np.float64]]:
        """Predict the accuracies of several batches, each bit for bit as in a call by itself.

        Searches in lockstep call it where rows depend on their batch (see ``row_wise``).

        Args:
            batches: int8 [n, n_genes] each.

        Returns:
            float64 [n] each, fractions of 1.
        """
        return [self.accuracy(genes) for genes in batches]

    def uncertainty(self, genes: Genes) -> NDArray[np.float64] | None:  # noqa: ARG002
        """Return one standard deviation of the predicted accuracy, a fraction of 1; None if it is not known.

        Searches do not call it: it is computed once, for what they found.

        Args:
            genes: int8 [n, n_genes].

        Returns:
            float64 [n].
        """
        return None

    def measurement_errors(
        self,
        genes: Genes,  # noqa: ARG002
        times: NDArray[np.int64],  # noqa: ARG002
        seed: int,  # noqa: ARG002
    ) -> NDArray[np.float64] | None:
        """Return by how much measurements of architectures miss their accuracy; None if they are exact.

        A search sees the sum of both, and ``accuracy`` remains the truth. An error depends on nothing but the
        architecture, in whatever form, and ``times`` and ``seed``.

        Args:
            genes: int8 [n, n_genes].
            times: int64 [n], how often each of them was measured before in this search.
            seed: of the errors; it differs between repeats, and is the same for all strategies.

        Returns:
            float64 [n], fractions of 1.
        """
        return None

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32] | None:  # noqa: ARG002
        """Estimate to first order how changes of architectures change their accuracy; None without a gradient.

        A search that uses gradients needs fewer evaluations.

        Args:
            genes: int8 [n, n_genes].
            changed: int8 [n, m, n_genes], changed forms of each of them.

        Returns:
            float32 [n, m], fractions of 1.
        """
        return None

    def single_gains(self, genes: Genes) -> NDArray[np.float32] | None:  # noqa: ARG002
        """Estimate what ``linearised`` does of all single changes, faster; None where ``linearised`` is to be asked.

        Args:
            genes: int8 [n, n_genes].

        Returns:
            float32 [n, changes], fractions of 1, in the order of ``spaces.enumeration.single_changes``.
        """
        return None


class OneHotMLP(AccuracyPredictor):
    """A multi-layer perceptron with ReLU between layers, in float32, over the one-hot form of active genes.

    Hidden units that are proven constant over the whole space are removed. ``pruning`` has the widths of hidden layers
    before and after, and the proven bound on the change of accuracy (a fraction of 1, before rounding to float32).

    Args:
        space: the design space whose genes are read.
        columns: for each gene that is a feature, the feature's column for each of its choices.
        layers: weight [n_in, n_out] and bias [n_out] of each layer; the last has one output.
        name: of the predictor in records.
        sha256: the hash of the file of weights.
        unlabelled: by gene, the values that none of its labels had; None where that is not known.
        sources: the sources of its labels; None where they are not known.

    Raises:
        InputError: the layers do not fit the features or each other or are not finite, or two genes share a feature.
    """

    fork_safe = True

    def __init__(
        self,
        space: DesignSpace,
        columns: Mapping[str, Sequence[int]],
        layers: Sequence[Layer],
        *,
        name: str,
        sha256: str,
        unlabelled: Choices | None = None,
        sources: tuple[str, ...] | None = None,
    ) -> None:
        self.space, self.name, self.sha256, self.layers = space, name, sha256, tuple(layers)
        self.columns = columns
        self.unlabelled, self.sources = unlabelled, sources
        shapes = [(weight.shape, bias.shape) for weight, bias in layers]
        fit = bool(shapes) and all(len(weight) == 2 and bias == weight[1:] for weight, bias in shapes)
        if not fit or any(before[1] != after[0] for (before, _), (after, _) in pairwise(shapes)):
            raise InputError(f"predictor {name}: layers of weights and biases {shapes} do not fit each other")
        self.n_features = shapes[0][0][0]
        if shapes[-1][0][1] != 1 or self.n_features < 1 + max(max(places) for places in columns.values()):
            weights = [weight for weight, _ in shapes]
            raise InputError(f"predictor {name}: layers {weights} do not take the features of space {space.name}")
        if not all(np.isfinite(values).all() for layer in layers for values in layer):
            raise InputError(f"predictor {name}: a weight or bias is not a finite number")
        self.pruning: dict[str, Any] = {"hidden": [len(bias) for _, bias in layers[:-1]]}
        self._by_owners = type(space).active is DesignSpace.active  # else nothing can be proven
        self._set_layers(self._set_features(columns))

    def _set_features(self, columns: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        """Store each feature's gene and choice, and where the gene is active; return each choice's feature, by gene."""
        genes, index = self.space.genes, self.space.index
        self._gene = np.zeros(self.n_features + 1, np.intp)
        self._choice = np.full((self.n_features + 1, 1), -1, np.int8)  # an unused feature is never chosen
        self._merged: dict[int, Genes] = {}
        features = {}
        for name, places in columns.items():
            i = index[name]
            if (self._choice[list(places)] >= 0).any():
                raise InputError(f"predictor {self.name}: gene {name} has a feature of another gene, of {list(places)}")
            at = [places[choice] for choice in genes[i].distinct]  # choices that build one network are one feature
            first = np.array([at.index(place) for place in at], np.int8)
            self._gene[at], self._choice[at, 0] = i, first
            if (first != np.arange(len(at))).any():
                self._merged[i] = first
            features[name] = at
        self._owner = np.array([index[gene.owner or gene.name] for gene in genes])[self._gene]
        self._active_from = np.array([[gene.active_from] for gene in genes], np.int8)[self._gene]
        return features

    def _set_layers(self, features: Mapping[str, Sequence[int]]) -> None:
        """Prune the layers, and pad the rest."""
        exact = [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in self.layers]
        first = first_interval(self.space, features, exact[0]) if self._by_owners else None
        pruned, error = prune(first, exact) if first else (exact, 0.0)
        kept = [len(bias) for _, bias in pruned[:-1]]
        self.pruning |= {"kept": kept, "error": error}
        widths = [self.n_features, *(-(-units // _WIDTH) * _WIDTH for units in kept), 1]
        self._padded: list[Layer] = []
        for (weight, bias), shape in zip(pruned, pairwise(widths), strict=True):
            self._padded.append((np.zeros(shape, np.float32), np.zeros(shape[1], np.float32)))
            self._padded[-1][0][: len(weight), : len(bias)], self._padded[-1][1][: len(bias)] = weight, bias
        self._backward = [weight.T.copy() for weight, _ in self._padded]  # a product with few rows is faster with these

    @cached_property
    def row_wise(self) -> bool:
        """Whether a row's accuracy is bit for bit the same in any batch; tested at first use (milliseconds).

        Matrix products of some libraries sum in an order that depends on a row's place in the batch.
        """
        genes, ends = self.space.sample(_CHUNK, np.random.default_rng(0)), np.cumsum(_PIECES)
        with threadpool_limits(1):  # as in searches that share a call
            hidden = self._hidden(genes)
            apart = [self._hidden(piece) for piece in np.split(genes, ends)]
            outputs = [self._output(piece) for piece in np.split(hidden, ends)]
            pairs = ((hidden, apart), (self._output(hidden), outputs))
        return all(whole.tobytes() == np.concatenate(pieces).tobytes() for whole, pieces in pairs)

    def features(self, genes: Genes) -> NDArray[np.float32]:
        """Return the one-hot features, 0 where a gene is inactive: float32 [n, n_features + 1], the last one unused."""
        return self._features(check_genes(self.space, genes))

    def _features(self, genes: Genes) -> NDArray[np.float32]:
        by_gene = genes.T.copy()  # features of a row lie apart: whole rows of bytes are copied and compared
        if self._by_owners:
            active = by_gene.take(self._owner, axis=0) >= self._active_from
        else:
            active = self.space.active(genes).T.take(self._gene, axis=0)
        for i, first in self._merged.items():
            by_gene[i] = first[by_gene[i]]
        active &= by_gene.take(self._gene, axis=0) == self._choice
        one_hot: NDArray[np.float32] = active.astype(np.float32).T
        return one_hot

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        genes = check_genes(self.space, genes)
        accuracy = np.empty(len(genes))
        for start in range(0, len(genes), _CHUNK):
            accuracy[start : start + _CHUNK] = self._output(self._hidden(genes[start : start + _CHUNK]))
        return accuracy

    def accuracy_of_each(self, batches: Sequence[Genes]) -> list[NDArray[np.float64]]:
        """Predict the accuracies of several batches; only matrix products are made for each by itself.

        Args:
            batches: int8 [n, n_genes] each.

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        if type(self).accuracy is not OneHotMLP.accuracy or max(map(len, batches), default=_CHUNK) >= _CHUNK:
            return super().accuracy_of_each(batches)
        ends = [0, *accumulate(map(len, batches))]
        values = self._output(self._hidden(check_genes(self.space, np.concatenate(batches)), ends)).astype(np.float64)
        return [values[begin:end] for begin, end in pairwise(ends)]

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32]:
        """Estimate to first order how changes of architectures change their accuracy: float32 [n, m], fractions of 1.

        Args:
            genes: int8 [n, n_genes], where the gradient of the accuracy over the one-hot features is taken.
            changed: int8 [n, m, n_genes], changed forms of each of them.

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        genes, changed = check_changed(self.space, genes, changed)
        features = self._features(genes)[:, :-1]
        steps = self._features(changed.reshape(-1, changed.shape[2]))[:, :-1].reshape(*changed.shape[:2], -1)
        steps -= features[:, None]
        change: NDArray[np.float32] = (steps @ self._gradient(features)[:, :, None])[:, :, 0]
        return change

    def single_gains(self, genes: Genes) -> NDArray[np.float32] | None:
        """Estimate to first order what single changes do: float32 [n, changes]; None in spaces with own activity.

        No changed row is built: gains are sums over the gradient and tables of the choices' features.

        Args:
            genes: int8 [n, n_genes].

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        if not self._by_owners:
            return None
        genes = check_genes(self.space, genes)
        return self._differences.gains(genes, self._gradient(self._features(genes)[:, :-1]))

    @cached_property
    def _differences(self) -> OneHotDifferences:
        return OneHotDifferences(self.space, self.columns)

    def _gradient(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient of the accuracy: float32 [n, n_features] to float32 [n, n_features]."""
        hidden, live = features, list[NDArray[np.bool_]]()
        for weight, bias in self._padded[:-1]:
            hidden = hidden @ weight
            hidden += bias
            live.append(hidden > 0)
            hidden *= live[-1]
        gradient: NDArray[np.float32] = self._backward[-1].repeat(len(features), axis=0)
        for weight, passes in zip(self._backward[-2::-1], live[::-1], strict=True):
            gradient = (gradient * passes) @ weight
        return gradient

    def _hidden(self, genes: Genes, ends: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Compute the values of the last hidden layer: float32 [n, n_units].

        Args:
            genes: int8 [n, n_genes].
            ends: 0 and the ends of the batches; by default, all are one batch.
        """
        # A single row lies in memory, and is multiplied, otherwise than several; its sums could have another order.
        if len(genes) == 1:
            return self._propagate(self._features(genes.repeat(2, axis=0))[:, :-1])[:1]
        return self._propagate(self._features(genes)[:, :-1], ends)

    def _propagate(self, hidden: NDArray[np.float32], ends: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Compute the last hidden layer from features: float32 [n, n_features] to float32 [n, n_units]."""
        for weight, bias in self._padded[:-1]:
            hidden = _multiply(hidden, weight, ends or (0, len(hidden)))
            hidden += bias
            np.maximum(hidden, np.zeros(len(bias), np.float32), out=hidden)  # twice as fast as with a scalar
        return hidden

    def _output(self, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the output from the last hidden layer: float32 [n, n_units] to float32 [n]."""
        weight, bias = self._padded[-1]
        # A product for each row, since one product for all may sum them in different orders.
        output: NDArray[np.float32] = (hidden[:, None] @ weight)[:, 0, 0]
        return output + bias


def _multiply(rows: NDArray[np.float32], weight: NDArray[np.float32], ends: Sequence[int]) -> NDArray[np.float32]:
    """Multiply the rows of each batch by a weight: [n, n_in] and [n_in, n_out] to [n, n_out]."""
    made = np.empty((len(rows), weight.shape[1]), np.float32)
    order: Any = "C" if rows.flags.c_contiguous else "F"
    for begin, end in pairwise(ends):
        if end - begin == 1:  # as in a call by itself, where there are two
            made[begin:end] = (np.array(rows[[begin, begin]], order=order) @ weight)[:1]
        else:
            np.matmul(rows[begin:end], weight, out=made[begin:end])
    return made


class SubspacePredictor(AccuracyPredictor):
    """A subspace's accuracy predictor: that of its parent."""

    fork_safe = property(lambda self: declares_fork_safe(self.predictor))

    def __init__(self, part: Subspace, predictor: AccuracyPredictor) -> None:
        self.space, self.predictor = part, predictor
        self.name, self.sha256, self.pruning = predictor.name, predictor.sha256, predictor.pruning
        of_parent = predictor.unlabelled
        self.unlabelled = None if of_parent is None else to_subspace(part, of_parent)
        self.sources, self.truth, self.sampled = predictor.sources, predictor.truth, predictor.sampled
        self.known_genes = None if predictor.known_genes is None else part.from_parent(predictor.known_genes)

    @property
    def row_wise(self) -> bool:
        """Whether a row's accuracy is bit for bit the same in any batch: as of the parent's predictor."""
        return self.predictor.row_wise

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        return self.predictor.accuracy(self.space.to_parent(genes))

    def accuracy_of_each(self, batches: Sequence[Genes]) -> list[NDArray[np.float64]]:
        """Predict the accuracies of several batches, by the parent's predictor: float64 [n] each."""
        return self.predictor.accuracy_of_each([self.space.to_parent(genes) for genes in batches])

    def uncertainty(self, genes: Genes) -> NDArray[np.float64] | None:
        """Return one standard deviation of the accuracy, by the parent's predictor: float64 [n], fractions of 1."""
        return self.predictor.uncertainty(self.space.to_parent(genes))

    def measurement_errors(self, genes: Genes, times: NDArray[np.int64], seed: int) -> NDArray[np.float64] | None:
        """Return by how much measurements miss the accuracy, by the parent's predictor: float64 [n]; None if exact."""
        return self.predictor.measurement_errors(self.space.to_parent(genes), times, seed)

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32] | None:
        """Estimate to first order how changes change accuracy, by the parent's predictor: float32 [n, m]."""
        genes, changed = check_changed(self.space, genes, changed)
        to_parent = self.space.to_parent
        forms = to_parent(changed.reshape(-1, changed.shape[2])).reshape(*changed.shape[:2], -1)
        return self.predictor.linearised(to_parent(genes), forms)
