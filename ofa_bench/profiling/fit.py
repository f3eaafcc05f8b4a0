"""Fits a latency table to the measured milliseconds of pieces and networks, and computes its errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import Term
from ofa_bench.profiling.rounds import Times
from ofa_bench.profiling.statistics import PERCENTILES

__all__ = ["Calibration", "calibrate", "calibrate_terms", "compute_errors", "compute_guard_band", "summarise"]

Floats = NDArray[np.float64]
Calibration = NDArray[np.float64]
"""The intercept (ms) and the factor of each resolution: float64 [resolutions, 2]."""


def summarise(times: Times, statistic: str) -> tuple[Floats, dict[str, float]]:
    """Return one number for each file, and the repeatability of each statistic.

    Args:
        times: milliseconds [items, rounds, runs]; at least two rounds.
        statistic: ``p10``, ``median`` or ``p90`` of all runs.

    Returns:
        Milliseconds [items]; for each statistic, the median relative difference (a fraction) between even and odd
        rounds.
    """
    repeats = {}
    for name, percentile in PERCENTILES.items():
        halves = [np.percentile(times[:, half::2], percentile, axis=(1, 2)) for half in (0, 1)]
        repeats[name] = round(float(np.median(2 * np.abs(halves[0] - halves[1]) / (halves[0] + halves[1]))), 5)
    return np.percentile(times, PERCENTILES[statistic], axis=(1, 2)), repeats


def calibrate(
    predicted: Floats, measured: Floats, resolution: NDArray[np.intp], smallest: Floats
) -> tuple[Calibration, str, dict[str, Floats]]:
    """Fit measured = intercept + factor x predicted for each resolution, by least squares of the relative error.

    The intercept is 0 unless it lowers the leave-one-out error and leaves no piece negative.

    Args:
        predicted: the sums of pieces of the calibration networks, ms [n].
        measured: the measured latency of the networks, ms [n].
        resolution: the resolution of each network, as an index [n]; each occurs three times or more.
        smallest: the least cost of a piece that gets the intercept, at each resolution, ms [resolutions].

    Returns:
        The calibration; its form, ``factor`` or ``affine``; and for each form, the prediction for each network by a fit
        to the others, ms [n].
    """
    groups = [np.flatnonzero(resolution == r) for r in range(len(smallest))]
    fits, left_out = {}, {}
    for form in ("factor", "affine"):
        fits[form] = np.array([_fit(form, predicted[group], measured[group]) for group in groups])
        left_out[form] = np.empty(len(predicted))
        for group in groups:
            for i in group:
                rest = group[group != i]
                intercept, factor = _fit(form, predicted[rest], measured[rest])
                left_out[form][i] = intercept + factor * predicted[i]
    affine = fits["affine"]
    possible = bool((affine[:, 1] > 0).all() and (affine[:, 0] + affine[:, 1] * smallest > 0).all())
    off = {form: float(np.abs(value / measured - 1).mean()) for form, value in left_out.items()}
    form = "affine" if possible and off["affine"] < off["factor"] else "factor"
    return fits[form], form, left_out


def _fit(form: str, predicted: Floats, measured: Floats) -> tuple[float, float]:
    """Return the intercept and the factor with the least squares of the relative error."""
    ratio = predicted / measured
    if form == "factor":
        return 0.0, float(ratio.sum() / (ratio**2).sum())
    intercept, factor = np.linalg.lstsq(np.stack([1 / measured, ratio], axis=1), np.ones(len(ratio)), rcond=None)[0]
    return float(intercept), float(factor)


def calibrate_terms(raw: Sequence[Term], calibration: Calibration) -> list[Term]:
    """Return every term times the factor of its resolution; the first one, which every network has, gets the intercept.

    The first gene of every term is the resolution, unless there is only one.
    """
    made = []
    for number, term in enumerate(raw):
        intercept, factor = calibration.T.reshape(2, -1, *[1] * (term.values.ndim - 1))
        made.append(Term(term.places, term.values * factor + (0 if number else intercept)))
    return made


def compute_errors(predicted: Floats, measured: Floats) -> dict[str, Any]:
    """Return the errors of the predicted milliseconds [n] of networks, as fractions of the measured ones."""
    from scipy.stats import spearmanr

    off = predicted / measured - 1
    residual, spread = ((predicted - measured) ** 2).sum(), ((measured - measured.mean()) ** 2).sum()
    return {
        "networks": len(off),
        "range_ms": [round(float(measured.min()), 3), round(float(measured.max()), 3)],
        "mean_error": round(float(np.abs(off).mean()), 5),
        "p95_error": round(float(np.percentile(np.abs(off), 95)), 5),
        "max_error": round(float(np.abs(off).max()), 5),
        "bias": round(float(off.mean()), 5),
        "r2": round(float(1 - residual / spread), 5),
        "rank_correlation": round(float(spearmanr(predicted, measured).statistic), 5),
    }


def compute_guard_band(predicted: Floats, measured: Floats) -> float:
    """Return the factor, 1 or more, by which 1 in 20 of the networks [n] exceeded its predicted latency."""
    return round(max(1.0, float(np.percentile(measured / predicted, 95))), 5)
