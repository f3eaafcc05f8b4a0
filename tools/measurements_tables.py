"""Tables of the study of measurements: what is reached, with how many measurements, differences and seconds."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from intervals import interval_cell
from measurements import REFERENCE, SETTINGS, STRATEGIES, Reached, Setting, found
from numpy.typing import NDArray

from ofa_bench.analysis.paper.differences import differs
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.summary import difference
from ofa_bench.records.tables import Table, markdown

__all__ = [
    "differences", "least", "levels", "made", "measurements_summary", "needed", "numbers", "official", "reached",
    "score", "score_cell", "seconds", "settings", "tested", "vanilla",
]  # fmt: skip

Floats = NDArray[np.float64]

LEVEL = 82.6
"""A mean true accuracy to reach, percent, besides ``vanilla``'s."""

SUMMARY = (200, 500, 1500, 16000)
TIMED = SETTINGS[2]
"""The setting whose seconds are shown."""


@cache
def vanilla() -> tuple[float, int]:
    """Return the mean accuracy of ``vanilla`` by the official predictor on mbv3, percent, and its evaluations."""
    cells = json.loads((Path(__file__).parents[1] / "benchmarks" / "strategies.json").read_text())["cells"]
    wanted = {"space": "mbv3", "strategy": "vanilla", "k": 10, "n": 500, "device": "note10", "predictor": "official"}
    [cell] = [cell for cell in cells if all(cell[key] == value for key, value in wanted.items())]
    return cell["accuracy"]["mean"], int(cell["evaluations"]["mean"])


def levels() -> tuple[float, float]:
    """Return the accuracies to reach on mbv3 by the official predictor, percent: ``LEVEL`` and ``vanilla``'s."""
    return LEVEL, round(vanilla()[0], 2)


def settings() -> list[Setting]:
    """Return the settings that were searched."""
    return [one for one in SETTINGS if any(key[0] == one for key in found())]


def numbers(setting: Setting) -> list[int]:
    """Return the evaluations that some strategy was asked for, ascending."""
    return sorted({asked for one, _, asked in found() if one == setting})


def score(setting: Setting, one: Reached) -> Floats:
    """Return the true regret by repeat in points where it is known, otherwise the true accuracy in percent."""
    return setting.optimum - one.true if setting.known else one.true


def score_cell(setting: Setting, name: str, asked: int) -> str:
    """Return the mean score with its interval, and the number of repeats where others have more."""
    one = found().get((setting, name, asked))
    if one is None:
        return ""
    if one.missed:
        return f"targets missed: {one.missed}"
    most = max(len(other.keys) for (at, *_), other in found().items() if at == setting)
    fewer = f" (n={len(one.keys)})" if len(one.keys) < most else ""
    return interval_cell(score(setting, one), 3 if setting.known else 2) + fewer


def _by_strategy(setting: Setting, asked: list[int]) -> str:
    rows = [(f"`{name}`", *(score_cell(setting, name, number) for number in asked)) for name in STRATEGIES]
    heads = ("strategy", *(f"{number:,}" for number in asked))
    return markdown(Table("", heads, tuple(row for row in rows if any(row[1:]))))


def reached() -> str:
    """Return the mean true accuracy, or regret, by strategy and evaluations, a table for each setting."""
    parts = []
    for setting in settings():
        what = "true regret, points" if setting.known else "true accuracy, %"
        parts.append(f"**{setting.title}** ({what})\n\n{_by_strategy(setting, numbers(setting))}")
    return "\n\n".join(parts)


def made() -> str:
    """Return the mean measurements that were made, where they are fewer than the evaluations asked for."""
    rows, asked = [], sorted({number for setting in settings() for number in numbers(setting)})
    for setting in settings():
        for name in STRATEGIES:
            several = {number: one for number in asked if (one := found().get((setting, name, number)))}
            if any(one.measurements < 0.995 * number for number, one in several.items()):
                cells = [f"{several[number].measurements:,.0f}" if number in several else "" for number in asked]
                rows.append((setting.title, f"`{name}`", *cells))
    heads = ("setting", "strategy", *(f"{number:,}" for number in asked))
    return markdown(Table("", heads, tuple(rows), left=2))


def tested(setting: Setting, asked: int) -> Mapping[str, Paired]:
    """Return strategies less ``REFERENCE`` in true accuracy, points, over the same seeds and repeats."""
    base = found().get((setting, REFERENCE, asked))
    if base is None or base.missed:
        return {}
    several = {name: one for name in STRATEGIES if (one := found().get((setting, name, asked)))}
    values = {name: one.true for name, one in several.items() if one.keys == base.keys and not one.missed}
    return {one.name: one for one in paired(values, REFERENCE)}


def differences() -> str:
    """Return what each strategy reaches less ``REFERENCE``; bold if the difference is significant (Holm)."""
    rows, asked = [], sorted({number for setting in settings() for number in numbers(setting)})
    for setting in settings():
        tests = {number: tested(setting, number) for number in asked}
        for name in STRATEGIES[1:]:
            cells = [_difference(tests[number].get(name)) for number in asked]
            if any(cells):
                rows.append((setting.title, f"`{name}`", *cells))
    heads = ("setting", "strategy", *(f"{number:,}" for number in asked))
    return markdown(Table("", heads, tuple(rows), left=2))


def _difference(one: Paired | None) -> str:
    text = difference(one)
    return f"**{text}**" if one and text and differs(one) else text


def least(setting: Setting, name: str, level: float) -> int | None:
    """Return the least evaluations, of those asked for, with a mean true accuracy of the level, None if none has."""
    means = {asked: one.true.mean() for (at, other, asked), one in found().items() if (at, other) == (setting, name)}
    return min((asked for asked, mean in means.items() if round(mean, 2) >= level), default=None)


def official() -> list[Setting]:
    """Return the settings whose truth is the official predictor."""
    return [one for one in settings() if one.truth == "official"]


def needed() -> str:
    """Return by strategy the least evaluations, of those asked for, whose mean is at a level."""
    columns = [(setting, level) for setting in official() for level in levels()]
    rows = []
    for name in STRATEGIES:
        found_at = [least(setting, name, level) for setting, level in columns]
        if any((setting, name) == key[:2] for setting, _ in columns for key in found()):
            rows.append((f"`{name}`", *("not reached" if one is None else f"{one:,}" for one in found_at)))
    heads = ("strategy", *(f"{level:.2f} %, noise {setting.noise}" for setting, level in columns))
    return markdown(Table("", heads, tuple(rows)))


def seconds() -> str:
    """Return the mean seconds of a search of all targets by strategy and evaluations."""
    asked, rows = numbers(TIMED), []
    for name in STRATEGIES:
        several = [found().get((TIMED, name, number)) for number in asked]
        if any(several):
            rows.append((f"`{name}`", *(f"{one.seconds:,.2g}" if one else "" for one in several)))
    return markdown(Table("", ("strategy", *(f"{number:,}" for number in asked)), tuple(rows)))


def measurements_summary() -> str:
    """Return the mean true accuracy on mbv3 by the official predictor, without noise and with the most."""
    shown = [one for one in official() if one.noise in ("0", "0.3")]
    columns = [(one, number) for one in shown for number in SUMMARY if number in numbers(one)]
    rows = [(f"`{name}`", *(score_cell(setting, name, number) for setting, number in columns)) for name in STRATEGIES]
    heads = ("strategy", *(f"{number:,}, noise {setting.noise}" for setting, number in columns))
    return markdown(Table("", heads, tuple(row for row in rows if any(row[1:]))))
