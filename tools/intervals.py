"""Means with 95 % intervals, as tables of studies show them."""

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.statistics import t_interval

__all__ = ["interval", "interval_cell"]

Floats = NDArray[np.float64]


def interval(values: Floats) -> tuple[float, float]:
    """Return the mean of numbers, float64 [n], and half the width of its 95 % interval by Student's t."""
    low, high = t_interval(values) or (0.0, 0.0)
    return float(values.mean()), (high - low) / 2


def interval_cell(values: Floats | None, digits: int = 3) -> str:
    """Return the mean of numbers with its interval, unless that rounds to 0; empty for None."""
    if values is None:
        return ""
    mean, half = interval(values)
    return f"{mean:.{digits}f}" + ("" if half < 0.5 * 10**-digits else f" ± {half:.{digits}f}")
