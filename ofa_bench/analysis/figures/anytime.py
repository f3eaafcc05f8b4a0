"""Draws anytime curves: the best accuracy so far over evaluations or seconds."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ofa_bench.analysis.figures.best_known import mean_best_known
from ofa_bench.analysis.figures.drawing import Style, draw_points, figure_of, plain_numbers, with_legend, wrapped
from ofa_bench.analysis.figures.hovering import note_points
from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.records.charges import charged_evaluations
from ofa_bench.records.model import Result

__all__ = ["anytime"]

Floats = NDArray[np.float64]

SHOWN = 2.5
"""Points of accuracy below the top that the figure shows."""

STEPS, STEP = 300, 20
"""Points of a curve, and those from one whose value the page shows to the next."""


def anytime(study: Study, style: Style, over: Literal["evaluations", "seconds"] = "evaluations") -> Figure | None:
    """Draw the mean over targets of the best accuracy so far, over evaluations or seconds (mean over repeats).

    Evaluations include those that gradients are charged (see ``charged_evaluations``), spread evenly over a search.
    A search for all targets is drawn as it ran. Separate searches have no mean before the last has begun, so they are
    drawn as if they ran in parallel, each with as many evaluations as the others. Chained searches start from the end
    of those before them, so only the end of the chain is drawn. Seconds are evaluations at an entry's mean speed. None
    if no target is feasible, or times are not compared.
    """
    if over == "seconds" and study.untimed:
        return None
    curves = {entry.name: curve for entry in study.entries if (curve := _curve(entry, over)) is not None}
    if not curves:
        return None
    figure, axes = figure_of(study)
    for name, (at, accuracy) in curves.items():
        look, label = style.look(name), wrapped(name)
        if len(at) == 1:
            draw_points(axes, at, accuracy, look, label)
            continue
        axes.plot(
            at, accuracy, color=look.colour, ls=look.line, lw=1.6, marker=look.marker, ms=6, markevery=[-1], label=label
        )
        shown = slice(STEP - 1, None, STEP)
        texts = [
            f"{name}: {best:.2f} after {spent:,.4g} {over}"
            for spent, best in zip(at[shown], accuracy[shown], strict=True)
        ]
        note_points(axes, at[shown], accuracy[shown], texts)
    level = mean_best_known(study)
    if level is not None:
        axes.axhline(level, color="black", lw=1.1, ls="--", zorder=0.5, label="best known")
    _frame(axes, list(curves.values()), level)
    charged = ", gradients charged" if over == "evaluations" and any(_charge(one) > 1 for one in study.entries) else ""
    axes.set_xlabel(f"{over}, all targets together{charged}")
    axes.set_ylabel("mean over targets of predicted accuracy (%)")
    notes = _notes(study, over, {name for name, (at, _) in curves.items() if len(at) == 1})
    if notes:
        figure.supxlabel("\n".join(notes), fontsize=8, color="0.3")
    return with_legend(figure, axes)


def _frame(axes: Axes, curves: Sequence[tuple[Floats, Floats]], level: float | None) -> None:
    """Limit the axes to accuracies at most ``SHOWN`` below the top, and the ends of all curves."""
    top = max([float(accuracy.max()) for _, accuracy in curves] + ([] if level is None else [level]))
    least = min(float(accuracy.min()) for _, accuracy in curves)
    lowest = max(least, min([top - SHOWN] + [float(accuracy[-1]) for _, accuracy in curves]))
    left = min(float(at[int(np.argmax(accuracy >= lowest))]) for at, accuracy in curves)
    right = max(float(at[-1]) for at, _ in curves)
    axes.set_xscale("log")
    axes.set_xlim(left / 1.5, right * 1.6)
    margin = max(0.06 * (top - lowest), 0.01)
    axes.set_ylim(lowest - margin, top + margin)
    plain_numbers(axes, "x")


def _curve(entry: Entry, over: str) -> tuple[Floats, Floats] | None:
    """Return an entry's curve: evaluations or seconds in all, and mean accuracies, percent; None without a curve."""
    repeats = [[one for one in results if one.feasible] for results in entry.repeats]
    repeats = [results for results in repeats if results and all(one.curve for one in results)]
    evaluations = entry.evaluations.mean()
    if not repeats or not evaluations:
        return None
    speed = entry.seconds.sum() / entry.evaluations.sum() if over == "seconds" else _charge(entry)
    shared = entry.shared
    if not shared and _chained(entry):
        return np.array([evaluations * speed]), np.array([np.nanmean(entry.mean_accuracy)])
    times = 1 if shared else max(map(len, repeats))
    first = max(one.curve[0][1] for results in repeats for one in results)
    grid = np.geomspace(max(1, first), max(first, evaluations / times), STEPS)
    means = np.mean([np.mean([_best_so_far(one, grid) for one in results], axis=0) for results in repeats], axis=0)
    return grid * times * speed, 100 * means


def _charge(entry: Entry) -> float:
    """Return an entry's evaluations with gradients charged, as a multiple of its evaluations."""
    found = [(record, result) for record in entry.records for result in record.results]
    evaluations = sum(result.evaluations for _, result in found)
    return sum(charged_evaluations(record, result) for record, result in found) / evaluations if evaluations else 1.0


def _chained(entry: Entry) -> bool:
    """Return whether searches for several targets start from each other's results, according to records."""
    strategies = [record.config.get("strategy") for record in entry.records]
    if any(isinstance(one, Mapping) and "warm_start" in one for one in strategies) and entry.feasible > 1:
        return True
    made = [{one.generations for one in results if one.feasible} for results in entry.repeats]
    return any(len(generations) > 1 for generations in made)


def _best_so_far(result: Result, grid: Floats) -> Floats:
    """Return the best accuracy after each number of evaluations in a grid: float64 [n], fractions of 1."""
    _, evaluations, _, accuracy = (np.array(column, np.float64) for column in zip(*result.curve, strict=True))
    best: Floats = accuracy[np.maximum(0, np.searchsorted(evaluations, grid, side="right") - 1)]
    return best


def _notes(study: Study, over: str, ends: set[str]) -> list[str]:
    """Explain how searches that are not for all targets at once are drawn."""
    separate = [one.name for one in study.entries if one.name not in ends and not one.shared and one.feasible > 1]
    notes = [f"{_listed(separate)}: after equally many evaluations for each target"] if separate else []
    notes += [f"{_listed(sorted(ends))}: the end only, as each search needs the one before"] if ends else []
    notes += ["seconds: evaluations at each strategy's mean speed"] if over == "seconds" else []
    return [textwrap.fill(note, 110) for note in notes]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) < 5 else f"{', '.join(names[:3])} and {len(names) - 3} others"
