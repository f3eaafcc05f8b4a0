"""Pictures of the networks that a strategy found, one row a target, block by block."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.spaces import DesignSpace, known

__all__ = ["BLOCK", "MAX_ROWS", "SLOT", "STEM", "Block", "Drawn", "Network", "draw", "draw_rows", "recognised"]

DPI = 110

MAX_ROWS = 10
"""Of more targets, as many are drawn, evenly chosen."""

BLOCK, STEM, SLOT = "block", "stem", "slot"
"""The ``gid`` of what is drawn: a block that is built, a convolution of the stem, and what is not built."""

SHADES = ("#F2B84B", "#2A9D8F", "#3B1F5B")
"""Of the least to the largest choice; they differ in lightness too."""

WIDTH, HEIGHT, BETWEEN = 0.86, 0.78, 0.7
"""Of a block, of the largest block in a row of 1, and from stage to stage."""

COLUMNS = (-9.3, -7.0, -3.4, -0.7)
"""Right ends of target, cost, accuracy and resolution."""


class Drawn(NamedTuple):
    """A network to draw: ``accuracy`` is a fraction of 1, ``architecture`` OFA's dict."""

    target: float
    cost: float
    accuracy: float
    architecture: Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """A place of a network: what is there, if it is built; ``shade`` and ``height`` are positions among choices."""

    kind: str
    shade: int = 0
    height: int = 0


@dataclass(frozen=True)
class Network:
    """An architecture as it is drawn: the stages' blocks by name, and what shade and height say, with their choices."""

    resolution: float
    stages: Mapping[str, Sequence[Block]]
    shade: str
    shades: tuple[float, ...]
    height: str
    heights: tuple[float, ...]


def recognised(architecture: Mapping[str, Any]) -> Network | None:
    """Take OFA's dict of an architecture apart; None if it is of no space that this package knows."""
    found = known(architecture)
    if found is None:
        return None
    space, row = found
    active = dict(zip(space.gene_names, space.active(row[None])[0].tolist(), strict=True))
    positions = dict(zip(space.gene_names, row.tolist(), strict=True))
    return _resnet(space, positions, active) if "w0" in space.index else _mobile(space, positions, active)


def _stages(space: DesignSpace) -> list[list[int]]:
    """Group the numbers of the blocks by the depth that owns them; those without an owner stand alone."""
    groups: dict[str, list[int]] = {}
    for gene in space.genes:
        if gene.name[0] == "e":
            groups.setdefault(gene.owner or gene.name, []).append(int(gene.name[1:]))
    return list(groups.values())


def _mobile(space: DesignSpace, positions: Mapping[str, int], active: Mapping[str, bool]) -> Network:
    stages = {}
    for number, blocks in enumerate(_stages(space), start=1):
        name = f"stage {number}" if len(blocks) > 1 else "last"
        stages[name] = [
            Block(BLOCK if active[f"e{i}"] else SLOT, positions[f"k{i}"], positions[f"e{i}"]) for i in blocks
        ]
    shades, heights = _choices(space, "k0"), _choices(space, "e0")
    return Network(_resolution(space, positions), stages, "kernel", shades, "expand ratio", heights)


def _resnet(space: DesignSpace, positions: Mapping[str, int], active: Mapping[str, bool]) -> Network:
    """Lay out the stem (two convolutions of width ``w0``, the second built where ``d0`` > 0, and one of ``w1``)."""
    heights = _choices(space, "e0")
    middle = len(heights) // 2
    second = STEM if positions["d0"] else SLOT
    stem = [Block(kind, positions[width], middle) for kind, width in ((STEM, "w0"), (second, "w0"), (STEM, "w1"))]
    stages: dict[str, Sequence[Block]] = {"stem": stem}
    for number, blocks in enumerate(_stages(space), start=1):
        shade = positions[f"w{number + 1}"]
        stages[f"stage {number}"] = [
            Block(BLOCK if active[f"e{i}"] else SLOT, shade, positions[f"e{i}"]) for i in blocks
        ]
    shades = _choices(space, "w1")
    return Network(_resolution(space, positions), stages, "width multiplier", shades, "expand ratio", heights)


def _choices(space: DesignSpace, gene: str) -> tuple[float, ...]:
    return space.genes[space.index[gene]].choices


def _resolution(space: DesignSpace, positions: Mapping[str, int]) -> float:
    return _choices(space, "r")[positions["r"]]


def draw(study: Study, entry: Entry, places: Sequence[int] | None = None) -> Figure | None:
    """Draw the networks that an entry's first repeat found, from small to large: a row a target, a bar a block.

    Args:
        study: that the entry is of.
        entry: one of its strategies.
        places: positions in ``study.targets`` of those to draw; by default all, of more than ``MAX_ROWS`` as many.
            Infeasible ones are left out.

    Returns:
        None if no target is feasible, or the networks are of no known space.
    """
    results = entry.repeats[0]
    if places is not None:
        results = [results[place] for place in sorted(set(places))]
    results = [result for result in results if result.feasible]
    if len(results) > MAX_ROWS:
        results = [results[i] for i in np.linspace(0, len(results) - 1, MAX_ROWS).round().astype(int)]
    repeats = " (first repeat)" if len(entry.keys) > 1 else ""
    title = f"networks that {entry.name} found: {study.space} on {study.device}{repeats}"
    drawn = [Drawn(one.target, one.cost, one.accuracy or 0.0, one.architecture) for one in results]
    return draw_rows(drawn, title, study.unit, study.cost_name)


def draw_rows(results: Sequence[Drawn], title: str, unit: str, cost: str = "cost") -> Figure | None:
    """Draw networks, a row each.

    Costs are in ``unit`` and called ``cost``.

    Returns:
        None if there are none, or they are of no known space.
    """
    networks = [recognised(result.architecture) for result in results]
    rows = [(result, network) for result, network in zip(results, networks, strict=True) if network is not None]
    if not rows or len(rows) < len(results):
        return None
    figure = Figure(figsize=(9.1, 1.5 + 0.42 * len(rows)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(textwrap.fill(title, 90))
    end = 0.0
    for place, (result, network) in enumerate(rows):
        _write(axes, result, network, -place)
        end = _row(axes, network, -place, named=not place)
    _heads(axes, unit, cost)
    _key(axes, rows[0][1], 0.35 - len(rows) - 0.75)
    axes.set_xlim(COLUMNS[0] - 2.0, end)
    axes.set_ylim(-len(rows) - 0.75, 1.95)
    axes.axis("off")
    return figure


def _write(axes: Axes, result: Drawn, network: Network, y: float) -> None:
    words = [
        f"{result.target:g}",
        f"{result.cost:.2f}" if result.cost >= 1 else f"{result.cost:.3g}",
        f"{100 * result.accuracy:.2f}",
        f"{network.resolution:g}",
    ]
    for x, text in zip(COLUMNS, words, strict=True):
        axes.text(x, y + HEIGHT / 2, text, ha="right", va="center", fontsize=9)


def _heads(axes: Axes, unit: str, cost: str) -> None:
    heads = (f"target\n({unit})", f"{cost}\n({unit})", "predicted\naccuracy (%)", "resolution\n(pixels)")
    for x, text in zip(COLUMNS, heads, strict=True):
        axes.text(x, 1.05, text, ha="right", va="bottom", fontsize=8, color="0.3")


def _row(axes: Axes, network: Network, y: float, *, named: bool) -> float:
    """Draw the blocks of one network, with the names of the stages above; give the right end."""
    x = 0.0
    for name, blocks in network.stages.items():
        if named:
            axes.text(x + len(blocks) / 2, 1.05, name, ha="center", va="bottom", fontsize=8, color="0.3")
        for place, block in enumerate(blocks):
            height = HEIGHT * network.heights[block.height] / network.heights[-1]
            if block.kind == SLOT:
                _slot(axes, x + place, y)
            else:
                _bar(axes, x + place, y, height, SHADES[block.shade % len(SHADES)], block.kind)
        x += len(blocks) + BETWEEN
    return x


def _bar(axes: Axes, x: float, y: float, height: float, colour: str, gid: str | None = None) -> None:
    axes.add_patch(Rectangle((x, y), WIDTH, height, facecolor=colour, edgecolor="none", gid=gid))


def _slot(axes: Axes, x: float, y: float, gid: str | None = SLOT) -> None:
    place = (x + 0.05, y + 0.02)
    axes.add_patch(Rectangle(place, WIDTH - 0.1, 0.3, facecolor="none", edgecolor="0.7", lw=0.7, ls=":", gid=gid))


def _key(axes: Axes, network: Network, y: float) -> None:
    """Explain colours, heights and empty places below the rows."""

    def text(x: float, words: str) -> None:
        axes.text(x, y + 0.22, words, fontsize=8, va="center", color="0.2")

    x = COLUMNS[0] - 1.6
    text(x, f"colour: {network.shade}")
    x += 3.4 + 0.22 * max(0, len(network.shade) - 6)
    for colour, choice in zip(SHADES, network.shades, strict=True):
        _bar(axes, x, y, 0.45, colour)
        text(x + 1.05, f"{choice:g}")
        x += 1.9 + 0.22 * max(0, len(f"{choice:g}") - 1)
    x += 0.8
    text(x, f"height: {network.height}")
    x += 4.9
    for choice in network.heights:
        _bar(axes, x, y, HEIGHT * choice / network.heights[-1], "0.6")
        text(x + 1.05, f"{choice:g}")
        x += 1.9 + 0.22 * max(0, len(f"{choice:g}") - 1)
    x += 0.8
    _slot(axes, x, y, None)
    text(x + 1.05, "not built")
