"""A Gaussian process over architectures: a predictor that a few hundred labels are enough for."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.checks import check_changed, check_genes

__all__ = ["ProcessPredictor", "SurrogateProcess"]

Floats = NDArray[np.float64]

DECAYS = (0.3, 0.5, 0.7, 0.8, 0.86, 0.9, 0.93, 0.95, 0.97)
"""Correlations of two architectures that differ in one gene, of which the likeliest is taken."""

NOISES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3)
"""Variances of a label's own error, as shares of the process's, likewise."""

MOST = 300
"""The likelihood is that of the first labels, at most so many: it takes long, and differs little with more."""

VERSION = 1
"""Rises with every change that changes predictions."""


class ProcessPredictor(AccuracyPredictor):
    """A Gaussian process over the logarithm of errors, whose kernel is a power of the number of genes that differ.

    The correlation of two architectures is ``decay`` to the power of that number, so all interactions of genes have a
    share, and less the more genes they are of. Decay and noise are the likeliest ones of a grid. In logarithms of
    errors, effects of genes add up better than in accuracies, which saturate.

    Args:
        space: the design space.
        genes: the labelled architectures, int8 [n, n_genes].
        accuracy: their labels, fractions of 1, float64 [n]; below 1.
        name: of the predictor in records.
        sources: the sources of its labels; None where they are not known.

    Raises:
        ValueError: the rows are not architectures of the space.
        InputError: the labels are all equal, or not below 1.
    """

    fork_safe = True
    row_wise = True
    known_genes: Genes | None = None

    decays: tuple[float, ...] = DECAYS
    noises: tuple[float, ...] = NOISES
    """The grid of decays and noises."""

    def __init__(
        self,
        space: DesignSpace,
        genes: Genes,
        accuracy: Floats,
        *,
        name: str,
        sources: tuple[str, ...] | None = None,
    ) -> None:
        if not (accuracy < 1).all() or not np.ptp(accuracy) > 0:
            raise InputError(f"predictor {name}: labels must be below 1 and not all equal")
        self.space, self.name, self.sources = space, name, sources
        self.labelled = rows = space.canonical(check_genes(space, genes))
        digest = hashlib.sha256(f"process {VERSION}".encode() + rows.tobytes() + accuracy.tobytes())
        self.sha256 = digest.hexdigest()
        active = space.active(rows)
        lacking = {
            gene.name: tuple(v for i, v in enumerate(gene.choices) if i not in rows[active[:, j], j])
            for j, gene in enumerate(space.genes)
        }
        self.unlabelled = {gene: values for gene, values in lacking.items() if values}
        self._start = np.cumsum([0, *(int(size) + 1 for size in space.cardinality)])
        self._label_features = self._features(rows)
        logs = np.log1p(-accuracy)
        self._mean, self._scale = float(logs.mean()), float(logs.std())
        with threadpool_limits(1):  # the last bits of a solution depend on the number of threads
            self._solve((logs - self._mean) / self._scale)

    def _solve(self, values: Floats) -> None:
        """Choose decay and noise, and fit the weights of the labels: float64 [labels]."""
        likeliest = -np.inf
        some, apart = values[:MOST], self._distances(self._label_features[:MOST])[:, :MOST]
        for decay in self.decays:
            shares, axes = np.linalg.eigh((decay ** np.arange(1 + apart.max()))[apart])
            along = (axes.T @ some) ** 2
            for noise in self.noises:
                left = np.maximum(shares, 0) + noise
                likelihood = -(len(some) * np.log((along / left).sum()) + np.log(left).sum()) / 2
                if likelihood > likeliest:
                    likeliest, self._decay, self._noise = likelihood, decay, noise
        self._powers = self._decay ** np.arange(self.space.n_genes + 1)
        gram = self._powers[self._distances(self._label_features)] + self._noise * np.eye(len(values))
        self._inverse = np.linalg.inv(gram)
        self._weights = self._inverse @ values
        self._variance = float(values @ self._weights) / len(values)

    def _features(self, rows: Genes) -> NDArray[np.float32]:
        """Return the one-hot form of canonical rows, with a feature for each inactive gene: float32 [n, n_features]."""
        places = self._start[:-1] + np.where(self.space.active(rows), rows + 1, 0)
        features = np.zeros((len(rows), int(self._start[-1])), np.float32)
        np.put_along_axis(features, places, 1, axis=1)
        return features

    def _distances(self, features: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the numbers of genes in which rows differ from the labelled ones: int [n, labels]."""
        same = features @ self._label_features.T  # whole numbers, so exact in any order
        return np.asarray(self.space.n_genes - same.astype(np.intp))

    def _shares(self, features: NDArray[np.float32]) -> Floats:
        """Return what each label contributes to the scaled logarithm of the error: float64 [n, labels]."""
        return np.asarray(self._powers[self._distances(features)] * self._weights)

    def accuracy(self, genes: Genes) -> Floats:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        return self._accuracy(self._kernel(genes))

    def _kernel(self, genes: Genes) -> Floats:
        """Return the correlations of architectures (int8 [n, n_genes]) with the labelled ones: float64 [n, labels]."""
        rows = self.space.canonical(check_genes(self.space, genes))
        return np.asarray(self._powers[self._distances(self._features(rows))])

    def _accuracy(self, kernel: Floats) -> Floats:
        """Return accuracies, fractions of 1: correlations, float64 [n, labels], to float64 [n]."""
        log = (kernel * self._weights).sum(axis=1)  # each row by itself, in one order
        return np.asarray(-np.expm1(self._mean + self._scale * log))

    def uncertainty(self, genes: Genes) -> Floats:
        """Return one standard deviation of the predicted accuracy, a fraction of 1: int8 [n, n_genes] to float64 [n].

        It is of what a label would show, so it has the noise of labels in it.
        """
        return self._deviation(genes, self._noise)

    def _deviation(self, genes: Genes, noise: float) -> Floats:
        """Return one standard deviation, with a share of label noise: int8 [n, n_genes] to float64 [n]."""
        kernel = self._kernel(genes)
        left = 1 + noise - ((kernel @ self._inverse) * kernel).sum(axis=1)
        deviation = self._scale * np.sqrt(self._variance * left.clip(min=0))
        return np.asarray((1 - self._accuracy(kernel)) * deviation)

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32]:
        """Estimate how changes of architectures change their accuracy: float32 [n, m], fractions of 1.

        In logarithms of errors, the effects of single genes, which are exact, are added up.

        Args:
            genes: int8 [n, n_genes].
            changed: int8 [n, m, n_genes], changed forms of each of them.

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        genes, changed = check_changed(self.space, genes, changed)
        canonical = self.space.canonical
        features = self._features(canonical(genes))
        steps = self._features(canonical(changed.reshape(-1, changed.shape[2]))).reshape(*changed.shape[:2], -1)
        shares = self._shares(features)
        by_feature = shares @ self._label_features  # of the labels that have it
        gains = by_feature * np.where(features > 0, 1 - self._decay, 1 / self._decay - 1)
        log = self._scale * ((steps - features[:, None]) @ gains[:, :, None])[:, :, 0]
        error = np.exp(self._mean + self._scale * shares.sum(axis=1))
        return np.asarray(-error[:, None] * np.expm1(log), np.float32)


class SurrogateProcess(ProcessPredictor):
    """The process that ``strategy=surrogate`` fits to its measurements.

    Its grid is wider, since measurements may be exact or have large errors. Its uncertainty is of the accuracy, without
    the error of a measurement: a search that measures is to learn the accuracy. Errors of less than a tenth of the
    median are taken for that much, since a measured accuracy may be 1, or above it by noise.

    Args:
        space: the design space.
        genes: the measured architectures, int8 [n, n_genes]; any of them more than once.
        accuracy: the measurements, fractions of 1, float64 [n].
        name: of the predictor.

    Raises:
        ValueError: the rows are not architectures of the space.
        InputError: the measurements are all equal.
    """

    fork_safe = True
    decays = (*DECAYS, 0.98, 0.99, 0.995, 0.998)
    noises = (1e-5, 3e-5, 1e-4, *NOISES)

    def __init__(self, space: DesignSpace, genes: Genes, accuracy: Floats, *, name: str) -> None:
        errors = 1 - accuracy
        least = max(float(np.median(errors)), float(errors.max()) / 10, 1e-5) / 10
        super().__init__(space, genes, np.minimum(accuracy, 1 - least), name=name)

    def uncertainty(self, genes: Genes) -> Floats:
        """Return one standard deviation of the accuracy, a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        return self._deviation(genes, 0)

    def covariance(self, genes: Genes) -> Floats:
        """Return the covariance of accuracies, fractions of 1 squared: int8 [n, n_genes] to float64 [n, n]."""
        features = self._features(self.space.canonical(check_genes(self.space, genes)))
        kernel = np.asarray(self._powers[self._distances(features)], np.float64)
        same = (features @ features.T).astype(np.intp)
        left = self._powers[self.space.n_genes - same] - kernel @ self._inverse @ kernel.T
        unit = self._scale * (1 - self._accuracy(kernel))
        return np.asarray(self._variance * unit[:, None] * left * unit)

    @property
    def noise(self) -> float:
        """One standard deviation of a measurement's error, a fraction of 1, where the accuracy is the median one."""
        return float(np.exp(self._mean) * self._scale * np.sqrt(self._variance * self._noise))
