"""Makes the sections of a report, each on one study."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ofa_bench.analysis.controls import missing_control
from ofa_bench.analysis.figures import networks
from ofa_bench.analysis.figures.drawing import Style
from ofa_bench.analysis.figures.drawings import Drawing, drawings, stem
from ofa_bench.analysis.figures.leads import leads
from ofa_bench.analysis.figures.ranking import ranks
from ofa_bench.analysis.figures.rendering import Picture
from ofa_bench.analysis.overview import name_studies
from ofa_bench.analysis.studies import Study
from ofa_bench.analysis.summary import Summary
from ofa_bench.analysis.tables import comparison, notes, tested, winners_judged
from ofa_bench.records.costs import describe_costs
from ofa_bench.records.networks import best_networks, describe_networks
from ofa_bench.records.tables import Table
from ofa_bench.records.unlabelled import note
from ofa_bench.report.pictures import Pictures

__all__ = ["MAX_DRAWN", "Section", "make_sections"]

MAX_DRAWN = 12
"""The number of studies that have pictures: a fleet has a study for each device."""


@dataclass(frozen=True)
class Section:
    """A section of the report on one study: a heading, paragraphs, tables, networks and pictures.

    ``name`` is the heading, with what tells it from other sections of the same heading.
    """

    heading: str
    name: str
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


def make_sections(
    shown: Sequence[Summary], every: Sequence[Summary], style: Style, pictures: Pictures
) -> list[Section]:
    """Return the sections on the studies shown, and plan the pictures of the first ``MAX_DRAWN``.

    Args:
        shown: the studies that have a section.
        every: all studies of the report, for figures of families.
        style: of the figures.
        pictures: where they are planned.
    """
    return [
        _section(one, name, every, style, pictures if i < MAX_DRAWN else None)
        for i, (one, name) in enumerate(zip(shown, name_studies(shown), strict=True))
    ]


def _section(summary: Summary, name: str, every: Sequence[Summary], style: Style, pictures: Pictures | None) -> Section:
    """Return the section on a study, and plan its pictures; without ``pictures`` it has none."""
    study = summary.study
    compared = "Differences are" if study.untimed else "Differences and times are"
    texts = [f"{compared} those against {summary.reference}."] if len(summary.lines) > 1 else []
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
        summary.study.title,
        name,
        study.description,
        tuple(filter(None, texts)),
        *tables,
        tuple(_networks(study)),
        planned,
    )


def _drawings(summary: Summary, every: Sequence[Summary], style: Style) -> Iterator[Drawing]:
    """Yield the figures of a study, with their file names."""
    study = summary.study
    alike = [one.study for one in every if one.study.family == study.family]
    accuracy, *others = drawings(study, alike, style)
    leading = "Leads in mean accuracy, by the predictor that guided the searches and by its judges"
    leading += "." if summary.repeated else ": of one repeat, so without intervals."
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
