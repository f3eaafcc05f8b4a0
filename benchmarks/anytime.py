"""Accuracy against evaluations: of searches for all targets as they go on, of others as their budgets grow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ofa_bench.records.model import Record, Result
from ofa_bench.search import SearchResult

__all__ = ["anytime", "draw", "evaluations_to", "mean_curve"]

POINTS = 60
"""Points kept of a curve, evenly spread over the logarithm of evaluations."""

ONE_BY_ONE = ("vanilla", "top_down", "bottom_up")


def mean_curve(results: Sequence[Result | SearchResult]) -> tuple[list[int], list[float]]:
    """Follow the mean over targets of the best accuracy so far (fractions of 1), in a search for all targets."""
    best = [result.curve[0][3] for result in results]
    events = sorted((point[1], i, point[3]) for i, result in enumerate(results) for point in result.curve[1:])
    evaluations, means, total = [results[0].curve[0][1]], [sum(best) / len(best)], sum(best)
    for at, i, accuracy in events:
        total, best[i] = total + accuracy - best[i], accuracy
        evaluations.append(at)
        means.append(total / len(best))
    return evaluations, means


def anytime(record: Record) -> list[tuple[float, float]] | None:
    """Return evaluations and mean accuracy (percent, over targets and repeats); None unless one search serves all."""
    if record.repeats[0].results[0].shared < 2:
        return None
    curves = [mean_curve(repeat.results) for repeat in record.repeats]
    grid = np.geomspace(10, max(evaluations[-1] for evaluations, _ in curves), POINTS)
    values = [
        [means[max(0, int(np.searchsorted(evaluations, at, side="right")) - 1)] for at in grid]
        for evaluations, means in curves
    ]
    return [(float(at), 100 * float(mean)) for at, mean in zip(grid, np.mean(values, axis=0), strict=True)]


def evaluations_to(record: Record, accuracy: float) -> dict[str, Any]:
    """Find the evaluations after which the mean over targets reaches an accuracy (a fraction of 1).

    Of searches one by one, which have no mean before the last target is searched, these are all evaluations. ``median``
    is over the repeats that reached it, None if none did; ``reached`` says how many.
    """
    took = []
    for repeat in record.repeats:
        if repeat.results[0].shared > 1:
            evaluations, means = mean_curve(repeat.results)
            took += [next((at for at, mean in zip(evaluations, means, strict=True) if mean >= accuracy), None)]
        else:
            mean = np.mean([result.accuracy for result in repeat.results])
            took += [sum(result.evaluations for result in repeat.results) if mean >= accuracy else None]
    reached = [one for one in took if one is not None]
    return {"median": float(np.median(reached)) if reached else None, "reached": len(reached)}


def draw(cells: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw one panel a space: a search for all targets as a line, others as one point for each budget.

    A cell's ``charge`` is its evaluations with gradients charged, as a multiple of its evaluations.
    """
    spaces = list(dict.fromkeys(cell["space"] for cell in cells))
    figure = Figure(figsize=(5.2 * len(spaces), 4.6), dpi=120, layout="constrained")
    for number, space in enumerate(spaces):
        axes = figure.add_subplot(1, len(spaces), number + 1)
        here = [cell for cell in cells if cell["space"] == space and cell["k"] == 10]
        names = list(dict.fromkeys(cell["strategy"] for cell in here))
        for place, name in enumerate(sorted(names)):
            colour, own = f"C{place}", [cell for cell in here if cell["strategy"] == name]
            if name in ONE_BY_ONE:
                points = sorted((cell["evaluations"]["mean"], cell["accuracy"]["mean"]) for cell in own)
                style = "o:"
            else:
                longest = max(own, key=lambda cell: cell["evaluations"]["mean"])
                points = [(longest["charge"] * at, accuracy) for at, accuracy in longest["curve"]]
                style = "-"
            axes.plot(*zip(*points, strict=True), style, color=colour, ms=4, lw=1.5, label=name)
        best = max(cell["accuracy"]["mean"] for cell in here)
        if "regret" in here[0]:
            best = here[0]["accuracy"]["mean"] + here[0]["regret"]["mean"]
            axes.axhline(best, color="0.6", lw=1, ls="--", label="best known")
        lowest = min(cell["accuracy"]["mean"] for cell in here if cell["strategy"] in ONE_BY_ONE)
        axes.set(xscale="log", xlabel="evaluations, gradients charged", title=f"{space} on {here[0]['device']}")
        axes.set_ylim(min(lowest, best - 2), best + 0.15)
        axes.grid(alpha=0.3)
        if not number:
            axes.set_ylabel("mean predicted accuracy, ten targets (%)")
    handles = {
        name: handle for axes in figure.axes for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path)
