"""Collects the blocks of networks, and draws them as one artist for each kind."""

from operator import itemgetter
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from ofa_bench.analysis.figures.hovering import note_boxes
from ofa_bench.spaces.drawing import SLOT

__all__ = ["HEIGHT", "WIDTH", "Boxes"]

WIDTH, HEIGHT = 0.86, 0.78
"""Width of a block, and height of the largest block in a row of height 1."""

Corners = list[tuple[float, float]]


class Boxes:
    """The blocks of a picture, drawn as one artist for each kind; one for each block would take half as long again."""

    def __init__(self) -> None:
        self._bars: dict[str, list[tuple[Corners, str]]] = {}
        self._slots: dict[str, list[Corners]] = {}
        self._notes: list[tuple[tuple[float, float, float, float], str]] = []

    def add_bar(self, x: float, y: float, height: float, colour: str, kind: str = "") -> None:
        """Add a filled block; the kind is empty in the legend."""
        self._bars.setdefault(kind, []).append((_corners(x, y, WIDTH, height), colour))

    def add_slot(self, x: float, y: float, kind: str = SLOT) -> None:
        """Add the outline of a block that is not built; the kind is empty in the legend."""
        self._slots.setdefault(kind, []).append(_corners(x + 0.05, y + 0.02, WIDTH - 0.1, 0.3))

    def add_note(self, x: float, y: float, text: str) -> None:
        """Add the text of a place, as high as a block can be."""
        self._notes.append(((x, y, WIDTH, HEIGHT), text))

    def draw(self, axes: Axes) -> None:
        """Draw all, without a change of the axes' limits; ``gid`` is the kind."""
        for kind, bars in self._bars.items():
            corners, colours = zip(*sorted(bars, key=itemgetter(1)), strict=True)  # a page has a path for each colour
            filled: dict[str, Any] = {"facecolors": colours, "edgecolors": "none", "clip_on": False}
            axes.add_collection(PolyCollection(corners, **filled, gid=kind), autolim=False)
        note_boxes(axes, *zip(*self._notes, strict=True))
        for kind, slots in self._slots.items():
            look: dict[str, Any] = {"facecolors": "none", "edgecolors": "0.7", "linewidths": 0.7, "linestyles": ":"}
            look["clip_on"] = False
            axes.add_collection(PolyCollection(slots, **look, gid=kind), autolim=False)


def _corners(x: float, y: float, width: float, height: float) -> Corners:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
