"""Simulated measurement: a predictor is the truth, and a search sees it with random errors."""

import hashlib
import json
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.kinds import adopt
from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.declarations import declares_fork_safe

__all__ = ["SimulatedMeasurement", "check_noise", "uniform_draws"]


class SimulatedMeasurement(AccuracyPredictor):
    """Simulates measurements: searches see the accuracy of a predictor with normally distributed errors, no gradient.

    Each measurement of an architecture has its own error; errors of the predictor's own measurements are added.
    ``accuracy`` is the predictor's, which is the truth of what searches find.

    Args:
        space: the design space.
        predictor: the truth.
        noise: one standard deviation of the errors, in points (hundredths); with 0, measurements are exact.

    Raises:
        InputError: the noise is not a number of 0 or more.
    """

    fork_safe = property(lambda self: declares_fork_safe(self.predictor))

    def __init__(self, space: DesignSpace, predictor: AccuracyPredictor, noise: float) -> None:
        check_noise(noise)
        self.space, self.noise = space, noise
        self.predictor: AccuracyPredictor = adopt(predictor, AccuracyPredictor)
        self.name = f"{predictor.name}, noise {noise:g}"
        self.sha256 = hashlib.sha256(json.dumps(["measurement", predictor.sha256, float(noise)]).encode()).hexdigest()
        self.pruning, self.unlabelled = predictor.pruning, predictor.unlabelled
        self.known_genes = predictor.known_genes
        self.truth = truth = predictor.truth or predictor.sha256
        sources = predictor.sources
        self.sources = None if sources is None else (truth, *(one for one in sources if one != truth))

    @property
    def row_wise(self) -> bool:
        """Whether a row's accuracy is bit for bit the same in any batch: as of the predictor."""
        return self.predictor.row_wise

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Return the accuracy without errors, a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        return self.predictor.accuracy(genes)

    def uncertainty(self, genes: Genes) -> NDArray[np.float64] | None:
        """Return one standard deviation of the accuracy without errors: float64 [n]; None if it is not known."""
        return self.predictor.uncertainty(genes)

    def measurement_errors(self, genes: Genes, times: NDArray[np.int64], seed: int) -> NDArray[np.float64] | None:
        """Return normally distributed errors of measurements, fractions of 1: float64 [n]; None if all are exact.

        Args:
            genes: int8 [n, n_genes].
            times: int64 [n], how often each of them was measured before.
            seed: of the errors.
        """
        own = self.predictor.measurement_errors(genes, times, seed)
        if not self.noise:
            return own
        normal = NormalDist(0, self.noise / 100).inv_cdf
        drawn = uniform_draws(self.space, genes, times, seed, "noise")
        errors = np.fromiter(map(normal, drawn), np.float64, len(genes))
        return errors if own is None else own + errors


def check_noise(noise: object) -> None:
    """Raise InputError if the noise of measurements is not a number of 0 or more."""
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise < float("inf"):
        raise InputError(
            f"predictor.noise={noise}: must be a number of points of 0 or more, one standard deviation of a "
            "measurement's error; null for no simulated measurement"
        )


def uniform_draws(
    space: DesignSpace, genes: Genes, times: NDArray[np.int64], seed: int, purpose: str
) -> Iterator[float]:
    """Yield one number between 0 and 1 for each measurement, from a hash of all these and nothing else.

    Args:
        space: of the architectures; equal networks have equal draws.
        genes: int8 [n, n_genes].
        times: int64 [n], the number of each measurement, from 0.
        seed: of all draws.
        purpose: draws for different ones are independent; at most 16 letters.
    """
    key = hashlib.sha256(str(seed).encode()).digest()
    for network, number in zip(space.keys(genes), np.asarray(times).tolist(), strict=True):
        content = f"{number}|".encode() + network
        digest = hashlib.blake2b(content, digest_size=8, key=key, person=purpose.encode()).digest()
        yield ((int.from_bytes(digest, "big") >> 12) + 0.5) * 2**-52
