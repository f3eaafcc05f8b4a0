"""Writes the page of the paper's claims, with tables and pictures."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ofa_bench.analysis.figures import paper as pictures
from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.paper.claims import verdicts
from ofa_bench.analysis.paper.controls import control_table
from ofa_bench.analysis.paper.protocols import JUDGED, NAMES, PROTOCOLS
from ofa_bench.analysis.paper.published import Published, published_paper
from ofa_bench.analysis.paper.runs import Runs, runs_of
from ofa_bench.analysis.statistics import MARGIN
from ofa_bench.errors import InputError
from ofa_bench.files.writing import make_folder
from ofa_bench.predictors.embedded import EARLIER
from ofa_bench.records.gather import Gathered
from ofa_bench.records.model import Record
from ofa_bench.records.tables import Table
from ofa_bench.report.paper.tables import accuracies, ratios, seconds, single_seconds
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
    sections = [_section(space, found, published, out) for space, found in of_spaces.items() if found]
    page = {
        "verdicts": verdicts(runs, published),
        "controls": control_table(runs),
        "margin": MARGIN,
        "repeats": _numbers([len(one.keys) for one in runs.values()]),
        "sections": sections,
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
    """The section of a space.

    ``record`` is one of its records, for the provenance; ``earlier``: the package no longer has its predictor.
    """

    space: str
    name: str
    record: Record
    earlier: bool
    repeats: str
    timed: bool
    seconds: Table
    ratios: Table | None
    accuracies: Table
    single: Table | None


def _section(space: str, found: Mapping[str, Runs], published: Published, out: Path) -> _Section:
    """Draw a space's pictures, and return its section.

    Accuracies are those of the judged protocols, if there are any; a memo does not change them.
    """
    timed = {key: one for key, one in found.items() if one.rows[0] == 1 and len(one.rows) > 1}
    if timed:
        (out / "paper" / f"{space}_time.png").write_bytes(png(pictures.time(space, timed, published)))
    judged = {key: found[key] for key in JUDGED if key in found} or found
    (out / "paper" / f"{space}_accuracy.png").write_bytes(png(pictures.accuracy(space, judged, published)))
    first = next(iter(found.values()))
    return _Section(
        space=space,
        name=NAMES[space],
        record=first.first,
        earlier=first.first.predictor.sha256 in EARLIER,
        repeats=_numbers([len(one.winners) for one in found.values()]),
        timed=bool(timed),
        seconds=seconds(space, found, published),
        ratios=ratios(space, timed, published) if all(one.timed for one in timed.values()) else None,
        accuracies=accuracies(space, judged, published),
        single=single_seconds(found, published) if space == "mbv3" else None,
    )


def _numbers(found: Sequence[int]) -> str:
    """Return a number, or the range of several, as text."""
    return f"{min(found)}" if len(set(found)) == 1 else f"{min(found)} to {max(found)}"
