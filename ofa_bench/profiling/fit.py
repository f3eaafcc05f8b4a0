"""Fits a latency table to milliseconds of pieces and networks, and computes its errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import Term
from ofa_bench.profiling.rounds import Times
from ofa_bench.profiling.statistics import PERCENTILES

__all__ = ["Calibration", "calibrate", "calibrated_terms", "errors", "guard_band", "summarise"]

Floats = NDArray[np.float64]
Calibration = NDArray[np.float64]
"""Intercept (ms) and factor for each resolution: float64 [resolutions, 2]."""


def summarise(times: Times, statistic: str) -> tuple[Floats, dict[str, float]]:
    """Return one number a file, and the repeatability of each statistic.

    Args:
        times: milliseconds [items, rounds, runs], of at least two rounds.
        statistic: ``p10``, ``median`` or ``p90`` of all runs.

    Returns:
        Milliseconds [items]; by statistic, the median relative difference between the rounds' halves (a fraction).
    """
    repeats = {}
    for name, percentile in PERCENTILES.items():
        halves = [np.percentile(times[:, half::2], percentile, axis=(1, 2)) for half in (0, 1)]
        repeats[name] = round(float(np.median(2 * np.abs(halves[0] - halves[1]) / (halves[0] + halves[1]))), 5)
    return np.percentile(times, PERCENTILES[statistic], axis=(1, 2)), repeats


def calibrate(
    predicted: Floats, measured: Floats, resolution: NDArray[np.intp], smallest: Floats
) -> tuple[Calibration, str, dict[str, Floats]]:
    """Return the fit of measured = intercept + factor x predicted for each resolution, in relative error.

    One factor alone is kept unless the intercept lowers the leave-one-out error, and leaves no piece negative.

    Args:
        predicted: sums of pieces of the calibrating networks, ms [n].
        measured: the networks themselves, ms [n].
        resolution: of each network, as positions 0, 1, ... [n]; every one occurs three times or more.
        smallest: of the pieces that carry the intercept, at each resolution, ms [resolutions].

    Returns:
        The calibration; its form, ``factor`` or ``affine``; and by form, each network as predicted by a fit to the
        others, ms [n].
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
    """Return intercept and factor by least squares of the relative error."""
    ratio = predicted / measured
    if form == "factor":
        return 0.0, float(ratio.sum() / (ratio**2).sum())
    intercept, factor = np.linalg.lstsq(np.stack([1 / measured, ratio], axis=1), np.ones(len(ratio)), rcond=None)[0]
    return float(intercept), float(factor)


def calibrated_terms(raw: Sequence[Term], calibration: Calibration) -> list[Term]:
    """Return every term times its resolution's factor; the first one, which every network has once, gets the intercept.

    The first gene of every term is the resolution.
    """
    made = []
    for number, term in enumerate(raw):
        shape = (-1,) + (1,) * (term.values.ndim - 1)
        values = term.values * calibration[:, 1].reshape(shape)
        if number == 0:
            values = values + calibration[:, 0].reshape(shape)
        made.append(Term(term.places, values))
    return made


def errors(predicted: Floats, measured: Floats) -> dict[str, Any]:
    """Return the errors of predicted milliseconds [n] of networks, as fractions of the measured ones."""
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


def guard_band(predicted: Floats, measured: Floats) -> float:
    """Return the factor, 1 or more, that 1 in 20 of the networks [n] was slower by than predicted."""
    return round(max(1.0, float(np.percentile(measured / predicted, 95))), 5)
