"""Targets for any space and device: quantiles of the costs of random architectures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["FRACTIONS", "SAMPLE", "draw_sample", "find_quantiles"]

SAMPLE = 10_000
"""Number of random architectures, always the same, for the quantiles of costs."""

FRACTIONS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""The quantiles that are the default targets of a device that has no others, as ``targets=quantiles`` has them."""


def draw_sample(space: DesignSpace) -> Genes:
    """Return random architectures of a space, always the same: int8 [10,000, n_genes]."""
    return space.sample(SAMPLE, np.random.default_rng(0))


def find_quantiles(costs: NDArray[np.float64], fractions: Sequence[float] = FRACTIONS) -> tuple[float, ...]:
    """Return the quantiles of the costs [n] of architectures, to four significant digits."""
    found = np.quantile(costs, fractions, method="inverted_cdf") if len(fractions) else ()
    return tuple(float(f"{value:.4g}") for value in found)
