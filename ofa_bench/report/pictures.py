"""Plans the pictures of a report, and draws all of them together."""

from collections.abc import Iterable
from pathlib import Path

from ofa_bench.analysis.figures.drawings import Drawing
from ofa_bench.analysis.figures.rendering import Picture, render_all
from ofa_bench.records.labels import distinct

__all__ = ["Pictures"]


class Pictures:
    """The pictures of a report: they are planned section by section, and drawn together on all cores.

    Args:
        folder: of the PNG and SVG files; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._planned: list[tuple[Drawing, list[Picture]]] = []

    def plan(self, drawings: Iterable[Drawing]) -> list[Picture]:
        """Plan figures of these file names; return a list to which ``write`` adds the picture of each that exists."""
        pictures: list[Picture] = []
        self._planned += [(drawing, pictures) for drawing in drawings]
        return pictures

    def write(self) -> None:
        """Draw what was planned, and write it as PNG and SVG under distinct names.

        Raises:
            OSError: the folder cannot be written.
        """
        names = set[str]()
        drawn = render_all([drawing.draw for drawing, _ in self._planned])
        for (drawing, pictures), rendered in zip(self._planned, drawn, strict=True):
            if rendered is not None:
                name = distinct(drawing.name, names)
                (self._folder / f"{name}.png").write_bytes(rendered.png)
                (self._folder / f"{name}.svg").write_text(rendered.svg, "utf-8")
                pictures.append(Picture(name, drawing.caption, rendered))
