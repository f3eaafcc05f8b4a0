"""Draws true regret where accuracies are known: by strategy and guide, and by evaluations."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import DPI, legend_above, plain_numbers

__all__ = ["FLOOR", "Mean", "draw_efforts", "draw_regrets"]

COLOURS = ("#222222", "#0072B2", "#009E73", "#E69F00", "#CC79A7")
MARKERS = "osD^v"

FLOOR = 0.001
"""Regrets below this, in points, are drawn there: the axis is logarithmic."""

Mean = tuple[float, float]
"""A mean, and half the width of its 95 % interval."""

Panels = Mapping[str, Mapping[str, Mapping[Any, Mean]]]
"""By space, guide, and strategy or number of evaluations."""


def draw_regrets(panels: Panels, strategies: Sequence[str]) -> Figure:
    """Draw the mean true regret of strategies (points), a panel for each space and a colour for each guide."""
    figure = Figure(figsize=(10.4, 0.42 * len(strategies) + 1.9), dpi=DPI, layout="constrained")
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    order = _guides(panels.values())
    for axes, (space, guides) in zip(every, panels.items(), strict=True):
        for i, (guide, means) in enumerate(guides.items()):
            shown = [name for name in strategies if name in means]
            y = [strategies.index(name) + 0.14 * (i - (len(guides) - 1) / 2) for name in shown]
            _points(axes, [means[name] for name in shown], y, guide, along="x", i=order.index(guide))
        axes.set_xscale("log")
        plain_numbers(axes, "x")
        axes.set_yticks(range(len(strategies)), strategies)
        axes.set_title(space, fontsize="medium")
        axes.set_xlabel("true regret, points (0.001 or less at the left edge)")
        axes.grid(axis="x", alpha=0.3)
        for line in range(1, len(strategies)):
            axes.axhline(line - 0.5, color="0.9", lw=0.8)
    every[0].set_ylim(len(strategies) - 0.5, -0.5)
    legend_above(figure, every, "guide: ")
    return figure


def draw_efforts(panels: Mapping[str, Panels]) -> Figure:
    """Draw the mean true regret (points) against evaluations, a row for each strategy and a panel for each space.

    The number of evaluations 0 stands for all architectures.
    """
    spaces = list(dict.fromkeys(space for by_space in panels.values() for space in by_space))
    figure = Figure(figsize=(5.2 * len(spaces), 3.3 * len(panels)), dpi=DPI, layout="constrained")
    every = figure.subplots(len(panels), len(spaces), sharex=True, sharey=True, squeeze=False)
    order = _guides(guides for by_space in panels.values() for guides in by_space.values())
    for line, (strategy, by_space) in zip(every, panels.items(), strict=True):
        for axes, space in zip(line, spaces, strict=True):
            guides = by_space.get(space, {})
            largest = max((number for means in guides.values() for number in means), default=1)
            for guide, means in guides.items():
                x = [number or 2.5 * largest for number in means]
                _points(axes, list(means.values()), x, guide, along="y", i=order.index(guide), ls="-")
            axes.set_xscale("log")
            axes.set_yscale("log")
            numbers = sorted({number for means in guides.values() for number in means if number})
            axes.set_xticks([*numbers, 2.5 * largest], [*(f"{number:,}" for number in numbers), "all"])
            axes.set_xticks([], minor=True)
            plain_numbers(axes, "y")
            axes.set_title(f"{strategy} in {space}", fontsize="medium")
            axes.grid(alpha=0.3)
    for axes in every[-1]:
        axes.set_xlabel("evaluations of the guide, all targets together")
    for axes in every[:, 0]:
        axes.set_ylabel("true regret, points")
    legend_above(figure, every[0], "guide: ")
    return figure


def _guides(several: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the guides of all panels, so that one has the same look in each; a panel may lack some."""
    return list(dict.fromkeys(guide for guides in sorted(several, key=len, reverse=True) for guide in guides))


def _points(
    axes: Any, means: Sequence[Mean], at: Sequence[float], guide: str, *, along: str, i: int, ls: str = ""
) -> None:
    """Draw means with intervals, cut at ``FLOOR``."""
    values = np.maximum([mean for mean, _ in means], FLOOR)
    half = np.array([half for _, half in means])
    errors = [np.minimum(half, values - FLOOR), half]
    look = {"color": COLOURS[i], "marker": MARKERS[i], "ms": 4.5, "lw": 1.2, "ls": ls, "label": guide, "capsize": 2}
    if along == "x":
        axes.errorbar(values, at, xerr=errors, **look)
    else:
        axes.errorbar(at, values, yerr=errors, **look)
