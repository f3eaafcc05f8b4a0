"""Builds the tables of a report."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ofa_bench.analysis.statistics import MARGIN, Paired
from ofa_bench.analysis.summary import Line, Summary, difference, share_of_time
from ofa_bench.formatting import format_number
from ofa_bench.records.columns import shown_columns
from ofa_bench.records.tables import Table, describe_accuracy, excess_of_rows, frontiers_differ, without_empty
from ofa_bench.records.unlabelled import MARK

__all__ = ["comparison", "describe_scale", "notes", "others", "provenance", "tested", "winners_judged"]


def comparison(summary: Summary) -> Table:
    """Return a study's strategies, one a row; empty columns are left out."""
    title = f"{summary.study.title}, {summary.study.description}"
    return without_empty(Table(title, ("strategy", *_columns()), tuple(_cells(summary)), 1))


def describe_scale(summaries: Sequence[Summary]) -> str:
    """Return whose the accuracies of all tables are."""
    on_images = any(line.row.measured is not None for summary in summaries for line in summary.lines)
    only = "; only those on images were measured" if on_images else ""
    return f"Accuracies are those of each study's predictor{only}."


def notes(summary: Summary) -> list[str]:
    """Return notes on the marks in the table of ``comparison``, and on regrets that may not be compared."""
    records = [record for entry in summary.study.entries for record in entry.records]
    rows = [line.row for line in summary.lines]
    unknown = "No regret: there is no best-known frontier of this space, device and predictor."
    return [
        *describe_accuracy(rows),
        *excess_of_rows(rows, shown_columns(report=True)),
        *frontiers_differ(records),
        *([] if any(record.frontier for record in records) else [unknown]),
    ]


def others(summaries: Sequence[Summary]) -> Table:
    """Return the strategies of several studies of one family, which have different targets, one a row."""
    study = summaries[0].study
    rows = tuple((one.study.span, *cells) for one in summaries for cells in _cells(one))
    title = f"{study.space} on {study.device}, {study.description}, other targets"
    return without_empty(Table(title, (f"targets ({study.unit})", "strategy", *_columns()), rows, 2))


def _cells(summary: Summary) -> list[tuple[str, ...]]:
    hidden = ["seconds"] if summary.study.hides_seconds else []
    return [
        (line.name, *("" if head in hidden else cell(line) for head, cell in _columns().items()))
        for line in summary.lines
    ]


def _p(value: float | None) -> str:
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else format_number(value, f".{digits}f")


def provenance(summaries: Sequence[Summary]) -> Table:
    """Return hashes, versions, seeds and machines of records, one row for all that share them."""
    found: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}
    for summary in summaries:
        for entry in summary.study.entries:
            first, made = entry.records[0], entry.records[0].made
            card = first.device.card
            seeds = ", ".join(str(record.seed) for record in entry.records)
            key = (
                f"{summary.study.space} on {summary.study.device}",
                f"{first.predictor.name} {first.predictor.sha256[:12]}",
                f"{first.device.name} {first.device.sha256[:12]} {card.get('date', '')}".strip(),
                f"{seeds} ({len(entry.keys)} repeat{'s' * (len(entry.keys) != 1)})",
                f"ofa_bench {made.ofa_bench}, Python {made.python}, NumPy {made.numpy}",
                f"{made.machine}, {made.cores} cores, {made.threads} used",
            )
            strategies, times = found.setdefault(key, (set(), set()))
            strategies.add(entry.name)
            times |= {record.made.at[:16].replace("T", " ") for record in entry.records}  # to the minute
    heads = ("study", "strategies", "predictor", "device", "seeds", "versions", "machine", "made")
    rows = [
        (key[0], ", ".join(sorted(strategies)), *key[1:], " to ".join(sorted({min(times), max(times)})))
        for key, (strategies, times) in found.items()
    ]
    return Table("Provenance", heads, tuple(rows), left=len(heads))


_COMPARISONS: Mapping[str, Mapping[str, Callable[[Line], str]]] = {
    "accuracy": {
        "difference, points": lambda line: difference(line.paired),
        "verdict": lambda line: line.paired.verdict if line.paired else "",
    },
    "seconds": {"time": lambda line: share_of_time(line.ratio)},
}
"""Columns that compare with the reference, by the column that they follow."""


def _columns() -> dict[str, Callable[[Line], str]]:
    """Return the columns of a report by head."""
    found: dict[str, Callable[[Line], str]] = {}
    for column in shown_columns(report=True):
        head = column.head if column.report is None else column.report
        if head:
            found[head] = lambda line, column=column: column.cell(line.row)  # type: ignore[misc]
            found |= _COMPARISONS.get(column.name, {})
    return found | {"repeats": lambda line: str(line.repeats), "targets met": lambda line: line.feasible}


def tested(summary: Summary) -> Table | None:
    """Return all tests of a study; None without any."""
    columns: dict[str, Callable[[Paired], str]] = {
        "pairs": lambda one: str(one.n),
        "difference, points": difference,
        "effect size (Hedges g)": lambda one: _number(one.effect, 2),
        "difference: p": lambda one: _p(one.p),
        "difference: p, Holm": lambda one: _p(one.p_holm),
        "Wilcoxon p": lambda one: _p(one.p_wilcoxon),
        f"within ±{MARGIN:g}: p": lambda one: _p(one.p_equivalent),
        f"within ±{MARGIN:g}: p, Holm": lambda one: _p(one.p_equivalent_holm),
        f"loss below {MARGIN:g}: p": lambda one: _p(one.p_no_loss),
        f"loss below {MARGIN:g}: p, Holm": lambda one: _p(one.p_no_loss_holm),
        "verdict": lambda one: one.verdict,
    }
    found = [line.paired for line in summary.lines if line.paired and line.paired.n > 1]
    rows = tuple((one.name, *(cell(one) for cell in columns.values())) for one in found)
    title = f"Tests against {summary.reference}: {summary.study.title}, {summary.study.description}"
    return Table(title, ("strategy", *columns), rows) if rows else None


def winners_judged(summary: Summary) -> Table | None:
    """Return the winners' accuracies by the guide and by its judges, with leads in points; None without judges.

    Empty columns are left out.
    """
    if not summary.judges:
        return None
    guided, roles = summary.study.predictor, {"truth": " (truth)", "independent": ""}
    judges = sorted(summary.judges, key=lambda one: one.role == "truth")  # the others come first
    heads = ["strategy", f"{guided} (guide) %", f"lead by {guided}"]
    for one in judges:
        heads += [f"{one.judge}{roles[one.role]} %", f"lead by {one.judge}", f"overrated, by {one.judge}"]
    rows = list[tuple[str, ...]]()
    for line in summary.lines:
        guide = f"{_number(line.accuracy, 2)}{MARK if line.row.unlabelled else ''}"
        row = [line.name, guide, difference(line.paired)]
        for one in judges:
            known = one.accuracy[line.name][np.isfinite(one.accuracy[line.name])]
            row += [_number(float(known.mean()) if len(known) else None, 2)]
            row += [difference(found.get(line.name)) for found in (one.leads, one.overrated)]
        rows.append(tuple(row))
    title = f"Winners judged: {summary.study.title}, {summary.study.description}"
    return without_empty(Table(title, tuple(heads), tuple(rows), 1))
