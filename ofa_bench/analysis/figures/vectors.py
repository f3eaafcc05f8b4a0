"""Writes a figure as SVG: a file whose text is outlines, and an element that looks like the page that it is in."""

import io
import re
from itertools import groupby
from operator import itemgetter
from typing import Any

from matplotlib import rcParams
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from ofa_bench.analysis.figures.hovering import hover_areas

__all__ = ["DARK", "draw_vectors"]

OUTLINES, TEXT = "ofa_bench: outlines", "ofa_bench: text"
"""Comments before and after a text as outlines, and before and after the same text as text."""

PAGE = {
    "#000000": "ink", "#333333": "ink", "#404040": "ink", "#4c4c4c": "soft", "#666666": "soft", "#ffffff": "ground",
    "#b0b0b0": "grid", "#b3b3b3": "grid",
}  # fmt: skip
"""Colours of text, axes, grids and grounds, and the variables of the page's style that they become."""

DARK = {
    "#0072b2": "#58aee6", "#d55e00": "#f08a44", "#009e73": "#3cc9a0", "#cc79a7": "#dd97bd", "#e69f00": "#f0b53a",
    "#56b4e9": "#8accf2", "#7a4b1e": "#c79465", "#6b6b6b": "#a0a6b0", "#3b1f5b": "#9068c4",
    "#d0d0d0": "#3a4250",
}  # fmt: skip
"""The colours of strategies, the darkest one of blocks, that of unknown values; and what they are on a dark ground."""

UNUSED = re.compile(
    rf"<metadata>.*?</metadata>|<style.*?</style>|<!-- {OUTLINES} -->.*?<!-- {OUTLINES} -->|<!--.*?-->", re.DOTALL
)
FONT = re.compile(r" ?font-family: [^;\"]*;?")
COLOUR = re.compile("#[0-9a-f]{6}")
ID = re.compile(r' id="([^"]*)"')
REFERENCE = re.compile(r'(href="|url\()#([^")]*)')
TAG = re.compile(r"<[^>]+>")
UNTURNED = re.compile(r' transform="rotate\(-?0 [^)]*\)"')
DECIMALS = re.compile(r"(\d\.\d\d)\d+")
ZEROS = re.compile(r"(?<=\d)(?:\.0+|(\.\d)0)(?=[ \"])")
PATH = re.compile(r' d="([^"]*)"')
STEP = re.compile("([A-Za-z])([^A-Za-z]*)")
FILLED = re.compile(r'(?:<path d="[^"]*" style="fill: #[0-9a-f]{6}"/>)+')
BAR = re.compile(r'<path d="([^"]*)"([^>]*)/>')
MARKERS = re.compile(r'<g( [^>]*)?>(<use [^>]*?( style="[^"]*")/>(?:<use [^>]*?\3/>)*)</g>')
"""Markers of one look, whose style their group can have."""


class _Renderer(RendererSVG):
    """Writes each text twice, which takes less time than to draw the figure twice."""

    def draw_text(self, *args: Any, **settings: Any) -> None:
        writer: Any = self.writer  # its methods have no types
        whole: Any = super()
        for kind, mark in (("path", OUTLINES), ("none", TEXT)):
            rcParams["svg.fonttype"] = kind
            writer.comment(mark)
            whole.draw_text(*args, **settings)
            writer.comment(mark)


def draw_vectors(figure: Figure, prefix: str) -> tuple[str, str]:
    """Return a figure that is laid out as the content of an SVG file, and as an SVG element of a page.

    In the page, colours of text, axes and ground are variables of its style, such as ``var(--ink)``; those of
    strategies are ``var(--on-0072b2, #0072b2)``. ``prefix`` is that of the ids, which differ between pictures.
    """
    text, before = io.StringIO(), rcParams["svg.fonttype"]
    dpi, figure.dpi = figure.dpi, 72
    width, height = (72 * figure.get_size_inches()).tolist()
    try:
        make: Any = _Renderer
        renderer = make(width, height, text, image_dpi=dpi, metadata={"Date": None})
        figure.draw(renderer)
        renderer.finalize()
    finally:
        rcParams["svg.fonttype"] = before
    both = text.getvalue()
    file = re.sub(rf" *<!-- {TEXT} -->.*?<!-- {TEXT} -->\n| *<!-- {OUTLINES} -->\n", "", both, flags=re.DOTALL)
    return file, _inline(both, prefix, f'viewBox="0 0 {width:g} {height:g}"', hover_areas(figure))


def _inline(svg: str, prefix: str, box: str, areas: str) -> str:
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"\s*\n\s*", " ", FONT.sub("", UNUSED.sub("", body))).replace("xlink:href", "href")
    body = TAG.sub(_shorten, re.sub(r"> +<", "><", UNTURNED.sub("", body)).strip())
    body = FILLED.sub(_merge, body)
    body = MARKERS.sub(lambda found: f"<g{found[1] or ''}{found[3]}>{found[2].replace(found[3], '')}</g>", body)
    ids = {name: f"{prefix}{i}" for i, name in enumerate(dict.fromkeys(name for _, name in REFERENCE.findall(body)))}
    body = ID.sub(lambda found: f' id="{ids[found[1]]}"' if found[1] in ids else "", body)
    body = COLOUR.sub(_variable, REFERENCE.sub(lambda found: f"{found[1]}#{ids[found[2]]}", body))
    return f'<svg class="plot" {box}>{body}<g class="areas">{areas}</g></svg>'


def _shorten(tag: re.Match[str]) -> str:
    """Return a tag with numbers of two decimals, and lines along an axis with one number."""
    return PATH.sub(_shorten_path, ZEROS.sub(r"\1", DECIMALS.sub(r"\1", tag[0])))


def _shorten_path(found: re.Match[str]) -> str:
    steps, at = [], ["", ""]
    for command, text in STEP.findall(found[1]):
        numbers = text.split()
        same = [one == other for one, other in zip(numbers, at, strict=False)] if command == "L" else []
        at = numbers[-2:] or at
        if any(same):
            command, numbers = ("V", numbers[1:]) if same[0] else ("H", numbers[:1])
        steps.append(command + " ".join(numbers))
    return f' d="{"".join(steps)}"'


def _merge(found: re.Match[str]) -> str:
    """Return areas in a row, of one path for each run of one colour."""
    runs = groupby(BAR.findall(found[0]), key=itemgetter(1))
    return "".join(f'<path d="{"".join(path for path, _ in several)}"{look}/>' for look, several in runs)


def _variable(found: re.Match[str]) -> str:
    colour = found[0]
    if colour in PAGE:
        return f"var(--{PAGE[colour]})"
    return f"var(--on-{colour[1:]}, {colour})" if colour in DARK else colour
