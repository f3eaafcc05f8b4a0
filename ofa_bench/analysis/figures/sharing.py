"""Draws what one network for several devices costs: accuracy by level, and the points that each device loses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import DPI, legend_above
from ofa_bench.analysis.figures.ground_truth import Mean

__all__ = ["draw_sharing"]

LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#E69F00", "v"), ("#56B4E9", "P"), ("#CC79A7", "D"))
SHARED = (("#222222", "X", "-"), ("#777777", "d", "--"))


def draw_sharing(
    own: Mapping[str, Mapping[int, Mean]],
    shared: Mapping[str, Mapping[int, Mean]],
    lost: Mapping[str, Mapping[int, Mean]],
) -> Figure:
    """Draw accuracy by level at the left, and the points that a shared network loses on each device at the right.

    Args:
        own: by device, the accuracy of the networks for it alone by level, percent; up to six.
        shared: the same of shared networks, by their label; up to two.
        lost: by device of ``own``, the points that the first shared network loses by level.
    """
    figure = Figure(figsize=(10.4, 4.4), dpi=DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, values), (colour, marker) in zip(own.items(), LOOKS, strict=False):
        _draw(left, values, color=colour, marker=marker, label=f"{name} alone")
        _draw(right, lost[name], color=colour, marker=marker)
    for (name, values), (colour, marker, style) in zip(shared.items(), SHARED, strict=False):
        _draw(left, values, color=colour, marker=marker, ls=style, label=name)
    right.axhline(0, color="0.3", lw=1)
    for axes, label in ((left, "accuracy, %"), (right, "points lost by sharing")):
        axes.set_xlabel("level (of the limits on every device)")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    legend_above(figure, [left])
    return figure


def _draw(axes: Axes, line: Mapping[int, Mean], **look: Any) -> None:
    levels = np.array(sorted(line))
    mean, half = np.array([line[level] for level in levels]).T
    axes.errorbar(levels, mean, half, ms=4.5, lw=1.4, capsize=2, **look)
