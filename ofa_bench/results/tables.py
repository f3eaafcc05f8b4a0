"""What a person reads at the end: a table of what each strategy found for each target, and what it took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ofa_bench.results.records import Record

__all__ = ["Row", "markdown", "print_tables", "rows", "timing", "totals"]

MOST_TARGETS = 20
"""With more targets than this, only the totals are printed."""

COLUMNS = ("accuracy", "cost", "seconds", "evaluations", "unique_evaluations")


@dataclass(frozen=True)
class Row:
    """Means over the repeats for one strategy and one target (or, as a total, over all targets).

    ``accuracy`` is a fraction of 1 with its standard deviation over repeats, None where the target is infeasible.
    ``target`` and ``cost`` are in ``unit``.
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


def rows(record: Record) -> list[Row]:
    """Give one row a target, in the order of the record's targets."""
    return [
        _row(record, target, [repeat["results"][i] for repeat in record["repeats"]])
        for i, target in enumerate(record["targets"])
    ]


def _row(record: Record, target: float, results: Sequence[Record]) -> Row:
    accuracies = [result["accuracy"] for result in results if result["feasible"]]
    mean = {key: float(np.mean([result[key] for result in results])) for key in COLUMNS[1:]}
    return Row(
        record["choices"]["strategy"],
        target,
        record["unit"],
        float(np.mean(accuracies)) if accuracies else None,
        float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0,
        **mean,
    )


def totals(record: Record) -> Row:
    """Give mean accuracy and cost over feasible targets, and the mean over repeats of all seconds and evaluations."""
    means = [[result["accuracy"] for result in repeat["results"] if result["feasible"]] for repeat in record["repeats"]]
    accuracy = [float(np.mean(values)) for values in means if values]
    sums = {
        key: float(np.mean([sum(result[key] for result in repeat["results"]) for repeat in record["repeats"]]))
        for key in ("evaluations", "unique_evaluations")
    }
    return Row(
        strategy=record["choices"]["strategy"],
        target=None,
        unit=record["unit"],
        accuracy=float(np.mean(accuracy)) if accuracy else None,
        accuracy_std=float(np.std(accuracy, ddof=1)) if len(accuracy) > 1 else 0.0,
        cost=float(np.mean([row.cost for row in rows(record) if row.accuracy is not None] or np.nan)),
        seconds=float(np.mean([repeat["seconds"] for repeat in record["repeats"]])),
        **sums,
    )


def markdown(named: Mapping[str, Row]) -> str:
    """Write rows as a Markdown table, each behind its name; their units may differ."""
    heads = ["", "accuracy %", "cost", "seconds", "evaluations", "unique"]
    lines = [[name, *_cells(row, f" {row.unit}")[1:]] for name, row in named.items()]
    gap = " &nbsp; | "  # MLflow's pages draw tables without space between columns
    return "\n".join([gap.join(heads), "|".join(["---", *["---:"] * 5]), *(gap.join(line) for line in lines)])


def print_tables(records: Iterable[Record], console: Console) -> None:
    """Print one table for each set of records that can be compared: equal but for the strategy."""

    def key(record: Record) -> tuple[str, ...]:
        last = record["address"].rsplit("/", 1)[-1]
        return (*(record["choices"][g] for g in ("space", "device", "predictor", "budget", "targets")), last)

    for names, group in groupby(sorted(records, key=key), key=key):
        console.print(" / ".join(names), style="italic", soft_wrap=True, highlight=False)
        console.print(_table(list(group)))
    note = "Accuracy is predicted; in row all, accuracy and cost are means and the rest are sums over targets."
    console.print(note, style="dim italic", soft_wrap=True, highlight=False)


def _table(records: Sequence[Record]) -> Table:
    unit, repeats, n_targets = records[0]["unit"], len(records[0]["repeats"]), len(records[0]["targets"])
    table = Table(caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    notes = [f"Means (± standard deviation) over {repeats} repeats."] if repeats > 1 else []
    notes.append(timing(records))
    if n_targets > MOST_TARGETS:
        notes.append(f"The rows of the {n_targets} targets are in the records.")
    table.caption = " ".join(notes) or None
    for heading in (unit, "strategy", "accuracy %", f"cost {unit}", "seconds", "evaluations", "unique"):
        table.add_column(heading, justify="left" if heading == "strategy" else "right", no_wrap=True)
    if n_targets <= MOST_TARGETS:
        by_target = zip(*(rows(record) for record in records), strict=True)
        for several in sorted(by_target, key=lambda r: r[0].target or 0.0):
            _add(table, f"{several[0].target:g}", several)
    _add(table, "all", [totals(record) for record in records])
    return table


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


def _add(table: Table, name: str, several: Sequence[Row]) -> None:
    for i, row in enumerate(several):
        last = i == len(several) - 1
        table.add_row("" if i else name, *_cells(row), end_section=last and len(several) > 1)


def _cells(row: Row, unit: str = "") -> list[str]:
    accuracy = "infeasible" if row.accuracy is None else f"{100 * row.accuracy:.2f}"
    if row.accuracy_std:
        accuracy += f" ± {100 * row.accuracy_std:.2f}"
    return [
        row.strategy,
        accuracy,
        f"{row.cost:.2f}{unit}",
        f"{row.seconds:.2f}",
        f"{row.evaluations:,.0f}",
        f"{row.unique_evaluations:,.0f}",
    ]
