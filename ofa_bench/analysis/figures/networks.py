"""Draws the networks that a strategy found, one row for each target."""

import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure

from ofa_bench.analysis.figures.boxes import HEIGHT, Boxes
from ofa_bench.analysis.figures.drawing import DPI
from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.spaces import recognise
from ofa_bench.spaces.drawing import SLOT, STEM, Block, Drawing

__all__ = ["MAX_ROWS", "Drawn", "draw", "draw_rows"]

MAX_ROWS = 10
"""Rows of a picture; of more targets, as many are chosen evenly."""

SHADES = ("#F2B84B", "#2A9D8F", "#3B1F5B")
"""The colours from the least to the largest choice; they differ in lightness too."""

BETWEEN = 0.7
"""The distance between stages."""

COLUMNS = (-9.3, -7.0, -3.4, -0.7)
"""Right ends of the columns target, cost, accuracy and resolution."""


class Drawn(NamedTuple):
    """A network to draw: ``accuracy`` is a fraction of 1, ``architecture`` OFA's dict, ``space`` its space's config."""

    target: float
    cost: float
    accuracy: float
    architecture: Mapping[str, Any]
    space: Any = None


def draw(study: Study, entry: Entry) -> Figure | None:
    """Draw the networks that the first repeat of a study's entry found: a row for each target, a bar for each block.

    Infeasible targets are left out; of more than ``MAX_ROWS`` targets, as many are drawn.

    Returns:
        None if no target is feasible, or the space of the networks cannot be built here.
    """
    results = [result for result in entry.repeats[0] if result.feasible]
    if len(results) > MAX_ROWS:
        results = [results[i] for i in np.linspace(0, len(results) - 1, MAX_ROWS).round().astype(int)]
    repeats = " (first repeat)" if len(entry.keys) > 1 else ""
    title = f"networks that {entry.name} found: {study.space} on {study.device}{repeats}"
    space = entry.records[0].config.get("space")
    drawn = [Drawn(one.target, one.cost, one.accuracy or 0.0, one.architecture, space) for one in results]
    return draw_rows(drawn, title, study.unit, study.cost_name)


def draw_rows(results: Sequence[Drawn], title: str, unit: str, cost: str = "cost") -> Figure | None:
    """Draw networks, a row each, with targets and costs in ``unit``; ``cost`` is the name of the costs.

    Returns:
        None if there are no networks, or the space of one cannot be built here.
    """
    found = (recognise(result.architecture, result.space) for result in results)
    networks = [known[0].drawing(known[1]) if known else None for known in found]
    rows = [(result, network) for result, network in zip(results, networks, strict=True) if network]
    if not rows or len(rows) < len(results):
        return None
    figure = Figure(figsize=(9.1, 1.5 + 0.42 * len(rows)), dpi=DPI, layout="constrained")
    axes, boxes = figure.add_subplot(), Boxes()
    axes.set_title(textwrap.fill(title, 90))
    end = 0.0
    for place, (result, network) in enumerate(rows):
        _write(axes, result, network, -place)
        end = _row(boxes, network, -place)
    _stages(axes, rows[0][1])
    _heads(axes, unit, cost, resolution=any(network.resolution is not None for _, network in rows))
    _key(axes, boxes, rows[0][1], 0.35 - len(rows) - 0.75)
    boxes.draw(axes)
    axes.set_xlim(COLUMNS[0] - 2.0, end)
    axes.set_ylim(-len(rows) - 0.75, 1.95)
    axes.axis("off")
    return figure


@cache
def _colours(n: int) -> Sequence[str]:
    """Return the colours of ``n`` choices, from the least to the largest."""
    between = LinearSegmentedColormap.from_list("shades", SHADES)
    return [to_hex(between(i / max(1, n - 1))) for i in range(n)]


def _write(axes: Axes, result: Drawn, network: Drawing, y: float) -> None:
    texts = [
        f"{result.target:g}",
        f"{result.cost:.2f}" if result.cost >= 1 else f"{result.cost:.3g}",
        f"{100 * result.accuracy:.2f}",
        "" if network.resolution is None else f"{network.resolution:g}",
    ]
    for x, text in zip(COLUMNS, texts, strict=True):
        axes.text(x, y + HEIGHT / 2, text, ha="right", va="center", fontsize=9)


def _heads(axes: Axes, unit: str, cost: str, *, resolution: bool) -> None:
    last = "resolution\n(pixels)" if resolution else ""
    heads = (f"target\n({unit})", f"{cost}\n({unit})", "predicted\naccuracy (%)", last)
    for x, text in zip(COLUMNS, heads, strict=True):
        for line, part in enumerate(reversed(text.split("\n"))):  # each line by itself ends at the column's right end
            axes.text(x, 1.05 + 0.33 * line, part, ha="right", va="bottom", fontsize=8, color="0.3")


def _stages(axes: Axes, network: Drawing) -> None:
    """Write the names of the stages above the first row."""
    x = 0.0
    for name, blocks in network.stages.items():
        axes.text(x + len(blocks) / 2, 1.05, name, ha="center", va="bottom", fontsize=8, color="0.3")
        x += len(blocks) + BETWEEN


def _row(boxes: Boxes, network: Drawing, y: float) -> float:
    """Add the blocks of one network; return the right end."""
    x, colours = 0.0, _colours(len(network.shades))
    for stage, blocks in network.stages.items():
        for place, block in enumerate(blocks):
            boxes.add_note(x + place, y, f"{stage}, block {place + 1}: {_describe(network, block)}")
            if block.kind == SLOT:
                boxes.add_slot(x + place, y)
            else:
                height = HEIGHT * network.heights[block.height] / network.heights[-1]
                boxes.add_bar(x + place, y, height, colours[block.shade], block.kind)
        x += len(blocks) + BETWEEN
    return x


def _describe(network: Drawing, block: Block) -> str:
    """Return what a block is, for people."""
    if block.kind == SLOT:
        return "not built"
    parts = [f"{network.shade} {network.shades[block.shade]:g}"]
    if block.kind != STEM and network.height != network.shade:
        parts.append(f"{network.height} {network.heights[block.height]:g}")
    return ", ".join(parts)


def _key(axes: Axes, boxes: Boxes, network: Drawing, y: float) -> None:
    """Draw the legend of colours, heights and empty slots below the rows."""

    def text(x: float, label: str) -> None:
        axes.text(x, y + 0.22, label, fontsize=8, va="center", color="0.2")

    x = COLUMNS[0] - 1.6
    text(x, f"colour: {network.shade}")
    x += 3.4 + 0.22 * max(0, len(network.shade) - 6)
    for colour, choice in zip(_colours(len(network.shades)), network.shades, strict=True):
        boxes.add_bar(x, y, 0.45, colour)
        text(x + 1.05, f"{choice:g}")
        x += 1.9 + 0.22 * max(0, len(f"{choice:g}") - 1)
    x += 0.8
    text(x, f"height: {network.height}")
    x += 4.9
    for choice in network.heights:
        boxes.add_bar(x, y, HEIGHT * choice / network.heights[-1], "0.6")
        text(x + 1.05, f"{choice:g}")
        x += 1.9 + 0.22 * max(0, len(f"{choice:g}") - 1)
    x += 0.8
    boxes.add_slot(x, y, "")
    text(x + 1.05, "not built")
