"""Writes and reads ``benchmarks/studies/fleet.csv.gz``: what strategies find for several devices; and its tables.

``ofa_bench -m experiment=fleet predictor=measured output=FOLDER``, the same with ``predictor=official``, then
``python tools/fleet_study.py FOLDER``, which writes a row for each device and repeat.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from intervals import interval_cell
from numpy.typing import NDArray
from study_files import write_study

from ofa_bench.analysis.judging import Judgement, judge_records
from ofa_bench.records.gather import from_folders
from ofa_bench.records.model import Record
from ofa_bench.records.tables import Table, markdown

__all__ = ["FILE", "fleet_devices", "fleet_headline", "fleet_savings", "fleet_strategies", "main", "rows_of"]

Floats = NDArray[np.float64]

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "fleet.csv.gz"

COLUMNS = (
    "guide",
    "strategy",
    "asked",
    "device",
    "repeat",
    "accuracy",
    "judged",
    "evaluations",
    "generations",
    "seconds",
)
CELL, REPEAT = ["guide", "strategy", "asked"], ["guide", "strategy", "asked", "device", "repeat"]

ALONE, TUNED, TOGETHER = "joint, each device alone", "joint, each device alone, noise 0.1", "joint, all together"
ACROSS = ("similarity", "given", "random")
DEFAULT = 0.25
"""The default of ``joint``'s ``noise``."""

FULL, CONTROL = 500, "vanilla, generations as across"
STRATEGIES = (
    "vanilla", CONTROL, "top_down", "bottom_up",
    *(f"{name}, across ({order})" for name in ("top_down", "bottom_up") for order in ACROSS),
    ALONE, TUNED, TOGETHER, "proxy",
)  # fmt: skip


def label(record: Record) -> tuple[str, int]:
    """Return the name of what was searched how, and the evaluations that were asked for; 0 where generations are."""
    strategy, name = record.config["strategy"], record.choices.strategy
    if name == "joint":
        alone = ALONE if strategy["noise"] == DEFAULT else TUNED
        return (TOGETHER if "fleet" in record.config else alone), strategy["evaluations"]
    if name == "proxy":
        return name, strategy["inner"]["evaluations"]
    if name == "vanilla" and record.budget.generations != FULL:
        return CONTROL, 0
    return (f"{name}, across ({strategy['across']})" if strategy.get("across") else name), 0


def rows_of(record: Record, judgements: Sequence[Judgement]) -> list[tuple[object, ...]]:
    """Return a row for each repeat: mean accuracies over targets in percent, and sums over targets."""
    rows = []
    for i, repeat in enumerate(record.repeats):
        accuracy = 100 * np.mean([one.accuracy or np.nan for one in repeat.results])
        judged = np.mean([one.accuracy[i].mean() for one in judgements]) if judgements else np.nan
        sums = [sum(getattr(one, key) for one in repeat.results) for key in ("evaluations", "generations")]
        rows.append(
            (record.choices.predictor, *label(record), record.choices.device, repeat.repeat, f"{accuracy:.4f}",
             f"{judged:.4f}" if judged == judged else "", *sums, f"{repeat.seconds:.3g}")
        )  # fmt: skip
    return rows


@cache
def found() -> pd.DataFrame:
    """Return the study, a row for each device and repeat.

    Raises:
        FileNotFoundError: there is no study.
    """
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE.parent.name}/{FILE.name}")
    return pd.read_csv(FILE)


def _by_repeat(guide: str, column: str) -> dict[tuple[str, int], Floats]:
    """Return the means over devices of each repeat by strategy and evaluations asked for: float64 [repeats] each."""
    table = found()
    table = table[table["guide"] == guide]
    means = table.groupby([*CELL[1:], "repeat"])[column].mean()
    keys = dict.fromkeys(zip(table["strategy"], table["asked"], strict=True))
    ordered = sorted(keys, key=lambda key: (STRATEGIES.index(key[0]), key[1]))
    return {key: means.loc[key].to_numpy(np.float64) for key in ordered}


def _guides() -> list[str]:
    return sorted(set(found()["guide"]))


def fleet_strategies() -> str:
    """Return what strategies reach on the whole fleet, and what they cost, by guide."""
    parts = []
    for guide in _guides():
        table = found()[found()["guide"] == guide]
        devices = table["device"].nunique()
        sums = table.groupby([*CELL[1:], "repeat"])[["evaluations", "generations", "seconds"]].sum()
        accuracy, judged = _by_repeat(guide, "accuracy"), _by_repeat(guide, "judged")
        rows = []
        for (name, asked), values in accuracy.items():
            less = interval_cell(values - accuracy["vanilla", 0], 3)
            evaluations, generations, seconds = sums.loc[(name, asked)].mean()
            title = f"`{name}`" if ", " not in name else f"`{name.split(', ')[0]}`, {name.split(', ', 1)[1]}"
            rows.append(
                (title, f"{evaluations:,.0f}", f"{generations:,.0f}" if not asked else "", f"{seconds:.3g}",
                 interval_cell(values, 3), less if name != "vanilla" else "", _judged(judged[name, asked]))
            )  # fmt: skip
        heads = (
            "strategy", "evaluations", "generations", "seconds", "accuracy %", "less `vanilla`", "judged %",
        )  # fmt: skip
        title = f"**Guide `{guide}`**: {devices} devices, {devices * 10} targets"
        parts.append(f"{title}\n\n{markdown(Table('', heads, tuple(rows)))}")
    return "\n\n".join(parts)


def fleet_headline() -> str:
    """Return what the README has of the study: one search for all devices beside one for each target."""
    guide, asked = "measured", 3000
    table = found()[found()["guide"] == guide]
    devices = table["device"].nunique()
    accuracy = _by_repeat(guide, "accuracy")
    less = interval_cell(accuracy[TOGETHER, asked] - accuracy["vanilla", 0], 3)
    each = table[table["strategy"] == "vanilla"].groupby("repeat")["evaluations"].sum().mean()
    return (
        f"**A fleet in one search.** For {devices} devices with ten targets each, `joint` makes {asked:,} evaluations "
        f"in all and finds {less} points more than `vanilla` with {each:,.0f} (predicted by the guide, `{guide}`)."
    )


def _judged(values: Floats) -> str:
    return interval_cell(values, 3) if np.isfinite(values).all() else ""


def fleet_devices() -> str:
    """Return the mean accuracy on each device, of the guide that is the default of the space."""
    table = found()[found()["guide"] == "measured"]
    devices = list(dict.fromkeys(table["device"]))
    rows = []
    for name, asked in _by_repeat("measured", "accuracy"):
        part = table[(table["strategy"] == name) & (table["asked"] == asked)]
        cells = [interval_cell(part[part["device"] == one]["accuracy"].to_numpy(np.float64), 2) for one in devices]
        title = f"`{name}`" if ", " not in name else f"`{name.split(', ')[0]}`, {name.split(', ', 1)[1]}"
        rows.append((f"{title}{f', {asked:,}' if asked else ''}", *cells))
    return markdown(Table("", ("strategy", *(f"`{one}`" for one in devices)), tuple(rows)))


def fleet_savings() -> str:
    """Return how many evaluations separate searches take, to be as good as one of all devices together."""
    rows = []
    for guide in _guides():
        means = {key: values.mean() for key, values in _by_repeat(guide, "accuracy").items()}
        devices = found()[found()["guide"] == guide]["device"].nunique()
        for (name, asked), mean in means.items():
            if name == TOGETHER:
                equal = [_equal(means, one, devices, mean, asked) for one in (ALONE, TUNED)]
                rows.append((f"`{guide}`", f"{asked:,}", f"{mean:.3f}", *equal))
    heads = ("guide", "all together", "accuracy %", "each alone, for the same", "each alone, `noise=0.1`")
    return markdown(Table("", heads, tuple(rows)))


def _equal(means: Mapping[tuple[str, int], float], name: str, devices: int, mean: float, asked: int) -> str:
    """Return the evaluations of separate searches for a mean accuracy, and as a multiple of ``asked``."""
    alone = sorted((mean, devices * number) for (one, number), mean in means.items() if one == name)
    if not alone:
        return ""
    if not alone[0][0] <= mean <= alone[-1][0]:
        return f"{'fewer' if mean < alone[0][0] else 'more'} than {alone[0 if mean < alone[0][0] else -1][1]:,}"
    needed = float(np.exp(np.interp(mean, [one for one, _ in alone], np.log([number for _, number in alone]))))
    return f"{needed:,.0f} ({needed / asked:.1f} times)"


def main(folder: str) -> None:
    """Write the file from the records in a folder.

    Raises:
        ValueError: two records are of the same guide, strategy, evaluations, device and repeat.
    """
    records = from_folders([Path(folder)]).records
    judgements = judge_records(records, official=False)
    rows = [row for record in records for row in rows_of(record, judgements.get(id(record), ()))]
    write_study(FILE, rows, COLUMNS, REPEAT)


if __name__ == "__main__":
    main(sys.argv[1])
