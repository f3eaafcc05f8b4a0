"""Draws common parts of figures: looks of strategies, axes, legends and PNG files."""

import io
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image

from ofa_bench.analysis.figures.hovering import note_points
from ofa_bench.analysis.studies import Study

__all__ = [
    "DPI", "Figure", "Look", "Style", "aside_by", "draw_line", "draw_points", "figure_of", "least_gap",
    "legend_above", "logarithmic_if_wide", "mean_std", "numbers_of_targets", "plain_numbers", "png", "with_legend",
    "wrapped",
]  # fmt: skip

Floats = NDArray[np.float64]

DPI = 110

COLOURS = 160
"""Colours of a PNG."""

MAX_INSIDE = 6
"""Lines of a legend inside its axes; longer ones are placed beside the axes."""

WIDE = 8.0
"""The ratio of values above which an axis is logarithmic."""


@dataclass(frozen=True)
class Look:
    """The colour, marker and line of a strategy."""

    colour: str
    marker: str
    line: str = "-"


_FIXED = {
    "vanilla": Look("#0072B2", "o"),
    "top_down": Look("#D55E00", "s"),
    "bottom_up": Look("#009E73", "^"),
    "joint": Look("#CC79A7", "D"),
}
_COLOURS = ("#E69F00", "#56B4E9", "#7A4B1E", "#6B6B6B")
_MARKERS = "vPX*<>hpd"


class Style:
    """The look of each name in all figures of a report; the main strategies look the same in all reports.

    The colours are those of Okabe and Ito for colour-blind readers, without yellow, and with brown and grey.

    Args:
        names: of all entries, in any order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        main = [look.colour for look in _FIXED.values()]
        looks = [*product(["-"], _COLOURS), *product(["--", ":", "-."], [*_COLOURS, *main])]
        others = sorted(set(names) - set(_FIXED))
        self._looks = dict(_FIXED)
        for number, name in enumerate(others):
            line, colour = looks[number % len(looks)]
            self._looks[name] = Look(colour, _MARKERS[number % len(_MARKERS)], line)

    def look(self, name: str) -> Look:
        """Return the look of an entry."""
        return self._looks[name]


class NotebookFigure(Figure):
    """A figure that a notebook shows without ``pyplot``."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()


def figure_of(study: Study) -> tuple[Figure, Axes]:
    """Return a figure with one panel, titled by space and device."""
    figure = NotebookFigure(figsize=(8.0, 4.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"{study.space} on {study.device}")
    axes.grid(alpha=0.3)
    return figure, axes


def with_legend(figure: Figure, axes: Axes, *, beside: bool = False) -> Figure:
    """Add the legend inside the axes, or beside them if it is long or ``beside`` is set."""
    handles, names = axes.get_legend_handles_labels()
    lines = sum(1 + name.count("\n") for name in names)
    if beside or lines > MAX_INSIDE:
        figure.set_size_inches(9.1, max(4.6, 0.24 * lines))
        axes.legend(handles, names, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    else:
        axes.legend(handles, names, loc="best", framealpha=0.85, edgecolor="none")
    return figure


def legend_above(figure: Figure, axes: Iterable[Axes], before: str = "") -> None:
    """Show each label of some panels once, above all of them, with a text before it."""
    shown = {label: handle for one in axes for handle, label in zip(*one.get_legend_handles_labels(), strict=True)}
    figure.legend(
        shown.values(), [f"{before}{label}" for label in shown], loc="outside upper center", ncols=min(len(shown), 6),
        frameon=False, fontsize="small",
    )  # fmt: skip


def wrapped(name: str) -> str:
    """Break a long name into lines."""
    return textwrap.fill(name, 30)


def mean_std(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of finite numbers over the first axis; NaN and 0 without any."""
    counts = np.isfinite(values).sum(axis=0)
    means = np.divide(np.nansum(values, axis=0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    squares = np.nansum((values - means) ** 2, axis=0)
    return means, np.sqrt(np.divide(squares, counts - 1, out=np.zeros(counts.shape), where=counts > 1))


def draw_line(axes: Axes, x: Floats, means: Floats, stds: Floats, look: Look, name: str, shift: float = 0.0) -> None:
    """Draw means with bars of one standard deviation, float64 [n] each, shifted along the x axis."""
    at = np.asarray(x, np.float64)
    axes.errorbar(
        at + shift, means, yerr=stds if stds.any() else None, color=look.colour, marker=look.marker,
        linestyle=look.line, markersize=5, capsize=2.5, linewidth=1.4, elinewidth=1.0, label=wrapped(name),
    )  # fmt: skip
    ends = [f" ± {std:.2g}" if std else "" for std in stds]
    texts = [f"{name} at {one:g}: {mean:.4g}{end}" for one, mean, end in zip(at, means, ends, strict=True)]
    note_points(axes, at + shift, means, texts)


def draw_points(axes: Axes, x: Floats, y: Floats, look: Look, label: str, size: float = 8.0) -> None:
    """Draw points that may lie on each other."""
    axes.plot(x, y, color=look.colour, ls="", marker=look.marker, ms=size, mew=size / 5, mfc="none", label=label)
    note_points(axes, x, y, [f"{label} at {at:.4g}: {value:.4g}" for at, value in zip(x, y, strict=True)])


def aside_by(place: int, number: int, gap: float) -> float:
    """Return the shift of one of several lines that keeps their points apart, over a fifth of a gap in all."""
    return gap / 5 * (place / (number - 1) - 0.5) if number > 1 else 0.0


def least_gap(x: Floats) -> float:
    """Return the least distance between distinct values; 0 for fewer than two."""
    steps = np.diff(np.unique(x))
    return float(steps.min()) if len(steps) else 0.0


def numbers_of_targets(axes: Axes) -> None:
    """Label the x axis as numbers of targets."""
    axes.set_xlabel("number of targets, k")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def logarithmic_if_wide(axes: Axes, values: Sequence[float]) -> None:
    """Make the y axis logarithmic if means span more than ``WIDE``; otherwise start it at 0."""
    positive = [value for value in values if value > 0]
    if positive and max(positive) > WIDE * min(positive):
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(min(positive) / 1.6, max(positive) * 1.6)
        plain_numbers(axes, "y")
    else:
        axes.set_ylim(bottom=0)


def plain_numbers(axes: Axes, which: Literal["x", "y"]) -> None:
    """Write a logarithmic axis's numbers in full."""
    axis, (low, high) = (axes.xaxis, axes.get_xlim()) if which == "x" else (axes.yaxis, axes.get_ylim())
    decades = math.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 3 else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def png(figure: Figure) -> bytes:
    """Return a figure as PNG with few colours, a third as large; ``savefig`` would draw it twice."""
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    canvas.draw()
    data = io.BytesIO()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)  # other methods lose the colours of small markers
    few.save(data, "png", optimize=True)
    return data.getvalue()
