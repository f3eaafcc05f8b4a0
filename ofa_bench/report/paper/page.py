"""Writes the page of the paper's claims, with tables and pictures."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofa_bench.analysis.figures import paper as pictures
from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.judges import JUDGES
from ofa_bench.analysis.paper.claims import verdicts
from ofa_bench.analysis.paper.protocols import NAMES, PROTOCOLS, Runs, comparison_key, protocol_of, runs_of
from ofa_bench.analysis.paper.published import published_paper
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import add_judges, summarize
from ofa_bench.analysis.tables import winners_judged
from ofa_bench.errors import InputError
from ofa_bench.files.writing import make_folder
from ofa_bench.records.gather import Gathered
from ofa_bench.records.model import Record
from ofa_bench.records.tables import Table
from ofa_bench.report.paper.tables import accuracies, seconds, single_seconds
from ofa_bench.report.rendering import render

__all__ = ["write_page"]


def write_page(gathered: Gathered, folders: Sequence[str], out: Path) -> Path:
    """Write the page on records that were gathered from folders, and return its path.

    Raises:
        InputError: there are no records of the paper's experiments.
        OSError: the folder cannot be written.
    """
    runs = runs_of(gathered.records)
    if not runs:
        raise InputError(
            f"{' '.join(folders)}: no experiment of the paper there, with all three strategies; "
            "run ofa_bench -m experiment=paper"
        )
    gc.freeze()
    make_folder(out)
    (out / "paper").mkdir(parents=True, exist_ok=True)
    published = published_paper()
    of_spaces = {space: {key: runs[space, key] for key in PROTOCOLS if (space, key) in runs} for space in NAMES}
    sections = [_section(gathered, space, found, published, out) for space, found in of_spaces.items() if found]
    page = {
        "verdicts": verdicts(runs, published),
        "sections": sections,
        "judges": JUDGES,
        "published": published,
        "made": sections[0].record.made,
        "timed": all(one.timed for one in runs.values()),
        "left_out": gathered.left_out,
    }
    path = out / "paper.md"
    path.write_text(render("paper.md.j2", page))
    return path


@dataclass(frozen=True)
class _Section:
    """The section of a space; ``record`` is one of its records, for the provenance."""

    space: str
    name: str
    record: Record
    repeats: int
    timed: bool
    seconds: Table
    accuracies: Table
    single: Table | None
    judged: list[tuple[str, Table]]


def _section(
    gathered: Gathered, space: str, found: Mapping[str, Runs], published: Mapping[str, Any], out: Path
) -> _Section:
    """Draw a space's pictures, and return its section."""
    timed = {key: one for key, one in found.items() if one.rows[0] == 1 and len(one.rows) > 1}
    if timed:
        (out / "paper" / f"{space}_time.png").write_bytes(png(pictures.time(space, timed, published)))
    (out / "paper" / f"{space}_accuracy.png").write_bytes(png(pictures.accuracy(space, found, published)))
    first = next(iter(found.values()))
    return _Section(
        space=space,
        name=NAMES[space],
        record=first.first,
        repeats=min(len(one.winners) for one in found.values()),
        timed=bool(timed),
        seconds=seconds(space, found, published),
        accuracies=accuracies(space, found, published),
        single=single_seconds(found, published) if space == "mbv3" else None,
        judged=_judged(gathered, found),
    )


def _judged(gathered: Gathered, found: Mapping[str, Runs]) -> list[tuple[str, Table]]:
    """Return a table for each protocol of the winners of all targets, judged by other predictors."""
    tables = []
    for key, runs in found.items():
        wanted = [
            record
            for record in gathered.records
            if protocol_of(record) == key
            and comparison_key(record) == comparison_key(runs.first)
            and tuple(sorted(record.targets)) == runs.targets
        ]
        study = max(studies(wanted), key=lambda one: len(one.entries))
        table = winners_judged(add_judges(summarize(study)))
        tables += [(PROTOCOLS[key], table)] if table else []
    return tables
