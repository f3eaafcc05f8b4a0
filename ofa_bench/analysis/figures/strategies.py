"""Draws accuracy, regret, cost, seconds and generations of strategies over targets or their number."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ofa_bench.analysis.figures.best_known import best_known, bounds, frontier_between
from ofa_bench.analysis.figures.drawing import (
    Style,
    aside_by,
    draw_line,
    draw_points,
    figure_of,
    least_gap,
    logarithmic_if_wide,
    mean_std,
    numbers_of_targets,
    with_legend,
    wrapped,
)
from ofa_bench.analysis.studies import Entry, Study

__all__ = [
    "accuracy_over_targets", "fronts", "generations_over_targets", "regret_over_targets", "seconds_over_target",
    "seconds_over_targets",
]  # fmt: skip

Floats = NDArray[np.float64]


def seconds_over_targets(family: Sequence[Study], style: Style) -> Figure | None:
    """Draw the running time over the number of targets, a line for each strategy (mean over repeats, bars one std).

    None for fewer than two numbers of targets, or if times are not compared.
    """
    values = _over_numbers(family, lambda entry: entry.seconds)
    entries = tuple(entry for study in family for entry in study.entries)
    if values is None or replace(family[0], entries=entries).untimed:
        return None
    figure, axes = figure_of(family[0])
    spread = {name: _by_number(of) for name, of in values.items()}
    for place, (name, (numbers, means, stds)) in enumerate(spread.items()):
        shift = aside_by(place, len(spread), least_gap(numbers))
        draw_line(axes, numbers, means, stds, style.look(name), name, shift)
    numbers_of_targets(axes)
    axes.set_ylabel("seconds of search, all targets")
    logarithmic_if_wide(axes, [mean for _, means, _ in spread.values() for mean in means.tolist()])
    return with_legend(figure, axes)


def generations_over_targets(family: Sequence[Study], style: Style) -> Figure | None:
    """Draw the number of generations (points, mean over repeats) beside the formulas of the budget (lines).

    With n generations from scratch and w of a warm-started search, k separate searches make k n, and a chain
    n + (k - 1) w; the latter is drawn if w is one number. A search for several targets counts once. A generation may
    take different strategies different times. None for fewer than two numbers of targets.
    """
    values = _over_numbers(family, _generations)
    if values is None:
        return None
    figure, axes = figure_of(family[0])
    first = family[0]
    largest = max(len(study.targets) for study in family)
    numbers, n = np.arange(1, largest + 1), first.generations
    axes.plot(numbers, n * numbers, color="0.25", lw=0.9, ls="--", label=f"k·n = {n}·k")
    if first.warm_generations.isdigit():
        w = int(first.warm_generations)
        label = f"n + (k − 1)·w = {n} + {w}·(k − 1)"  # noqa: RUF001
        axes.plot(numbers, n + (numbers - 1) * w, color="0.25", lw=0.9, ls=":", label=label)
    for name, of in values.items():
        sizes, means, _ = _by_number(of)
        draw_points(axes, sizes, means, style.look(name), wrapped(name))
    numbers_of_targets(axes)
    axes.set_ylabel("generations, all targets")
    axes.set_ylim(bottom=0)
    return with_legend(figure, axes, beside=True)


def accuracy_over_targets(study: Study, style: Style) -> Figure | None:
    """Draw predicted accuracy over the targets, a line for each strategy (mean over repeats, bars one std).

    The best known is dotted. None if no target is feasible.
    """
    tables = {entry.name: entry.accuracy for entry in study.entries}
    return _over_targets(study, style, tables, "predicted accuracy (%)", best=True)


def regret_over_targets(study: Study, style: Style) -> Figure | None:
    """Draw regret over the targets, a line for each strategy (mean over repeats, bars one std).

    None unless all records were compared with one frontier.
    """
    if not best_known(study):
        return None
    tables = {entry.name: entry.regret for entry in study.entries}
    figure = _over_targets(study, style, tables, "regret (points of predicted accuracy)", aside=True)
    if figure is not None:
        figure.axes[0].axhline(0, color="black", lw=0.8, zorder=0.5)
    return figure


def seconds_over_target(study: Study, style: Style) -> Figure | None:
    """Draw the time of each target's search, a line for each strategy (mean over repeats, bars one std).

    Searches for several targets have no time of a target, and are left out. None if nothing is left, or times are not
    compared.
    """
    kept = [entry for entry in study.entries if not entry.shared]
    if not kept or study.untimed:
        return None
    tables = {entry.name: entry.target_seconds for entry in kept}
    return _over_targets(study, style, tables, "seconds of one target's search", aside=True, wide=True)


def fronts(study: Study, style: Style) -> Figure | None:
    """Draw cost and predicted accuracy of the winners of all repeats, and the best known at each cost as steps.

    Without the frontier's file, a step is the best known within the next target. None if no target is feasible.
    """
    costs = [cost for entry in study.entries for cost in entry.cost.ravel().tolist() if math.isfinite(cost)]
    if not costs:
        return None
    figure, axes = figure_of(study)
    least, most = min(costs), max([*costs, *best_known(study)])
    steps = frontier_between(study, least, most) or bounds(study, least)
    if steps is not None:
        axes.step(*steps, where="post", color="black", lw=1.0, ls="-", zorder=1, label="best known")
    for entry in study.entries:
        look = style.look(entry.name)
        draw_points(axes, entry.cost.ravel(), entry.accuracy.ravel(), look, wrapped(entry.name), size=4.5)
    axes.set_xlabel(f"{study.cost_name} ({study.unit})")
    axes.set_ylabel("predicted accuracy (%)")
    return with_legend(figure, axes)


def _over_targets(
    study: Study,
    style: Style,
    tables: Mapping[str, Floats],
    label: str,
    *,
    best: bool = False,
    aside: bool = False,
    wide: bool = False,
) -> Figure | None:
    """Draw tables (float64 [repeats, targets] each) over the targets."""
    tables = {name: table for name, table in tables.items() if np.isfinite(table).any()}
    if not tables:
        return None
    figure, axes = figure_of(study)
    alone = float(study.targets[0]) if len(set(study.targets.tolist())) == 1 else None
    gap = least_gap(study.targets) if alone is None else 0.5
    spread = {name: mean_std(table) for name, table in tables.items()}
    for place, (name, (means, stds)) in enumerate(spread.items()):
        shift = aside_by(place, len(tables), gap) if aside or alone is not None else 0.0
        draw_line(axes, study.targets, means, stds, style.look(name), name, shift)
    known = best_known(study) if best else {}
    if known:
        at, percent = list(known), list(known.values())
        black: dict[str, Any] = {"color": "black", "ls": ":", "lw": 1.4, "zorder": 5, "label": "best known"}
        _ = axes.plot(at, percent, **black) if len(at) > 1 else axes.axhline(percent[0], **black)
    if alone is not None:
        axes.set_xlim(alone - 0.5, alone + 0.5)
        axes.set_xticks([alone], [f"{alone:g}"])
    axes.set_xlabel(f"target ({study.unit})")
    axes.set_ylabel(label)
    if wide:
        logarithmic_if_wide(axes, np.concatenate([means for means, _ in spread.values()]).tolist())
    return with_legend(figure, axes)


def _over_numbers(family: Sequence[Study], values: Callable[[Entry], Floats]) -> dict[str, dict[int, Floats]] | None:
    """Collect values (float64 [repeats]) by name and number of targets; None for fewer than two numbers."""
    if len({len(study.targets) for study in family}) < 2:
        return None
    found: dict[str, dict[int, Floats]] = {}
    for study in _first_targets(family):
        for entry in study.entries:
            of, k = found.setdefault(entry.name, {}), len(study.targets)
            of[k] = np.concatenate([of.get(k, np.empty(0)), values(entry)])
    return found


def _first_targets(family: Sequence[Study]) -> list[Study]:
    """Return, for each number of targets, the study of the longest list's first targets, or else all studies."""
    longest = max(family, key=lambda study: len(study.targets)).targets.tolist()
    first = {id(study) for study in family if study.targets.tolist() == longest[: len(study.targets)]}
    numbers = {len(study.targets) for study in family if id(study) in first}
    return [study for study in family if id(study) in first or len(study.targets) not in numbers]


def _by_number(of: Mapping[int, Floats]) -> tuple[Floats, Floats, Floats]:
    """Return numbers of targets, means and standard deviations: float64 [n] each."""
    means, stds = zip(*(mean_std(of[k]) for k in sorted(of)), strict=True)
    return np.array(sorted(of), np.float64), np.array(means, np.float64), np.array(stds, np.float64)


def _generations(entry: Entry) -> Floats:
    """Return the generations of each repeat: float64 [repeats]; those that several targets share count once."""
    sums = [sum(one.generations / one.shared for one in results) for results in entry.repeats]
    return np.array(sums, np.float64)
