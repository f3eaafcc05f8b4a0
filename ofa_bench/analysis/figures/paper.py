"""Draws the paper's experiments: its published numbers beside the protocols ``as published`` and ``fair``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ofa_bench.analysis.figures.drawing import DPI, Style, aside_by, draw_line, numbers_of_targets
from ofa_bench.analysis.paper.protocols import CHAINS, PROTOCOLS, STRATEGIES
from ofa_bench.analysis.paper.published import printed_percent, printed_seconds
from ofa_bench.analysis.paper.runs import Runs

__all__ = ["accuracy", "time"]

Floats = NDArray[np.float64]
Published = Mapping[str, Any]

STYLE = Style(STRATEGIES)


def time(space: str, runs: Mapping[str, Runs], published: Published) -> Figure:
    """Draw the time for k targets relative to vanilla's for one (mean over repeats, bars one std), and the formulas."""
    seconds = printed_seconds(published, space)
    figure, panels = _panels(space, runs)
    setup = published["setup"]
    _formulas(panels[0], setup["generations"], setup["warm_generations"])
    for name in STRATEGIES:
        relative = np.array(seconds[name]) / seconds["vanilla"][0]
        _line(panels[0], published["table1"]["targets"], relative, np.zeros(len(relative)), name)
    for axes, found in zip(panels[1:], runs.values(), strict=True):
        _formulas(axes, found.budget["n"], found.budget["w"])
        first = float(np.mean(found.seconds("vanilla", found.rows[0])))
        for name in STRATEGIES:
            values = [found.seconds(name, k) / first for k in found.rows]
            spread = np.array([np.std(one, ddof=1) if len(one) > 1 else 0.0 for one in values])
            _line(axes, found.rows, np.array([np.mean(one) for one in values]), spread, name)
    for axes in panels:
        numbers_of_targets(axes)
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("time, in times of vanilla's for one target")
    panels[0].legend(loc="upper left", fontsize="small", framealpha=0.85, edgecolor="none")
    return figure


def accuracy(space: str, runs: Mapping[str, Runs], published: Published) -> Figure:
    """Draw the chains' accuracies less vanilla's by target (bars: standard error)."""
    paper = printed_percent(published, space)
    figure, panels = _panels(space, runs)
    for place, name in enumerate(CHAINS):
        differences = np.array(paper[name]) - np.array(paper["vanilla"])
        _line(panels[0], published["table2"]["latency_ms"], differences, np.zeros(len(differences)), name)
        for axes, found in zip(panels[1:], runs.values(), strict=True):
            pairs = found.accuracy(name) - found.accuracy("vanilla")
            error = np.std(pairs, axis=0, ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else np.zeros(pairs.shape[1])
            gap = float(np.diff(found.targets).min()) if len(found.targets) > 1 else 0.0
            _line(axes, np.array(found.targets) + aside_by(place, len(CHAINS), gap), pairs.mean(axis=0), error, name)
    for axes in panels:
        axes.axhline(0, color=STYLE.look("vanilla").colour, lw=1.2, zorder=0.5, label="vanilla")
        axes.set_xlabel("target (ms)")
    panels[0].set_ylabel("predicted accuracy less vanilla's (points)")
    panels[0].legend(loc="lower right", fontsize="small", framealpha=0.85, edgecolor="none")
    return figure


def _panels(space: str, runs: Mapping[str, Runs]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for the paper's numbers and one for each protocol, with a common y axis."""
    figure = Figure(figsize=(3.6 * (1 + len(runs)), 3.7), dpi=DPI, layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, 1 + len(runs), sharey=True)
    given = "the paper's figures" if space == "mbv3" else "the paper's figures (of mbv3)"
    for axes, title in zip(panels, [given, *(f"{PROTOCOLS[key]}, {space}" for key in runs)], strict=True):
        axes.set_title(title)
        axes.grid(alpha=0.3)
    return figure, list(panels)


def _formulas(axes: Axes, n: int, w: int) -> None:
    k = np.array([1, 10])
    axes.plot(k, k, color="0.25", lw=0.9, ls="--", label="k·n generations")
    for warm, line in {w: "-.", float(np.sqrt(n)): ":"}.items():
        of = "√n" if warm != w else "w, as run"
        axes.plot(k, 1 + (k - 1) * warm / n, color="0.25", lw=0.9, ls=line, label=f"n + (k − 1)·{of}")  # noqa: RUF001


def _line(axes: Axes, x: Any, means: Floats, spread: Floats, name: str) -> None:
    draw_line(axes, x, means, spread, STYLE.look(name), name)
