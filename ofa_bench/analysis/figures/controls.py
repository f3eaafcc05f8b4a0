"""Draws what a warm start is worth beyond its smaller budget, by the number of targets."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ofa_bench.analysis.controls import Control
from ofa_bench.analysis.figures.drawing import DPI, Style
from ofa_bench.analysis.figures.hovering import note_points
from ofa_bench.analysis.statistics import Paired
from ofa_bench.analysis.summary import difference
from ofa_bench.strategies import MEASURES

__all__ = ["draw_controls"]

ASIDE = 1.06
"""The factor between the numbers of targets at which neighbouring lines are drawn, so that their arms stay apart."""

LINES = {"generations": "-", "unique_evaluations": "--", "seconds": ":"}


def draw_controls(compared: Sequence[Control], style: Style) -> Figure | None:
    """Draw chains less vanilla of equal budget, with 95 % intervals, by number of targets: a panel for each problem.

    Of each problem the searches with the most common budget are drawn. None without two numbers of targets.
    """
    panels = _panels(compared)
    if not panels:
        return None
    figure = Figure(figsize=(4.2 * len(panels) + 1.6, 3.9), dpi=DPI, layout="constrained")
    handles: dict[str, Any] = {}
    for axes, found in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        handles |= _draw(axes, found, style)
    figure.axes[0].set_ylabel("less vanilla of equal budget, points")
    figure.legend(
        handles=list(handles.values()),
        labels=list(handles),
        loc="outside right center",
        frameon=False,
        fontsize="small",
    )
    return figure


def _draw(axes: Axes, found: Sequence[Control], style: Style) -> dict[str, Any]:
    """Draw one problem; return the legend's handles by label."""
    series: dict[tuple[str, str], list[tuple[int, Paired]]] = {}
    for one in found:
        series.setdefault((one.measure, one.chain), []).append((len(one.study.targets), one.paired))
    handles = {}
    for number, ((measure, chain), points) in enumerate(sorted(series.items())):
        look, aside = style.look(chain), ASIDE ** (number - (len(series) - 1) / 2)
        known = [(k, one.difference, one.interval) for k, one in points if one.difference is not None and one.interval]
        if known:
            label = f"{chain}, equal {MEASURES[measure]}"
            x, y = [k * aside for k, _, _ in known], [value for _, value, _ in known]
            handles[label] = axes.errorbar(
                x, y,
                yerr=[[value - ends[0] for _, value, ends in known], [ends[1] - value for _, value, ends in known]],
                color=look.colour, marker=look.marker, ms=4.5, capsize=2, lw=1.2, ls=LINES[measure],
            )  # fmt: skip
            texts = [f"{label}, {k:,} targets: {difference(one)}" for k, one in points if one.interval]
            note_points(axes, x, y, texts)
    numbers = sorted({len(one.study.targets) for one in found})
    axes.axhline(0, color="0.4", lw=0.9, zorder=0.5)
    axes.set_xscale("log")
    axes.set_xticks(numbers, [f"{k:,}" for k in numbers])
    axes.minorticks_off()
    axes.grid(axis="y", alpha=0.3)
    axes.set_title(f"{found[0].study.space} on {found[0].study.device}", fontsize="medium")
    axes.set_xlabel("number of targets")
    return handles


def _panels(compared: Sequence[Control]) -> list[list[Control]]:
    """Return the comparisons by problem, each with the budget that most of its studies have."""
    problems: dict[tuple[str, str, str], dict[str, list[Control]]] = {}
    for one in compared:
        study = one.study
        budgets = problems.setdefault((study.space, study.device, study.predictor), {})
        budgets.setdefault(f"{study.generations}, {study.warm_generations}", []).append(one)
    most = [max(budgets.values(), key=_number_of_studies) for budgets in problems.values()]
    return [sorted(found, key=lambda one: len(one.study.targets)) for found in most if _number_of_studies(found) > 1]


def _number_of_studies(found: Sequence[Control]) -> int:
    return len({one.study for one in found})
