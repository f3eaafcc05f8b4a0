"""What a person reads at the end: a table of what each strategy found for each target, and what it took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from ofa_bench.records.record import Record
from ofa_bench.records.regret import excess_notes, format_ratio, format_regret
from ofa_bench.records.unlabelled import MARK, is_marked

__all__ = ["COMPARED", "Row", "cells", "excess_of_rows", "heads", "markdown", "rows", "timing", "totals"]


COMPARED = ("regret", "within 0.1", "hypervolume")
"""Columns where there is a best-known frontier to compare with."""


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
    """Return one row a target, in the order of the record's targets."""
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
    """Return what a frontier says of results; records from before there were any say nothing."""
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
    """Return mean accuracy and cost over feasible targets, and the mean over repeats of all seconds and evaluations."""
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

    Rows that would make it longer than so many characters are left out, and it is said how many.
    """
    compared = COMPARED if any(row.compared for row in named.values()) else ()
    names = ["", *heads(cost, compared)]
    texts = [[cell.replace(" ", SPACE) for cell in cells(row, compared, f" {row.unit}")] for row in named.values()]
    lines = [[name, *row] for name, row in zip(named, texts, strict=True)]
    gap = f"{2 * SPACE} | "  # MLflow's pages draw tables without space between columns
    rule = "|".join(["---", *["---:"] * (len(names) - 1)])
    written = [gap.join(names), rule, *(gap.join(line) for line in lines)]
    lengths = list(accumulate(len(line) + 1 for line in written))
    kept = len(written) if most is None or lengths[-1] <= most else sum(length + 60 <= most for length in lengths)
    more = [f"\n{len(written) - kept} more rows are in results.csv."] if kept < len(written) else []
    notes = "\n\n".join(excess_of_rows(list(named.values())[: max(0, kept - 2)], compared))
    text = "\n".join([*written[:kept], *more])
    return f"{text}\n\n{notes}" if notes and (most is None or len(text) + len(notes) + 2 <= most) else text


def timing(records: Sequence[Record]) -> str:
    """Describe how seconds were taken, and whether those of different records may be compared."""
    made = [record["made"] for record in records]
    ways = {(bool(one.get("lockstep")), one["threads"], bool(one.get("compiled"))) for one in made}
    message = [
        f"{'searches advanced together' if lockstep else 'one search after another'}, on "
        f"{'1 core' if threads == 1 else f'up to {threads} cores'}{'' if compiled else ', loops not compiled'}"
        for lockstep, threads, compiled in sorted(ways)
    ]
    if len(message) > 1:
        return f"Seconds were not all taken in the same way, so do not compare them ({'; '.join(message)})."
    return f"Seconds: {message[0]}."


def heads(cost: str, compared: Sequence[str]) -> list[str]:
    """Return the heads of the columns that ``cells`` fills."""
    return ["accuracy %", *compared, cost, "seconds", "evaluations", "unique"]


def cells(row: Row, compared: Sequence[str], unit: str = "") -> list[str]:
    """Write a row's numbers under ``heads``."""
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


def excess_of_rows(rows: Iterable[Row], compared: Sequence[str]) -> list[str]:
    """Return notes for rows of which regret and hypervolume are shown as far as ``compared`` says."""
    shown = list(rows)
    ratios = [format_ratio(row.hypervolume_ratio) for row in shown] if "hypervolume" in compared else []
    return excess_notes([_regret(row) for row in shown] if compared else [], ratios)


def _near(row: Row) -> str:
    """Describe how soon the search of a target came near the best known, or how many searches did."""
    if not row.compared:
        return ""
    if row.target is not None and row.evaluations_near is not None and row.near == row.compared:
        return f"{row.evaluations_near:,.0f}"
    return f"{row.near:.3g} of {row.compared}" if row.near or row.target is None else "never"
