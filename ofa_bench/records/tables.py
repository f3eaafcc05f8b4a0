"""Builds tables of text and writes them as Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ofa_bench.records.columns import Column, shown_columns
from ofa_bench.records.model import Record
from ofa_bench.records.regret import excess_notes
from ofa_bench.records.rows import Row

__all__ = [
    "Table", "as_csv", "cells", "describe_accuracy", "drop_empty", "excess_of_rows", "frontiers_differ", "heads",
    "latex", "markdown", "summary", "without_empty",
]  # fmt: skip

SPACE = "\N{NO-BREAK SPACE}"
"""Keeps a number and its unit on one line."""


@dataclass(frozen=True)
class Table:
    """A caption, heads, and rows with as many cells; the first ``left`` columns hold text, the others numbers."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def without_empty(table: Table) -> Table:
    """Return a table without the columns that are empty in all rows."""
    kept = [i for i in range(len(table.heads)) if any(row[i] for row in table.rows)]
    return Table(
        table.caption,
        tuple(table.heads[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in table.rows),
        sum(i < table.left for i in kept),
    )


def heads(columns: Sequence[Column], cost: str, unit: str = "") -> list[str]:
    """Return the heads of columns; ``cost`` is the name of the costs, which are in ``unit``."""
    return [f"{column.head} {column.unit}".format(cost=cost, unit=unit).strip() for column in columns]


def cells(row: Row, columns: Sequence[Column], *, units: bool = False) -> list[str]:
    """Return the cells of a row; with ``units``, costs are followed by their unit."""
    return [column.cell(row) + (f" {row.unit}" if units and column.unit == "{unit}" else "") for column in columns]


def drop_empty(columns: Sequence[Column], rows: Iterable[Row]) -> list[Column]:
    """Return the columns without those that are empty in all rows."""
    shown = list(rows)
    return [column for column in columns if any(map(column.cell, shown))]


def describe_accuracy(rows: Iterable[Row]) -> list[str]:
    """Return notes on the accuracies of rows: on targets that were not met, and on uncertainties or errors."""
    every = list(rows)
    shown, notes = [row for row in every if row.accuracy is not None], list[str]()
    missed = [row for row in every if row.missed]
    if any(row.target is not None for row in missed):
        notes.append(
            "Infeasible: no network that meets the target was found; its cost is that of the cheapest network. Means "
            "over targets leave it out."
        )
    elif missed:
        notes.append("For targets that are not met, no network was found that meets them. Means leave them out.")
    if any(row.uncertainty is not None for row in shown):
        notes.append(
            "± after an accuracy (the last of two) is the predictor's own uncertainty, one standard deviation of a "
            "network."
        )
    if any(row.true_accuracy is not None for row in shown):
        notes.append(
            "Measurements are simulated: accuracy is what the search saw, and selected by, true what it is without "
            "errors of measurement; regret and hypervolume are of the true accuracy."
        )
    return notes


def summary(named: Mapping[str, Row], most: int | None = None, cost: str = "cost") -> str:
    """Return a Markdown table of named rows, whose units may differ; ``cost`` is the head of the costs.

    Rows that would make it longer than ``most`` characters are left out; a line gives their number.
    """
    several = named.values()
    columns = drop_empty(shown_columns(), several)
    gap = 2 * SPACE  # MLflow's pages draw tables without space between columns
    texts = [
        [name, *(cell.replace(" ", SPACE) + gap for cell in cells(row, columns, units=True))]
        for name, row in named.items()
    ]
    lines = markdown(Table("", ("", *heads(columns, cost)), tuple(map(tuple, texts)))).splitlines()
    lengths = list(accumulate(len(line) + 1 for line in lines))
    kept = len(lines) if most is None or lengths[-1] <= most else sum(length + 60 <= most for length in lengths)
    more = [f"\n{len(lines) - kept} more rows are in results.csv."] if kept < len(lines) else []
    listed = list(several)[: max(0, kept - 2)]
    notes = "\n\n".join([*describe_accuracy(listed), *excess_of_rows(listed, columns)])
    text = "\n".join([*lines[:kept], *more])
    return f"{text}\n\n{notes}" if notes and (most is None or len(text) + len(notes) + 2 <= most) else text


def excess_of_rows(rows: Iterable[Row], columns: Sequence[Column]) -> list[str]:
    """Return notes on the marked regrets and hypervolumes of rows that these columns show."""
    shown = list(rows)
    texts = {column.name: [column.cell(row) for row in shown] for column in columns}
    return excess_notes(texts.get("regret", []), texts.get("hypervolume_ratio", []))


def frontiers_differ(records: Sequence[Record]) -> list[str]:
    """Return a note where records were compared with different best-known frontiers."""
    hashes = {record.frontier.sha256 if record.frontier else None for record in records}
    note = "Not all were compared with the same best-known frontier, so do not compare their regret."
    return [note] if len(hashes) > 1 else []


def markdown(table: Table) -> str:
    """Return a table in Markdown."""
    rule = ["---" if i < table.left else "---:" for i in range(len(table.heads))]
    rows = [[cell.replace("|", r"\|") for cell in row] for row in [table.heads, rule, *table.rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_csv(table: Table) -> str:
    """Return a table as CSV, below a line with its caption."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[table.caption], table.heads, *table.rows])
    return text.getvalue()


_LATEX = {
    "\\": r"\textbackslash{}",
    "<": "$<$",
    ">": "$>$",
    "~": r"\textasciitilde{}",
    "±": r"$\pm$",
    "…": r"\ldots{}",
} | {c: f"\\{c}" for c in "&%$#_{}"}


def latex(table: Table) -> str:
    """Return a table in LaTeX (booktabs)."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(letter, letter) for letter in cell) for cell in cells) + r" \\"

    layout = "l" * table.left + "r" * (len(table.heads) - table.left)
    top = [r"\begin{table}", r"\centering", rf"\caption{{{line([table.caption])[:-3]}}}"]
    top += [rf"\begin{{tabular}}{{{layout}}}", r"\toprule", line(table.heads), r"\midrule"]
    bottom = [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join([*top, "\n".join(map(line, table.rows)), *bottom])
