"""What a person reads at the end: a table of what each strategy found for each target, and what it took."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ofa_bench.results.costs import cost_name, describe_costs
from ofa_bench.results.labels import heading, labels
from ofa_bench.results.records import Record
from ofa_bench.results.regret import excess_notes, format_ratio, format_regret
from ofa_bench.results.unlabelled import MARK, is_marked
from ofa_bench.results.unlabelled import notes as unlabelled_notes

__all__ = ["Row", "markdown", "print_tables", "rows", "timing", "totals"]

MOST_TARGETS = 20
"""Of more targets than this, as many are printed, evenly chosen."""

COMPARED = ("regret", "within 0.1", "hypervolume")
"""Columns where there is a best-known frontier to compare with."""

WIDEST = 400
"""A file's lines are at most this wide."""

SPACE = "\N{NO-BREAK SPACE}"
"""Numbers and their units stay on one line."""

COLUMNS = ("accuracy", "cost", "seconds", "evaluations", "unique_evaluations")


@dataclass(frozen=True)
class Row:
    """Means over the repeats for one strategy and one target (or, as a total, over all targets).

    ``accuracy`` is a fraction of 1 with its standard deviation over repeats, None where the target is infeasible.
    ``target`` and ``cost`` are in ``unit``.

    Where a best-known frontier was there to compare with, ``regret`` is the mean (a fraction of 1), ``near`` says how
    many of ``compared`` came within 0.1 points of the best known: of the repeats or, in a total, of the targets (mean
    over repeats); ``evaluations_near`` and ``seconds_near`` how many evaluations and seconds that took those that did.
    ``hypervolume_ratio`` is a total's. ``unlabelled`` says that an architecture has a choice that no label of the
    predictor had.
    """

    strategy: str
    target: float | None
    unit: str
    accuracy: float | None
    accuracy_std: float
    cost: float
    seconds: float
    evaluations: float
    unique_evaluations: float
    regret: float | None = None
    near: float = 0.0
    compared: int = 0
    evaluations_near: float | None = None
    seconds_near: float | None = None
    hypervolume_ratio: float | None = None
    unlabelled: bool = False


def rows(record: Record) -> list[Row]:
    """Give one row a target, in the order of the record's targets."""
    return [
        _row(record, target, [repeat["results"][i] for repeat in record["repeats"]])
        for i, target in enumerate(record["targets"])
    ]


def _row(record: Record, target: float, results: Sequence[Record]) -> Row:
    accuracies = [result["accuracy"] for result in results if result["feasible"]]
    mean: dict[str, Any] = {key: float(np.mean([result[key] for result in results])) for key in COLUMNS[1:]}
    return Row(
        record["choices"]["strategy"],
        target,
        record["unit"],
        float(np.mean(accuracies)) if accuracies else None,
        float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0,
        **mean,
        **_compared(results),
        unlabelled=is_marked(results),
    )


def _compared(results: Sequence[Record]) -> dict[str, Any]:
    """Give what a frontier says of results; records from before there were any say nothing."""
    regrets = [result["regret"] for result in results if result.get("regret") is not None]
    near = [result for result in results if result.get("evaluations_within") is not None]
    return {
        "regret": _mean(regrets),
        "near": len(near),
        "compared": len(regrets),
        "evaluations_near": _mean([result["evaluations_within"] for result in near]),
        "seconds_near": _mean([result["seconds_within"] for result in near]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def totals(record: Record) -> Row:
    """Give mean accuracy and cost over feasible targets, and the mean over repeats of all seconds and evaluations."""
    means = [[result["accuracy"] for result in repeat["results"] if result["feasible"]] for repeat in record["repeats"]]
    accuracy = [float(np.mean(values)) for values in means if values]
    sums: dict[str, Any] = {
        key: float(np.mean([sum(result[key] for result in repeat["results"]) for repeat in record["repeats"]]))
        for key in ("evaluations", "unique_evaluations")
    }
    results = [result for repeat in record["repeats"] for result in repeat["results"]]
    compared = _compared(results)
    n = len(record["repeats"])
    ratios = [ratio for repeat in record["repeats"] if (ratio := repeat.get("hypervolume_ratio")) is not None]
    return Row(
        strategy=record["choices"]["strategy"],
        target=None,
        unit=record["unit"],
        accuracy=float(np.mean(accuracy)) if accuracy else None,
        accuracy_std=float(np.std(accuracy, ddof=1)) if len(accuracy) > 1 else 0.0,
        cost=float(np.mean([row.cost for row in rows(record) if row.accuracy is not None] or np.nan)),
        seconds=float(np.mean([repeat["seconds"] for repeat in record["repeats"]])),
        **sums,
        **compared | {"near": compared["near"] / n, "compared": compared["compared"] // n},
        hypervolume_ratio=_mean(ratios),
        unlabelled=is_marked(results),
    )


def markdown(named: Mapping[str, Row], most: int | None = None, cost: str = "cost") -> str:
    """Write rows as a Markdown table, each behind its name; their units may differ. ``cost`` heads the costs.

    Rows that would make it longer than so many letters are left out, and it is said how many.
    """
    compared = COMPARED if any(row.compared for row in named.values()) else ()
    heads = ["", *_heads(cost, compared)]
    cells = [[cell.replace(" ", SPACE) for cell in _cells(row, compared, f" {row.unit}")] for row in named.values()]
    lines = [[name, *row] for name, row in zip(named, cells, strict=True)]
    gap = f"{2 * SPACE} | "  # MLflow's pages draw tables without space between columns
    rule = "|".join(["---", *["---:"] * (len(heads) - 1)])
    written = [gap.join(heads), rule, *(gap.join(line) for line in lines)]
    lengths = list(accumulate(len(line) + 1 for line in written))
    kept = len(written) if most is None or lengths[-1] <= most else sum(length + 60 <= most for length in lengths)
    more = [f"\n{len(written) - kept} more rows are in results.csv."] if kept < len(written) else []
    notes = "\n\n".join(_excess(list(named.values())[: max(0, kept - 2)], compared))
    text = "\n".join([*written[:kept], *more])
    return f"{text}\n\n{notes}" if notes and (most is None or len(text) + len(notes) + 2 <= most) else text


def print_tables(records: Iterable[Record], console: Console) -> None:
    """Print one table for each space, device, predictor and list of targets: rows differ in how these are searched."""

    def key(record: Record) -> tuple[str, ...]:
        groups = ("space", "device", "predictor")
        built = [record["config"].get(group) for group in groups]  # with overrides, such as a guard band
        return (*(record["choices"][group] for group in groups), json.dumps([built, record["targets"]], sort_keys=True))

    together = [list(group) for _, group in groupby(sorted(records, key=key), key=key)]
    for group in together:
        console.print(heading(group), style="italic", soft_wrap=True, highlight=False)
        console.print(_fitting(group, console))
        for text in unlabelled_notes(labels(group), group):
            console.print(text, style="yellow", soft_wrap=True, highlight=False, markup=False)
    note = "Accuracy is predicted; in row all, accuracy, regret and cost are means over targets, and the rest are sums."
    if any(record.get("frontier") for group in together for record in group):
        note += (
            " Regret: mean of points below the best known accuracy. Within 0.1: evaluations needed to come within 0.1 "
            "points of it, or how many repeats did; in row all, how many targets. Hypervolume: as a share of that of "
            "the best known networks."
        )
    console.print(note, style="dim italic", soft_wrap=True, highlight=False)


def _fitting(records: Sequence[Record], console: Console) -> Table:
    """Make a table that fits a terminal, if need be without columns; a file is made as wide as the table."""
    compared = COMPARED if any(record.get("frontier") for record in records) else ()
    for columns in (compared, compared[:1], ()):
        table = _table(records, columns)
        width = console.measure(table, options=console.options.update(width=WIDEST)).maximum
        if width <= console.width:
            return table
        if not console.is_terminal:
            console.width = width
            return table
    return table


def _table(records: Sequence[Record], compared: Sequence[str]) -> Table:
    unit, n_targets, named = records[0]["unit"], len(records[0]["targets"]), labels(records)
    table = Table(caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    notes = [_averaged(records), describe_costs(records[0]), timing(records)]
    if len({(record.get("frontier") or {}).get("sha256") for record in records}) > 1:
        notes.append("Not all were compared with the same best-known frontier, so do not compare their regret.")
    lines = [[totals(record) for record in records]]
    by_target = sorted(zip(*(rows(record) for record in records), strict=True), key=lambda r: r[0].target or 0.0)
    if n_targets > MOST_TARGETS:
        chosen = np.linspace(0, n_targets - 1, MOST_TARGETS).round().astype(int).tolist()
        by_target = [by_target[place] for place in chosen]
        notes.append(f"{MOST_TARGETS} of {n_targets} targets, evenly chosen; python -m ofa_bench.show has all.")
    lines = [*map(list, by_target), *lines]
    notes += _excess((row for line in lines for row in line), compared)
    table.caption = " ".join(note for note in notes if note) or None
    for name in (unit, "strategy", *_heads(f"{cost_name(records[0])} {unit}", compared)):
        table.add_column(name, justify="left" if name == "strategy" else "right", no_wrap=True)
    for several in lines:
        target = several[0].target
        for i, (row, label) in enumerate(zip(several, named, strict=True)):
            first = "" if i else "all" if target is None else f"{target:g}"
            table.add_row(first, label, *_cells(row, compared), end_section=1 < len(several) == i + 1)
    return table


def _averaged(records: Sequence[Record]) -> str:
    """Say over how many repeats means are."""
    repeats = sorted({len(record["repeats"]) for record in records})
    if repeats == [1]:
        return ""
    return f"Means (± standard deviation) over {' or '.join(map(str, repeats))} repeats."


def timing(records: Sequence[Record]) -> str:
    """Say how seconds were taken, and whether those of different records may be compared."""
    made = [record["made"] for record in records]
    ways = {(bool(one.get("lockstep")), one["threads"], bool(one.get("compiled"))) for one in made}
    said = [
        f"{'searches advanced together' if lockstep else 'one search after another'}, on "
        f"{'1 core' if threads == 1 else f'up to {threads} cores'}{'' if compiled else ', loops not compiled'}"
        for lockstep, threads, compiled in sorted(ways)
    ]
    if len(said) > 1:
        return f"Seconds were not all taken in the same way, so do not compare them ({'; '.join(said)})."
    return f"Seconds: {said[0]}."


def _heads(cost: str, compared: Sequence[str]) -> list[str]:
    return ["accuracy %", *compared, cost, "seconds", "evaluations", "unique"]


def _cells(row: Row, compared: Sequence[str], unit: str = "") -> list[str]:
    """Write a row's numbers under ``_heads``."""
    accuracy = "infeasible" if row.accuracy is None else f"{100 * row.accuracy:.2f}"
    if row.accuracy_std:
        accuracy += f" ± {100 * row.accuracy_std:.2f}"
    if row.unlabelled and row.accuracy is not None:
        accuracy += MARK
    return [
        accuracy,
        *(_regret(row), _near(row), format_ratio(row.hypervolume_ratio))[: len(compared)],
        f"{row.cost:.2f}{unit}",
        f"{row.seconds:.2f}",
        f"{row.evaluations:,.0f}",
        f"{row.unique_evaluations:,.0f}",
    ]


def _regret(row: Row) -> str:
    return format_regret(None if row.regret is None else 100 * row.regret)


def _excess(rows: Iterable[Row], compared: Sequence[str]) -> list[str]:
    """Return notes for rows of which regret and hypervolume are shown as far as ``compared`` says."""
    shown = list(rows)
    ratios = [format_ratio(row.hypervolume_ratio) for row in shown] if "hypervolume" in compared else []
    return excess_notes([_regret(row) for row in shown] if compared else [], ratios)


def _near(row: Row) -> str:
    """Say how soon the search of a target came near the best known, or how many searches did."""
    if not row.compared:
        return ""
    if row.target is not None and row.evaluations_near is not None and row.near == row.compared:
        return f"{row.evaluations_near:,.0f}"
    return f"{row.near:.3g} of {row.compared}" if row.near or row.target is None else "never"
