"""Prints the tables of results: what each strategy found for each target, and at what cost."""

import json
from collections.abc import Iterable, Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ofa_bench.config.schema import PROBLEM_GROUPS
from ofa_bench.records.columns import Column, shown_columns
from ofa_bench.records.costs import cost_name, describe_costs
from ofa_bench.records.labels import heading, labels
from ofa_bench.records.model import Record
from ofa_bench.records.rows import rows, totals
from ofa_bench.records.tables import (
    cells,
    describe_accuracy,
    drop_empty,
    excess_of_rows,
    frontiers_differ,
    heads,
)
from ofa_bench.records.timing import describe_timing
from ofa_bench.records.unlabelled import notes as unlabelled_notes

__all__ = ["MAX_TARGETS", "print_tables"]

MAX_TARGETS = 20
"""The most targets that are printed; of more, this many are chosen evenly."""

WIDEST = 400
"""The largest width of a table, in characters."""


def print_tables(records: Iterable[Record], console: Console) -> None:
    """Print one table for each combination of space, device, predictor and targets, in the order of the records."""
    together: dict[str, list[Record]] = {}
    for record in records:
        together.setdefault(_problem(record), []).append(record)
    for group in together.values():
        console.print(heading(group), style="italic", soft_wrap=True, highlight=False)
        console.print(_make_fitting_table(group, console))
        for text in unlabelled_notes(labels(group), group):
            console.print(text, style="yellow", soft_wrap=True, highlight=False, markup=False)
    note = _describe_columns([record for group in together.values() for record in group])
    console.print(note, style="dim italic", soft_wrap=True, highlight=False)


def _problem(record: Record) -> str:
    built = [record.config.get(group) for group in PROBLEM_GROUPS]  # with overrides, such as a guard band
    chosen = [getattr(record.choices, group) for group in PROBLEM_GROUPS]
    return json.dumps([chosen, built, record.targets], sort_keys=True)


def _describe_columns(records: Sequence[Record]) -> str:
    """Return what all tables show, and on which devices nothing is known to compare with."""
    compared = any(record.frontier for record in records)
    note = "Accuracy: by the predictor above. "
    if compared:
        unknown = dict.fromkeys(record.choices.device for record in records if not record.frontier)
        note += "Regret: points below the best known" + f" (none is known for {', '.join(unknown)})" * bool(unknown)
        note += ". "
    return f"{note}Row all: means of accuracy{', regret' * compared} and cost, sums of the rest."


def _make_fitting_table(records: Sequence[Record], console: Console) -> Table:
    """Return a table that fits the terminal, without regret if necessary; a file gets the full width."""
    for compared in (True, False):
        table = _table(records, shown_columns(compared=compared))
        width = console.measure(table, options=console.options.update(width=WIDEST)).maximum
        if width <= console.width:
            return table
        if not console.is_terminal:
            console.width = width
            return table
    return table


def _table(records: Sequence[Record], columns: Sequence[Column]) -> Table:
    unit, n_targets, named = records[0].unit, len(records[0].targets), labels(records)
    table = Table(caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    notes = [
        _describe_repeats(records),
        describe_costs(records[0]),
        describe_timing(records),
        *frontiers_differ(records),
    ]
    lines = [[totals(record) for record in records]]
    by_target = sorted(zip(*(rows(record) for record in records), strict=True), key=lambda r: r[0].target or 0.0)
    if n_targets > MAX_TARGETS:
        chosen = np.linspace(0, n_targets - 1, MAX_TARGETS).round().astype(int).tolist()
        by_target = [by_target[place] for place in chosen]
        notes.append(f"{MAX_TARGETS} of {n_targets} targets, evenly chosen; ofa_bench show has all.")
    lines = [*map(list, by_target), *lines]
    listed = [row for line in lines for row in line]
    columns = drop_empty(columns, listed)
    notes += [*describe_accuracy(listed), *excess_of_rows(listed, columns)]
    table.caption = " ".join(note for note in notes if note) or None
    for name in (unit, "strategy", *heads(columns, cost_name(records[0]), unit)):
        table.add_column(name, justify="left" if name == "strategy" else "right", no_wrap=True)
    for several in lines:
        target = several[0].target
        for i, (row, label) in enumerate(zip(several, named, strict=True)):
            first = "" if i else "all" if target is None else f"{target:g}"
            table.add_row(first, label, *cells(row, columns), end_section=1 < len(several) == i + 1)
    return table


def _describe_repeats(records: Sequence[Record]) -> str:
    """Return a note on the number of repeats that means are over; an empty string for one repeat."""
    repeats = sorted({len(record.repeats) for record in records})
    if repeats == [1]:
        return ""
    return f"Means (± standard deviation) over {' or '.join(map(str, repeats))} repeats."
