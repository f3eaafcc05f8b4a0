"""Writes the report: a self-contained HTML page, and Markdown, LaTeX tables, CSV and pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from ofa_bench.analysis.controls import control_table, controls, missing_control, sentences
from ofa_bench.analysis.figures import networks
from ofa_bench.analysis.figures.controls import draw_controls
from ofa_bench.analysis.figures.drawing import Picture, Style
from ofa_bench.analysis.figures.drawings import Drawing, drawings, headline, stem
from ofa_bench.analysis.figures.leads import leads
from ofa_bench.analysis.figures.ranking import ranks
from ofa_bench.analysis.judges import JUDGES
from ofa_bench.analysis.judging import judge_records, judged_columns
from ofa_bench.analysis.studies import Study, studies
from ofa_bench.analysis.summary import Summary, add_judges, summarize
from ofa_bench.analysis.tables import comparison, notes, others, provenance, tested, winners_judged
from ofa_bench.errors import InputError, suggestion
from ofa_bench.files.writing import make_folder
from ofa_bench.records.costs import describe_costs
from ofa_bench.records.frame import write_csv
from ofa_bench.records.gather import Gathered
from ofa_bench.records.networks import best_networks, describe_networks
from ofa_bench.records.tables import Table, as_csv, latex
from ofa_bench.records.unlabelled import note
from ofa_bench.report.fleet import fleet_sections, write_fleets
from ofa_bench.report.pictures import Pictures
from ofa_bench.report.rendering import render

__all__ = ["MAX_DRAWN", "Section", "write_report"]

MAX_DRAWN = 12
"""The number of studies that have pictures: a fleet has a study for each device."""


@dataclass(frozen=True)
class Section:
    """A section of the report on one study: a heading, paragraphs, tables, networks and pictures."""

    heading: str
    description: str
    texts: tuple[str, ...]
    table: Table
    judged: Table | None
    tested: Table | None
    networks: tuple[str, ...]
    pictures: Sequence[Picture]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that exist."""
        return tuple(table for table in (self.table, self.judged, self.tested) if table)


def write_report(gathered: Gathered, out: Path, title: str, reference: str = "") -> Path:
    """Write all files of the report into a folder, and return the path of the page.

    Args:
        gathered: the records.
        out: the folder, created if it does not exist.
        title: of the page.
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
    summaries = [summarize(study, reference) for study in found]
    style = Style(names)
    pictures = Pictures(out / "figures")
    compared = headline(found)
    judgements = judge_records(gathered.records)
    shown = [add_judges(summary, judgements) for summary in summaries if summary.study in compared]
    sections = [
        _section(one, summaries, style, pictures if place < MAX_DRAWN else None) for place, one in enumerate(shown)
    ]
    apart = [summary for summary in summaries if summary.study not in compared]
    further = [others(several) for several in _families(apart)]
    controlled = [one for study in found for one in controls(study)]
    controls_shown = control_table(controlled)
    fleets = fleet_sections(found, pictures)
    caption = "Chains less vanilla of equal budget, by number of targets (95 % intervals)."
    control_pictures = pictures.plan([Drawing("controls", caption, partial(draw_controls, controlled, style))])
    pictures.write()
    write_fleets(fleets, out, title)
    page = {
        "title": title,
        "fleets": fleets,
        "headline": [
            (
                one,
                [*one.sentences, *sentences([other for other in controlled if other.study is one.study])],
                section.judged,
            )
            for one, section in zip(shown, sections, strict=True)
        ],
        "sections": sections,
        "controls": controls_shown,
        "control_pictures": control_pictures,
        "others": further,
        "unlabelled": list(filter(None, map(_note, apart))),
        "kept_apart": _kept_apart(summaries),
        "left_out": gathered.left_out,
        "provenance": provenance(summaries),
        "records": len(gathered.records),
        "judges": JUDGES if any(section.judged for section in sections) else "",
    }
    (out / "report.html").write_text(render("report.html.j2", page))
    (out / "report.md").write_text(render("report.md.j2", page))
    tables = [*(table for section in sections for table in section.tables), *filter(None, [controls_shown]), *further]
    listed = [table for fleet in fleets for table in fleet.listed]
    (out / "report.tex").write_text("\n".join(map(latex, [*tables, *listed])))
    every = [table for fleet in fleets for table in fleet.every]
    (out / "tables.csv").write_text("\n".join(map(as_csv, [*tables, *every])))
    write_csv(gathered.records, out / "results.csv", judged_columns(gathered.records, judgements))
    return out / "report.html"


def _families(summaries: Sequence[Summary]) -> list[list[Summary]]:
    """Group summaries by family, which are adjacent."""
    return [list(several) for _, several in groupby(summaries, lambda summary: summary.study.family)]


def _kept_apart(summaries: Sequence[Summary]) -> list[str]:
    """Return a line for each family of studies, with its target sets."""
    named = []
    for several in _families(summaries):
        study, sets = several[0].study, [f"{len(one.study.targets)} ({one.targets})" for one in several]
        named.append(
            f"{study.space} on {study.device}, {study.description}; "
            f"numbers of targets ({study.unit}): {', '.join(sets)}"
        )
    return named


def _section(summary: Summary, every: Sequence[Summary], style: Style, pictures: Pictures | None) -> Section:
    """Return the section on a study, and plan its pictures; without ``pictures`` it has none."""
    study = summary.study
    texts = [f"Differences and times are those against {summary.reference}."] if len(summary.lines) > 1 else []
    texts += [
        f"Kept the same: {study.kept}.",
        describe_costs(study.entries[0].records[0]),
        study.timing,
        missing_control(study),
        *notes(summary),
        summary.unranked,
        note([(entry.name, entry.records) for entry in study.entries]),
        "" if pictures else f"Pictures are of the first {MAX_DRAWN} studies only.",
    ]
    tables = (comparison(summary), winners_judged(summary), tested(summary))
    planned = pictures.plan(_drawings(summary, every, style)) if pictures else ()
    return Section(
        summary.title, study.description, tuple(filter(None, texts)), *tables, tuple(_networks(study)), planned
    )


def _drawings(summary: Summary, every: Sequence[Summary], style: Style) -> Iterator[Drawing]:
    """Yield the figures of a study, with their file names."""
    study = summary.study
    alike = [one.study for one in every if one.study.family == study.family]
    accuracy, *others = drawings(study, alike, style)
    leading = "Leads in mean accuracy, by the predictor that guided the searches and by its judges."
    ranked = "Mean ranks over runs; a bar joins strategies whose difference is not significant."
    found = [
        accuracy,
        Drawing("leads", leading, partial(leads, summary)),
        *others,
        Drawing("ranks", ranked, partial(ranks, summary.ranking)),
    ]
    found += [
        Drawing(f"networks_{entry.name}", f"What {entry.name} found.", partial(networks.draw, study, entry))
        for entry in study.entries
    ]
    for drawing in found:
        yield replace(drawing, name=f"{stem(study)}_{drawing.name}")


def _networks(study: Study) -> Iterator[str]:
    """Yield the most accurate network of each entry and target, as lines to copy."""
    for entry in study.entries:
        found = [one for record in entry.records for one in best_networks(record)]
        best = {one.target: one for one in sorted(found, key=lambda one: (one.accuracy, -one.cost))}
        yield f"{entry.name}\n" + "\n".join(describe_networks([best[target] for target in sorted(best)]))


def _note(summary: Summary) -> str:
    """Return a note on the marked accuracies of one of the other target sets; empty without any."""
    text = note([(entry.name, entry.records) for entry in summary.study.entries])
    return text and f"{summary.title}: {text}"
