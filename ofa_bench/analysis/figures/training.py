"""Draws the learning curve of a trained predictor, and its predictions of held-out pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ofa_bench.analysis.figures.drawing import DPI, Look, draw_line, draw_points, plain_numbers

__all__ = ["validation_figure"]

Floats = NDArray[np.float64]

LOOKS = {
    "predictor": Look("#0072B2", "o"),
    "ridge": Look("#D55E00", "s", "--"),
    "mean": Look("#6B6B6B", "v", ":"),
}

NAMES = {"predictor": "predictor", "ridge": "plain ridge regression", "mean": "mean of the training"}

MAX_POINTS = 4000
"""Held-out pairs that are drawn, the first ones."""


def validation_figure(space: str, curve: Sequence[Mapping[str, Any]], given: Floats, estimate: Floats) -> Figure:
    """Draw the error over the number of pairs, and predicted over given accuracies.

    Args:
        space: the name of the space.
        curve: for each size, the number of pairs and the errors of ``predictor``, ``ridge`` and ``mean``, as in cards.
        given: accuracies of the pairs, float64 [n], fractions of 1.
        estimate: accuracies by predictors that were trained without the pairs, float64 [n].
    """
    figure = Figure(figsize=(9.6, 4.4), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_curve(left, curve)
    _draw_pairs(right, given, estimate)
    figure.suptitle(f"Accuracy predictor of space {space}, on pairs held out of its training", fontsize="medium")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure


def _draw_curve(axes: Axes, curve: Sequence[Mapping[str, Any]]) -> None:
    """Draw a line of errors for each of ``LOOKS``, with bars of one standard deviation over folds."""
    sizes = np.array([float(one["pairs"]) for one in curve])
    drawn = list[float]()
    for name, look in LOOKS.items():
        errors = [one[name]["rmse"] for one in curve]
        means = np.array([float(error["value"]) for error in errors])
        stds = np.array([float(error["std_over_folds"] or 0) for error in errors])
        if name == "ridge":  # often close to the predictor's: its markers are drawn around the others
            axes.plot(sizes, means, color=look.colour, ls=look.line, lw=1.4)
            draw_points(axes, sizes, means, look, NAMES[name], 8.0)
        else:
            draw_line(axes, sizes, means, stds, look, NAMES[name])
        drawn += means.tolist()
    axes.set_xscale("log")
    plain_numbers(axes, "x")
    if min(drawn) > 0:
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(min(drawn) / 1.6, max(drawn) * 1.6)
        plain_numbers(axes, "y")
    axes.set_xlabel("pairs in the training")
    axes.set_ylabel("root mean square error, points")
    axes.legend(loc="best", framealpha=0.85, edgecolor="none", fontsize="small")


def _draw_pairs(axes: Axes, given: Floats, estimate: Floats) -> None:
    """Draw a point for each pair, in percent, and the line of no error."""
    shown, look = slice(0, MAX_POINTS), LOOKS["predictor"]
    axes.plot(
        100 * given[shown], 100 * estimate[shown], ls="", marker="o", ms=3, mew=0, alpha=0.35, color=look.colour,
        rasterized=True,
    )  # fmt: skip
    ends = 100 * np.array([min(given.min(), estimate.min()), max(given.max(), estimate.max())])
    axes.plot(ends, ends, color="0.25", lw=0.9)
    axes.set_xlabel("given accuracy, %")
    axes.set_ylabel("predicted accuracy, %")
    axes.set_aspect("equal", adjustable="datalim")
