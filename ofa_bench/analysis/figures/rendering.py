"""Draws many figures as PNG and SVG, on all cores where processes can be forked."""

import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.figures.vectors import draw_vectors
from ofa_bench.config.limits import available_cores

__all__ = ["Draw", "Picture", "Rendered", "render", "render_all"]

Draw = Callable[[], Figure | None]
"""A function that draws a figure, or returns None if there is nothing to draw."""

SHARE = 4
"""Figures that are worth a process of their own."""


class Rendered(NamedTuple):
    """A figure as the contents of a PNG file and of an SVG file, and as an SVG element of a page."""

    png: bytes
    svg: str
    inline: str


@dataclass(frozen=True)
class Picture:
    """A picture of a page: its file name (without suffix), its caption, and its forms."""

    name: str
    caption: str
    rendered: Rendered


def render(figure: Figure, prefix: str) -> Rendered:
    """Return a figure in all forms, of one layout; ``prefix`` is that of the ids of its element."""
    image = png(figure)
    figure.set_layout_engine("none")
    return Rendered(image, *draw_vectors(figure, prefix))


def render_all(draws: Sequence[Draw]) -> list[Rendered | None]:
    """Draw figures and return them in all forms, in order; None where there is nothing to draw.

    On Linux, this process and its forks, one for each further core, draw equal shares. What a fork cannot draw is drawn
    here, so that errors are raised here too.
    """
    can_fork = sys.platform == "linux" and not multiprocessing.current_process().daemon
    processes = max(1, min(available_cores(), len(draws) // SHARE)) if can_fork else 1
    own, *others = (range(i, len(draws), processes) for i in range(processes))
    with TemporaryDirectory() as name, _forks(draws, others, Path(name)) as forks:
        found = {number: _render(draws, number) for number in own}
        for share, fork in forks.items():
            fork.join()
            if fork.exitcode == 0:
                found |= {number: _read(Path(name), number) for number in share}
    return [found[number] if number in found else _render(draws, number) for number in range(len(draws))]


def _render(draws: Sequence[Draw], number: int) -> Rendered | None:
    figure = draws[number]()
    return None if figure is None else render(figure, f"plot{number}-")


@contextmanager
def _forks(draws: Sequence[Draw], shares: Sequence[range], folder: Path) -> Iterator[Mapping[range, BaseProcess]]:
    """Draw shares in forked processes, which write into a folder; yield those that could be started."""
    started: dict[range, BaseProcess] = {}
    try:
        for share in shares:
            process: BaseProcess = multiprocessing.get_context("fork").Process(
                target=_write, args=(draws, share, folder)
            )
            with warnings.catch_warnings(), suppress(OSError):
                # It is about forks beside threads, which these do not use.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
                started[share] = process
        yield started
    finally:
        for process in started.values():
            process.kill()
            process.join()


def _write(draws: Sequence[Draw], share: range, folder: Path) -> None:
    """Draw a share of figures in a forked process; it fails without a message."""
    try:
        gc.freeze()  # collecting garbage would copy the parent's pages
        for number in share:
            rendered = _render(draws, number)
            if rendered is not None:
                (folder / f"{number}.png").write_bytes(rendered.png)
                (folder / f"{number}.svg").write_text(rendered.svg, "utf-8")
                (folder / f"{number}.html").write_text(rendered.inline, "utf-8")
    except BaseException:
        os._exit(1)


def _read(folder: Path, number: int) -> Rendered | None:
    """Return what a forked process drew."""
    path = folder / f"{number}.png"
    if not path.exists():
        return None
    return Rendered(path.read_bytes(), *(path.with_suffix(end).read_text("utf-8") for end in (".svg", ".html")))
