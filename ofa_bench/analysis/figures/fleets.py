"""Draws a fleet: how many networks serve it, how alike its devices are, and what winners lose elsewhere."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ofa_bench.analysis.figures.drawing import DPI
from ofa_bench.analysis.figures.hovering import note_boxes, note_points
from ofa_bench.analysis.fleets.pooling import Fleet
from ofa_bench.analysis.fleets.serving import Service, Transfer
from ofa_bench.formatting import format_number

__all__ = ["draw_services", "draw_similarity", "draw_transfer"]

Floats = NDArray[np.float64]

MAX_NUMBERS = 16
"""The number of devices up to which the cells of a heat map have numbers."""

MAX_NAMES = 60
"""The number of devices up to which all are named beside a heat map."""


def draw_services(services: Sequence[Service]) -> Figure:
    """Draw the number of networks by the loss that is allowed; an arm goes down to what is proven to be needed."""
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    allowed = [one.allowed for one in services]
    numbers = [len(one.chosen) for one in services]
    open_ = [max(0, len(one.chosen) - one.bound) for one in services]
    arms = [open_, [0] * len(open_)] if any(open_) else None
    axes.errorbar(allowed, numbers, yerr=arms, color="#0072B2", marker="o", ms=6, lw=1.4, capsize=3)
    note_points(
        axes, allowed, numbers, [f"{y:,} networks at a loss of {x:g}" for x, y in zip(allowed, numbers, strict=True)]
    )
    for x, y in zip(allowed, numbers, strict=True):
        axes.annotate(f"{y:,}", (x, y), (6, 6), textcoords="offset points")
    axes.set_xticks(allowed, [f"{one:g}" for one in allowed])
    axes.set_ylim(0, 1.15 * max(numbers))
    axes.set_xlim(-0.02, 1.08 * max(allowed))
    axes.set_xlabel("allowed loss at each target (points of predicted accuracy)")
    axes.set_ylabel("networks that serve the fleet")
    axes.grid(alpha=0.3)
    return figure


def draw_similarity(fleet: Fleet) -> Figure | None:
    """Draw the rank correlations of the devices; None for fewer than two whose costs are known."""
    if len(fleet.similarity) < 2:
        return None
    names = [one.name for one in fleet.devices[: len(fleet.similarity)]]
    texts = [[f"{value:.2f}" for value in row] for row in fleet.similarity]
    return _heat(fleet.similarity, names, texts, "rank correlation of costs", "viridis")


def draw_transfer(fleet: Fleet, found: Transfer) -> Figure:
    """Draw what the winners of each device (rows) lose on each other one (columns); grey where nothing is known."""
    names = [one.name for one in fleet.devices]
    losses, missed = found.loss.tolist(), found.missed.tolist()
    texts = [
        [_text(loss, number) if i != j else "" for j, (loss, number) in enumerate(zip(*rows, strict=True))]
        for i, rows in enumerate(zip(losses, missed, strict=True))
    ]
    shown = found.loss.copy()
    np.fill_diagonal(shown, np.nan)
    figure = _heat(shown, names, texts, "mean loss, points", "viridis_r")
    figure.axes[0].set_xlabel("taken to")
    figure.axes[0].set_ylabel("winners of")
    return figure


def _text(loss: float, missed: int) -> str:
    known = "" if np.isnan(loss) else format_number(loss, ".2f")
    return "\n".join(filter(None, [known, f"{missed} missed" if missed else ""]))


def _heat(values: Floats, names: Sequence[str], texts: Sequence[Sequence[str]], label: str, colours: str) -> Figure:
    """Draw a matrix as a heat map, with numbers and all names if there is room for them."""
    m = len(names)
    size = min(11.0, max(5.2, 2.6 + (0.62 if m <= MAX_NUMBERS else 0.2) * m))
    figure = Figure(figsize=(size + 0.8, size), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor("#d0d0d0")
    drawn = axes.imshow(values, cmap=colours, interpolation="nearest")
    step = -(-m // MAX_NAMES)
    places = list(range(0, m, step))
    small = 9 if m <= MAX_NUMBERS else 7 if step == 1 else 5.5
    shown = [names[place] for place in places]
    turned: dict[str, Any] = {"rotation": 90 if m > 5 else 20, "rotation_mode": "anchor", "ha": "right"}
    axes.set_xticks(places, shown, fontsize=small, va="center" if m > 5 else "top", **turned)
    axes.set_yticks(places, shown, fontsize=small)
    if m <= MAX_NAMES:
        cells = [(i, j) for i in range(m) for j in range(m) if texts[i][j]]
        notes = [f"{names[i]}, {names[j]}: {texts[i][j]}".replace("\n", ", ") for i, j in cells]
        note_boxes(axes, [(j - 0.5, i - 0.5, 1, 1) for i, j in cells], notes)
    if m <= MAX_NUMBERS:
        for i in range(m):
            for j in range(m):
                red, green, blue, _ = drawn.to_rgba(values[i, j]) if np.isfinite(values[i, j]) else (1, 1, 1, 1)
                dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
                axes.text(
                    j, i, texts[i][j], ha="center", va="center", fontsize=8 if m <= 8 else 6.5,
                    color="#fefefe" if dark else "#010101",  # on any page, unlike white and black
                )  # fmt: skip
    bar: Any = figure.colorbar(drawn, ax=axes, label=label, shrink=0.8)
    bar.solids.set_edgecolor("face")  # no gaps between its steps
    return figure
