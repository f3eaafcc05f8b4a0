"""Draws what searches reach by measuring: true accuracy, or true regret, against measurements."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import DPI, legend_above, plain_numbers
from ofa_bench.analysis.figures.ground_truth import FLOOR, Mean

__all__ = ["Lines", "draw_measurements"]

Lines = Mapping[str, Mapping[float, Mean]]
"""By strategy and number of measurements."""

LOOKS = (
    ("#222222", "o"), ("#0072B2", "s"), ("#56B4E9", "^"), ("#E69F00", "v"), ("#D55E00", "P"), ("#CC79A7", "D"),
    ("#009E73", "X"), ("#7A4B1E", "*"), ("#999999", "d"),
)  # fmt: skip
"""Colours and markers of strategies, by their place."""


def draw_measurements(
    panels: Mapping[str, Lines],
    label: str,
    levels: Mapping[str, Sequence[float]],
    *,
    columns: int,
    regret: bool = False,
) -> Figure:
    """Draw means against measurements with bands of their 95 % intervals, a panel for each setting.

    Args:
        panels: by title.
        label: of the y axis.
        levels: by title, values that are drawn as dotted lines; a title may lack.
        columns: panels in a row; these share the y axis.
        regret: lower is better, and the y axis is logarithmic.
    """
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.6 * rows + 0.4), dpi=DPI, layout="constrained")
    every = figure.subplots(rows, columns, sharey="row", squeeze=False)
    strategies = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    for axes, (title, lines) in zip(every.flat, panels.items(), strict=False):
        for name, (colour, marker) in zip(strategies, LOOKS, strict=False):
            if lines.get(name):
                x = np.array(sorted(lines[name]))
                mean, half = np.array([lines[name][one] for one in x]).T
                low, high = mean - half, mean + half
                if regret:
                    mean, low, high = (np.maximum(values, FLOOR) for values in (mean, low, high))
                axes.plot(x, mean, color=colour, marker=marker, ms=4.5, lw=1.4, label=name)
                axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        for level in levels.get(title, ()):
            axes.axhline(level, color="0.3", ls=":", lw=1.2)
            axes.annotate(f"{level:.2f}", (1, level), xycoords=("axes fraction", "data"), fontsize="small", va="bottom",
                          ha="right")  # fmt: skip
        axes.set_xscale("log")
        plain_numbers(axes, "x")
        if regret:
            axes.set_yscale("log")
            plain_numbers(axes, "y")
        axes.set_title(title, fontsize="medium")
        axes.set_xlabel("measurements, all targets together")
        axes.grid(alpha=0.3)
    for axes in every.flat[len(panels) :]:
        axes.set_axis_off()
    for axes in every[:, 0]:
        axes.set_ylabel(label)
    legend_above(figure, every.flat)
    return figure
