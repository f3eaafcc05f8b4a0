"""Writes the report: a self-contained HTML page, and Markdown, LaTeX tables, CSV and pictures."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from ofa_bench.analysis.controls import control_table, controls, sentences
from ofa_bench.analysis.figures.controls import draw_controls
from ofa_bench.analysis.figures.drawing import Style
from ofa_bench.analysis.figures.drawings import Drawing, headline
from ofa_bench.analysis.judges import JUDGES
from ofa_bench.analysis.judging import judge_records, judged_columns
from ofa_bench.analysis.overview import overview
from ofa_bench.analysis.studies import studies
from ofa_bench.analysis.summary import Summary, add_judges, summarize
from ofa_bench.analysis.tables import describe_scale, others, provenance
from ofa_bench.errors import InputError, suggestion
from ofa_bench.files.writing import make_folder
from ofa_bench.records.frame import write_csv
from ofa_bench.records.gather import Gathered
from ofa_bench.records.tables import as_csv, latex
from ofa_bench.records.unlabelled import note
from ofa_bench.report.fleet import fleet_sections, write_fleets
from ofa_bench.report.pictures import Pictures
from ofa_bench.report.rendering import render
from ofa_bench.report.sections import make_sections

__all__ = ["write_report"]


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
    sections = make_sections(shown, summaries, style, pictures)
    apart = [summary for summary in summaries if summary.study not in compared]
    further = [others(several) for several in _families(apart)]
    controlled = [one for study in found for one in controls(study)]
    controls_shown = control_table(controlled)
    fleets = fleet_sections(found, pictures)
    caption = "Chains less vanilla of equal budget, by number of targets (95 % intervals)."
    control_pictures = pictures.plan([Drawing("controls", caption, partial(draw_controls, controlled, style))])
    pictures.write()
    write_fleets(fleets, out, title)
    page: dict[str, Any] = {
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
        "overview": overview(shown),
        "accuracies": describe_scale(summaries),
        "repeated": any(one.repeated for one in shown),
        "study_links": [f"#study-{number}" for number in range(1, len(shown) + 1)],
        "sections": sections,
        "controls": controls_shown,
        "control_pictures": control_pictures,
        "others": further,
        "unlabelled": list(filter(None, map(_note, apart))),
        "kept_apart": _kept_apart(summaries) if len(summaries) > 1 else [],
        "left_out": gathered.left_out,
        "provenance": provenance(summaries),
        "records": len(gathered.records),
        "judges": JUDGES if any(section.judged for section in sections) else "",
    }
    page["contents"] = list(_contents(page))
    (out / "report.html").write_text(render("report.html.j2", page))
    (out / "report.md").write_text(render("report.md.j2", page))
    tables = [*(table for section in sections for table in section.tables), *filter(None, [controls_shown]), *further]
    listed = [table for fleet in fleets for table in fleet.listed]
    (out / "report.tex").write_text("\n".join(map(latex, [*tables, *listed])))
    every = [table for fleet in fleets for table in fleet.every]
    (out / "tables.csv").write_text("\n".join(map(as_csv, [*tables, *every])))
    write_csv(gathered.records, out / "results.csv", judged_columns(gathered.records, judgements))
    return out / "report.html"


def _contents(page: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield anchors and names of the parts that a page has."""
    yield "verdict", "Verdict"
    yield from [("fleets", "Fleets")] * bool(page["fleets"])
    for number, section in enumerate(page["sections"], 1):
        yield f"study-{number}", section.name
    yield from [("controls", "Chains and vanilla of equal budget")] * bool(page["controls"])
    yield from [("others", "Other target sets")] * bool(page["others"])
    yield from [("judges", "How winners are judged")] * bool(page["judges"])
    yield from [("apart", "What was kept apart")] * bool(page["kept_apart"])
    yield from [("left-out", "What was left out")] * bool(page["left_out"])
    yield "provenance", "Provenance"


def _families(summaries: Sequence[Summary]) -> list[list[Summary]]:
    """Group summaries by family, which are adjacent."""
    return [list(several) for _, several in groupby(summaries, lambda summary: summary.study.family)]


def _kept_apart(summaries: Sequence[Summary]) -> list[str]:
    """Return a line for each family of studies, with its target sets."""
    named = []
    for several in _families(summaries):
        study, sets = several[0].study, [f"{len(one.study.targets)} ({one.study.span})" for one in several]
        named.append(
            f"{study.space} on {study.device}, {study.description}; "
            f"numbers of targets ({study.unit}): {', '.join(sets)}"
        )
    return named


def _note(summary: Summary) -> str:
    """Return a note on the marked accuracies of one of the other target sets; empty without any."""
    text = note([(entry.name, entry.records) for entry in summary.study.entries])
    return text and f"{summary.study.title}: {text}"
