"""Notes the values of points and boxes of a figure, which a page shows while the pointer is over them."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import compress
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

__all__ = ["hover_areas", "note_boxes", "note_points"]

RADIUS = 5.5
"""The size of the area around a point, in points of a figure."""

MOST = 1000
"""Areas of a figure; more lie on each other, and make a page large."""


class _Area(NamedTuple):
    """Opposite corners in data coordinates, which are equal for a point, and the text there."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str


_AREAS: "WeakKeyDictionary[Axes, list[_Area]]" = WeakKeyDictionary()


def note_points(axes: Axes, x: ArrayLike, y: ArrayLike, texts: Sequence[str]) -> None:
    """Note a text for each point: numbers [n] in data coordinates; those that are not finite are left out."""
    at = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    for left, low, text in zip(*(one.ravel().tolist() for one in at), texts, strict=True):
        if np.isfinite(left) and np.isfinite(low):
            _AREAS.setdefault(axes, []).append(_Area(left, low, left, low, text))


def note_boxes(axes: Axes, boxes: Sequence[tuple[float, float, float, float]], texts: Sequence[str]) -> None:
    """Note a text for each box: x, y, width and height in data coordinates."""
    for (x, y, width, height), text in zip(boxes, texts, strict=True):
        _AREAS.setdefault(axes, []).append(_Area(x, y, x + width, y + height, text))


def hover_areas(figure: Figure) -> str:
    """Return the noted areas of a figure that was drawn as SVG elements with titles, in points from the top left.

    They are empty if there are more than ``MOST``.
    """
    if sum(len(_AREAS.get(axes, ())) for axes in figure.axes) > MOST:
        return ""
    return "".join(
        shape for axes in figure.axes for shape in _shapes(axes, 72 / figure.dpi, 72 * figure.get_figheight())
    )


def _shapes(axes: Axes, scale: float, height: float) -> Iterator[str]:
    """Yield the areas of axes that are inside them; ``scale`` is from pixels to points."""
    areas = _AREAS.get(axes, [])
    corners = np.array([area[:4] for area in areas], np.float64).reshape(-1, 2)
    places = scale * axes.transData.transform(corners).reshape(-1, 2, 2)
    low, high = scale * np.array(axes.bbox.extents).reshape(2, 2)
    inside = ((places > low - 1) & (places < high + 1)).all(axis=2).any(axis=1)
    for area, place in zip(compress(areas, inside), places[inside].tolist(), strict=True):
        (left, bottom), (right, top) = place
        title = f"<title>{escape(area.text)}</title>"
        if area[:2] == area[2:4]:
            yield f'<circle cx="{_short(left)}" cy="{_short(height - bottom)}" r="{RADIUS}">{title}</circle>'
        else:
            lengths = (min(left, right), height - max(bottom, top), abs(right - left), abs(top - bottom))
            x, y, wide, tall = map(_short, lengths)
            yield f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}">{title}</rect>'


def _short(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")
