"""Draws the critical-difference diagram of a ranking."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from ofa_bench.analysis.figures.drawing import DPI
from ofa_bench.analysis.ranking import Ranking, groups_of

__all__ = ["diagram_size", "draw_ranking", "ranks"]

ROW = 0.26
"""The height of one line of a diagram, inches."""

WIDEST = 0.7
"""The largest part of a diagram's width for names; wider ones get a smaller font."""


def diagram_size(found: Ranking) -> tuple[float, float]:
    """Return the width and height (inches) of a legible diagram with font size 10."""
    lines = 3.5 + len(groups_of(np.array(found.pairwise))) + math.ceil(len(found.names) / 2)
    return 3.5 + 0.17 * (7 + max(len(name) for name in found.names)), ROW * lines


def draw_ranking(found: Ranking, axes: Axes) -> None:
    """Draw the critical-difference diagram of Demšar (2006): mean ranks over runs, the best at the left.

    A bar joins each group without a significant difference.

    It fits into axes of ``diagram_size`` without overlap. The axes must have their final size.
    """
    from pandas import DataFrame  # imported here, because these take long
    from scikit_posthocs import critical_difference_diagram

    best, worst, k = found.ranks[0], found.ranks[-1], len(found.names)
    margin = max(best - 1, k - worst) + 0.03 * (k - 1)  # names are beyond both ends of the axis
    drawn = critical_difference_diagram(
        dict(zip(found.names, found.ranks, strict=True)),
        DataFrame(np.array(found.pairwise), index=found.names, columns=found.names),
        ax=axes,
        label_fmt_left="{label} ({rank:.2f}) ",
        label_fmt_right=" ({rank:.2f}) {label}",
        label_props={"parse_math": False, "fontsize": 10},
        marker_props={"s": 14},
        elbow_props={"color": "black", "linewidth": 0.9},
        crossbar_props={"linewidth": 4, "solid_capstyle": "butt"},
        text_h_margin=margin,
    )
    for (bar,) in drawn["crossbars"]:
        bar.set_xdata(sorted(bar.get_xdata()))  # the library takes the ends from a set, in any order
    labels = drawn["labels"]
    wide = sum(_widths(labels)) / (WIDEST * axes.bbox.width)
    for label in labels:
        label.set_fontsize(label.get_fontsize() / max(1.0, wide))
    left, right = _widths(labels)
    start, length = best - margin, worst - best + 2 * margin
    pixels = (axes.bbox.width - left - right) / length
    axes.set_xlim(start - left / pixels, start + length + right / pixels)
    axes.set_ylim(min(label.get_position()[1] for label in labels) - 0.6, 2.7)
    axes.set_xticks(range(1, k + 1))
    axes.spines["top"].set_bounds(1, k)
    message = f"mean ranks over {found.runs} runs, 1 is best"
    if found.critical_difference is not None:
        axes.plot([1, 1 + found.critical_difference], [1.35, 1.35], "|-", color="black", linewidth=1.2, clip_on=False)
        message = f"critical difference {found.critical_difference:.2f}; {message}"
    axes.text((1 + k) / 2, 2.1, message, ha="center", va="center", fontsize=9)


def _widths(labels: Sequence[Text]) -> tuple[float, float]:
    """Return the widths (pixels) of the widest names left and right of a diagram; labels start with the left half."""
    widths = [label.get_window_extent().width for label in labels]
    half = (len(labels) + 1) // 2
    return max(widths[:half]), max(widths[half:])


def ranks(found: Ranking | None) -> Figure | None:
    """Return the critical-difference diagram of a ranking; None without one."""
    if found is None:
        return None
    figure = Figure(figsize=diagram_size(found), dpi=DPI, layout="constrained")
    draw_ranking(found, figure.add_subplot())
    return figure
