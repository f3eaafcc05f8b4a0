"""Writes the report: an HTML page that needs no other file, the same in Markdown, LaTeX tables, CSV and pictures."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofa_bench.analysis.figures import networks
from ofa_bench.analysis.figures.drawing import Picture, Style, png
from ofa_bench.analysis.figures.drawings import drawings, headline, stem
from ofa_bench.analysis.figures.leads import leads
from ofa_bench.analysis.figures.ranking import ranks
from ofa_bench.analysis.judges import JUDGES
from ofa_bench.analysis.studies import Study, studies
from ofa_bench.analysis.summary import Summary, summed_up, with_judges
from ofa_bench.analysis.tables import comparison, notes, others, provenance, tested, winners_judged
from ofa_bench.errors import InputError, suggestion
from ofa_bench.files.writing import make_folder
from ofa_bench.records.costs import describe_costs
from ofa_bench.records.frame import write_csv
from ofa_bench.records.gather import Gathered
from ofa_bench.records.labels import distinct
from ofa_bench.records.networks import best_networks, describe_networks
from ofa_bench.records.tables import Table, as_csv, latex
from ofa_bench.records.unlabelled import note
from ofa_bench.report.rendering import render

__all__ = ["Section", "write_report"]


@dataclass(frozen=True)
class Section:
    """A study, and what its family shows over numbers of targets: a heading, words, tables, pictures."""

    heading: str
    description: str
    words: tuple[str, ...]
    table: Table
    judged: Table | None
    tested: Table | None
    networks: tuple[str, ...]
    pictures: tuple[Picture, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables."""
        return tuple(table for table in (self.table, self.judged, self.tested) if table)


def write_report(gathered: Gathered, out: Path, title: str, reference: str = "") -> Path:
    """Write all files of the report into a folder; return the page's path.

    Args:
        gathered: the records.
        out: the folder, made if it is not there.
        title: the page's.
        reference: the strategy that others are compared with, in studies that have it.

    Raises:
        InputError: no study has the reference.
        OSError: the folder cannot be written.
    """
    found = studies(gathered.records)
    names = sorted({entry.name for study in found for entry in study.entries})
    if reference and reference not in names:
        raise InputError(
            f"reference={reference}: not among the strategies: {', '.join(names)}{suggestion(reference, names)}"
        )
    make_folder(out)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    summaries = [summed_up(study, reference) for study in found]
    style = Style(names)
    writer = _Pictures(out / "figures")
    compared = headline(found)
    shown = [with_judges(summary) for summary in summaries if summary.study in compared]
    sections = [_section(summary, summaries, style, writer) for summary in shown]
    apart: dict[str, list[Summary]] = {}
    for summary in summaries:
        if summary.study not in compared:
            apart.setdefault(summary.study.family, []).append(summary)
    further = [others(several) for several in apart.values()]
    unlabelled = [_note(summary) for several in apart.values() for summary in several if _note(summary)]
    page = {
        "title": title,
        "headline": shown,
        "sections": sections,
        "others": further,
        "unlabelled": unlabelled,
        "kept_apart": _kept_apart(summaries),
        "left_out": gathered.left_out,
        "provenance": provenance(summaries),
        "records": len(gathered.records),
        "judges": JUDGES if any(section.judged for section in sections) else "",
    }
    (out / "report.html").write_text(render("report.html.j2", page))
    (out / "report.md").write_text(render("report.md.j2", page))
    tables = [*(table for section in sections for table in section.tables), *further]
    (out / "report.tex").write_text("\n".join(map(latex, tables)))
    (out / "tables.csv").write_text("\n".join(map(as_csv, tables)))
    write_csv(gathered.records, out / "results.csv")
    return out / "report.html"


def _kept_apart(summaries: Sequence[Summary]) -> list[str]:
    """Name each family of studies, and its target sets."""
    families: dict[str, list[Summary]] = {}
    for summary in summaries:
        families.setdefault(summary.study.family, []).append(summary)
    named = []
    for several in families.values():
        study, sets = several[0].study, [f"{len(one.study.targets)} ({one.targets})" for one in several]
        named.append(
            f"{study.space} on {study.device}, {study.description}; "
            f"numbers of targets ({study.unit}): {', '.join(sets)}"
        )
    return named


class _Pictures:
    """Saves figures as PNG and SVG under names of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._names = folder, set[str]()

    def save(self, name: str, caption: str, figure: Any) -> Iterator[Picture]:
        """Save a figure; yield it, or nothing if there is none."""
        if figure is None:
            return
        name = distinct(name, self._names)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # it is laid out: once is enough for both files
        figure.savefig(self._folder / f"{name}.svg", metadata={"Date": None})
        data = png(figure)
        (self._folder / f"{name}.png").write_bytes(data)
        yield Picture(name, caption, base64.b64encode(data).decode())


def _section(summary: Summary, every: Sequence[Summary], style: Style, writer: _Pictures) -> Section:
    study = summary.study
    name = stem(study)
    alike = [one.study for one in every if one.study.family == study.family]
    drawn = [(one.name, one.caption, one.draw()) for one in drawings(study, alike, style)]
    leading = "Leads in mean accuracy, by the predictor that guided the searches and by others."
    drawn.insert(1, ("leads", leading, leads(summary)))
    drawn.append(
        (
            "ranks",
            "Mean ranks over targets; a bar joins strategies whose difference is not significant.",
            ranks(summary.ranking),
        )
    )
    drawn += [
        (f"networks_{entry.name}", f"What {entry.name} found.", networks.draw(study, entry)) for entry in study.entries
    ]
    pictures = [picture for key, caption, one in drawn for picture in writer.save(f"{name}_{key}", caption, one)]
    words = [f"Differences and times are those against {summary.reference}."] if len(summary.lines) > 1 else []
    words += [
        f"Kept the same: {study.kept}.",
        *filter(None, [describe_costs(study.entries[0].records[0])]),
        study.timing,
        *notes(summary),
        note([(entry.name, entry.records) for entry in study.entries]),
    ]
    tables = (comparison(summary), winners_judged(summary), tested(summary))
    return Section(
        summary.title, study.description, tuple(filter(None, words)), *tables, tuple(_networks(study)), tuple(pictures)
    )


def _networks(study: Study) -> Iterator[str]:
    """Yield the most accurate network of each entry and target, as lines to copy."""
    for entry in study.entries:
        found = [one for record in entry.records for one in best_networks(record)]
        best = {one.target: one for one in sorted(found, key=lambda one: (one.accuracy, -one.cost))}
        yield f"{entry.name}\n" + "\n".join(describe_networks([best[target] for target in sorted(best)]))


def _note(summary: Summary) -> str:
    """Describe which accuracies are marked in the table of other target sets."""
    text = note([(entry.name, entry.records) for entry in summary.study.entries])
    return text and f"{summary.title}: {text}"
