"""Writes the page that compares two sweeps: HTML, Markdown, and CSV with a row for each repeat that both have."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.analysis.diff import Change, Diff, StudyPair, compare_sweeps
from ofa_bench.analysis.intervals import DIGITS
from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.analysis.summary import difference, share_of_time
from ofa_bench.errors import InputError
from ofa_bench.files.writing import make_folder
from ofa_bench.formatting import format_number
from ofa_bench.records.gather import Gathered
from ofa_bench.records.tables import Table, without_empty
from ofa_bench.report.rendering import render

__all__ = ["write_diff"]

MOST = 3
"""Studies of a sweep that a message names."""

COLUMNS = ("study", "predictor of A", "predictor of B", "strategy", "seed", "repeat", "same", "accuracy of A",
           "accuracy of B", "evaluations of A", "evaluations of B", "seconds of A", "seconds of B")  # fmt: skip
"""Of the CSV file; accuracies are percent, means over targets."""


@dataclass(frozen=True)
class DiffSection:
    """A section of the page on one study: sentences with the verdict, notes, and tables."""

    heading: str
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    table: Table
    settings: Table | None
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def write_diff(a: Gathered, b: Gathered, out: Path, names: tuple[str, str], title: str) -> Path:
    """Write ``diff.html``, ``diff.md`` and ``diff.csv`` into a folder, and return the path of the page.

    Args:
        a: the records of one sweep.
        b: those of the other, whose difference from the first is shown.
        out: the folder, created if it does not exist.
        names: of the sweeps.
        title: of the page.

    Raises:
        InputError: no study is in both.
        OSError: the folder cannot be written.
    """
    found = compare_sweeps(a.records, b.records)
    if not found.pairs:
        there = [f"{name} has {_name_some(several)}" for name, several in zip(names, _alone(found), strict=True)]
        raise InputError(f"no study in both (same space, device, targets and budget): {'; '.join(there)}")
    make_folder(out)
    sections = [_section(pair) for pair in found.pairs]
    apart = [f"{name}: {_title(study)}" for name, several in zip("AB", _alone(found), strict=True) for study in several]
    left_out = [*a.left_out, *b.left_out]
    page = {
        "title": title,
        "names": names,
        "counts": (len(a.records), len(b.records)),
        "sections": sections,
        "contents": [(f"study-{number}", section.heading) for number, section in enumerate(sections, 1)]
        + [("apart", "What is in one only")] * bool(apart)
        + [("left-out", "What was left out")] * bool(left_out),
        "apart": apart,
        "left_out": left_out,
    }
    (out / "diff.html").write_text(render("diff.html.j2", page))
    (out / "diff.md").write_text(render("diff.md.j2", page))
    with (out / "diff.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row for pair in found.pairs for change in pair.changes for row in _rows(pair, change))
    return out / "diff.html"


def _alone(found: Diff) -> tuple[Sequence[Study], Sequence[Study]]:
    return found.only_a, found.only_b


def _title(study: Study) -> str:
    return f"{study.title}, {study.description}"


def _name_some(several: Sequence[Study]) -> str:
    more = f" and {len(several) - MOST} more" if len(several) > MOST else ""
    return ", ".join(map(_title, several[:MOST])) + more


def _section(pair: StudyPair) -> DiffSection:
    rows = tuple((*setting, ", ".join(names)) for setting, names in pair.settings.items())
    settings = Table("What differs", ("setting", "A", "B", "strategies"), rows, left=4) if rows else None
    return DiffSection(
        heading=f"{pair.a.title}, {pair.a.generations} generations",
        sentences=tuple(_sentences(pair)),
        notes=tuple(_notes(pair)),
        table=_table(pair),
        settings=settings,
        only_a=pair.only_a,
        only_b=pair.only_b,
    )


def _sentences(pair: StudyPair) -> Iterator[str]:
    identical = [change for change in pair.changes if change.identical]
    if identical:
        yield f"The same to the bit in all repeats: {', '.join(change.a.name for change in identical)}."
    for change in (one for one in pair.changes if not one.identical):
        parts = [f"{change.a.name}: {difference(change.paired)} points of accuracy ({_verdict(pair, change)})"]
        if change.paired.difference is None:
            parts = [f"{change.a.name}: no target was met in both"]
        count = _signed(*change.evaluations)
        parts.append(f"{count if count != '0' else 'as many'} evaluations")
        parts += [time] if (time := _time(pair, change, " of the time")) else []
        yield ", ".join(parts) + "."
    if not pair.changes:
        yield "No strategy is in both."


def _predictors_differ(pair: StudyPair) -> bool:
    return pair.a.predictor != pair.b.predictor or any(name == "predictor hash" for name, _, _ in pair.settings)


def _verdict(pair: StudyPair, change: Change) -> str:
    if _predictors_differ(pair):
        return "other predictor"
    if change.keys and round(abs(change.paired.difference or 0.0), DIGITS) == 0 and change.paired.interval is None:
        return "no change"
    if not change.keys:
        return "not paired"
    return change.paired.verdict


def _notes(pair: StudyPair) -> Iterator[str]:
    if _predictors_differ(pair):
        yield "The predictors differ, and so do their scales: neither sweep is better by these accuracies."
    if any(not change.keys for change in pair.changes):
        yield "Without a common seed and repeat, two means are compared, and their interval is Welch's."
    if pair.untimed:
        yield f"Time is not compared: {pair.untimed}. Seconds are in diff.csv."
    elif pair.versions:
        yield "Versions differ: a difference of seconds includes theirs."


def _table(pair: StudyPair) -> Table:
    heads = ("strategy", "pairs", "same", "accuracy of A %", "accuracy of B %", "B less A, points",
             "verdict", "evaluations of A", "evaluations of B", "B less A, evaluations", "seconds of A", "seconds of B",
             "time of B, % of A's")  # fmt: skip
    rows = []
    for change in pair.changes:
        a, b = change.a, change.b
        means = _mean(a), _mean(b)
        seconds = ("", "") if pair.untimed else (f"{a.seconds.mean():.2f}", f"{b.seconds.mean():.2f}")
        rows.append((
            a.name, str(len(change.keys)), f"{int(change.same.sum())} of {len(change.keys)}", *means,
            difference(change.paired), _verdict(pair, change),
            f"{a.evaluations.mean():,.0f}", f"{b.evaluations.mean():,.0f}", _signed(*change.evaluations),
            *seconds, _time(pair, change),
        ))  # fmt: skip
    return without_empty(Table("Strategies in both", heads, tuple(rows)))


def _time(pair: StudyPair, change: Change, of: str = "") -> str:
    """Return B's time in percent of A's; empty where times are not compared."""
    return "" if pair.untimed or change.time.n < 2 else share_of_time(change.time, of)


def _mean(entry: Entry) -> str:
    """Return the mean accuracy over repeats; "none" where no target is met."""
    known = entry.mean_accuracy[np.isfinite(entry.mean_accuracy)]
    return f"{known.mean():.2f}" if len(known) else "none"


def _signed(value: float, interval: tuple[float, float] | None) -> str:
    ends = interval and f" ({' to '.join(format_number(end, '+,.0f') for end in interval)})"
    return format_number(value, "+,.0f") + (ends or "")


def _rows(pair: StudyPair, change: Change) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the CSV file."""
    for key, same in zip(change.keys, change.same.tolist(), strict=True):
        both = [(entry, entry.keys.index(key)) for entry in (change.a, change.b)]
        values = [getattr(entry, name)[i] for name in ("mean_accuracy", "evaluations", "seconds") for entry, i in both]
        shown = ["" if np.isnan(value) else f"{value:.10g}" for value in values]
        yield _title(pair.a), pair.a.predictor, pair.b.predictor, change.a.name, *key, same, *shown
