"""Draws what section ``scale`` measured: seconds and peak memory against the number of targets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

__all__ = ["draw"]

MARKERS = {"vanilla": ("o", "C0"), "top_down": ("v", "C1"), "bottom_up": ("^", "C2"), "vanilla, lockstep": ("s", "C3")}


def draw(cells: Sequence[dict[str, Any]], generations: int, warm: int, path: Path) -> None:
    """Draw both panels into one PNG."""
    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, key in ((left, "seconds"), (right, "peak_mib")):
        for strategy in MARKERS:
            _points(axes, [cell for cell in cells if cell["strategy"] == strategy], strategy, key)
        axes.set(xscale="log", xlabel="targets k")
        axes.grid(which="major", alpha=0.3)
    left.set(yscale="log", ylabel="seconds of search", title="Time (median; bars: least to most)")
    _curves(left, cells, generations, warm)
    right.set(ylabel="MiB", title="Peak memory of the whole process")
    right.set_ylim(0, 1.5 * max(cell["peak_mib"]["high"] for cell in cells))
    for axis in (left.xaxis, left.yaxis, right.xaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    for axes in (left, right):
        axes.legend(loc="upper left", fontsize="small", framealpha=0.8)
    figure.suptitle(f"MobileNetV3 on the Note10, embedded predictor, n={generations}, {warm} warm-started, P=100")
    figure.savefig(path)


def _points(axes: Axes, cells: Sequence[dict[str, Any]], strategy: str, key: str) -> None:
    marker, colour = MARKERS[strategy]
    counts, found = [cell["k"] for cell in cells], [cell[key] for cell in cells]
    middle = [one["median"] for one in found]
    axes.plot(counts, middle, marker, color=colour, label=strategy)
    axes.vlines(counts, [one["low"] for one in found], [one["high"] for one in found], color=colour)


def _curves(axes: Axes, cells: Sequence[dict[str, Any]], n: int, warm: int) -> None:
    """Draw what the seconds that one vanilla search takes a generation, s, would make of both formulas."""
    first = next(cell for cell in cells if cell["strategy"] == "vanilla" and cell["k"] == 1)
    each, counts = first["seconds"]["median"] / n, range(1, max(cell["k"] for cell in cells) + 1)
    scratch, chain = [each * k * n for k in counts], [each * (n + (k - 1) * warm) for k in counts]
    axes.plot(counts, scratch, color="C0", lw=1, label=f"s k n  (s = {1000 * each:.2g} ms: vanilla's at k=1)")
    axes.plot(counts, chain, color="0.4", lw=1, ls="--", label=f"s (n + {warm} (k - 1))")
    axes.set_ylim(top=8 * max(*scratch, *(cell["seconds"]["high"] for cell in cells)))  # room for the legend
