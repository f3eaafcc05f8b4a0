"""Writes the report: an HTML page that needs no other file, the same in Markdown, LaTeX tables, CSV and pictures."""

import base64
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure

from ofa_bench.errors import InputError, suggestion
from ofa_bench.report import figures, networks
from ofa_bench.report.anytime import anytime
from ofa_bench.report.drawing import DPI, Style
from ofa_bench.report.gather import Gathered, studies
from ofa_bench.report.ranking import diagram_size, draw_ranking
from ofa_bench.report.summary import Summary, compared, summed_up
from ofa_bench.report.tables import Table, comparison, latex, markdown, provenance
from ofa_bench.results.csv_file import write_csv

__all__ = ["Picture", "Section", "write_report"]


@dataclass(frozen=True)
class Picture:
    """A picture with its file's name (no ending) and the words below it; ``data`` is the PNG, base64."""

    name: str
    caption: str
    data: str


@dataclass(frozen=True)
class Section:
    """A study, and what its family shows over numbers of targets: a heading, words, a table, pictures."""

    heading: str
    words: tuple[str, ...]
    table: Table
    pictures: tuple[Picture, ...]


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
    (out / "figures").mkdir(parents=True, exist_ok=True)
    summaries = [summed_up(study, reference) for study in found]
    style = Style(names)
    writer = _Pictures(out / "figures")
    headline = compared(summaries) or summaries
    sections = [_section(summary, summaries, style, writer) for summary in headline]
    others = [comparison(summary) for summary in summaries if summary not in headline]
    page = {
        "title": title,
        "headline": headline,
        "sections": sections,
        "others": others,
        "kept_apart": [summary.study.kept for summary in summaries],
        "left_out": gathered.left_out,
        "provenance": provenance(summaries),
        "records": len(gathered.records),
    }
    loader = PackageLoader("ofa_bench.report", "templates")
    environment = Environment(
        loader=loader, autoescape=select_autoescape(["html.j2"]), trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["markdown"] = markdown
    (out / "report.html").write_text(environment.get_template("report.html.j2").render(page))
    (out / "report.md").write_text(environment.get_template("report.md.j2").render(page))
    (out / "report.tex").write_text(
        "\n".join(latex(table) for table in [*(section.table for section in sections), *others])
    )
    write_csv(gathered.records, out / "results.csv")
    return out / "report.html"


class _Pictures:
    """Saves figures as PNG and SVG under names of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._names = folder, set[str]()

    def save(self, name: str, caption: str, figure: Figure | None) -> Iterator[Picture]:
        """Save a figure; yield it, or nothing if there is none."""
        if figure is None:
            return
        plain = re.sub(r"[^\w.-]+", "_", name).strip("_")
        name = next(one for one in [plain, *(f"{plain}_{i}" for i in range(2, 1000))] if one not in self._names)
        self._names.add(name)
        figure.savefig(self._folder / f"{name}.svg", metadata={"Date": None})
        data = io.BytesIO()
        figure.savefig(data, format="png")
        (self._folder / f"{name}.png").write_bytes(data.getvalue())
        yield Picture(name, caption, base64.b64encode(data.getvalue()).decode())


def _section(summary: Summary, every: Sequence[Summary], style: Style, writer: _Pictures) -> Section:
    study = summary.study
    name = f"{study.space}_{study.device}_{study.predictor}"
    alike = [one.study for one in every if one.study.family == study.family]
    drawn = [
        ("accuracy", "Predicted accuracy of what was found, by target.", figures.accuracy_over_targets(study, style)),
        ("regret", "Points below the best known, by target.", figures.regret_over_targets(study, style)),
        ("fronts", "Cost and predicted accuracy of all that was found.", figures.fronts(study, style)),
        ("anytime", "Mean over targets of the best so far.", anytime(study, style, "evaluations")),
        ("anytime_seconds", "The same over seconds.", anytime(study, style, "seconds")),
        ("seconds_by_target", "Time of a single target's search.", figures.seconds_over_target(study, style)),
        ("seconds", "Time for all targets, by their number.", figures.seconds_over_targets(alike, style)),
        ("generations", "Generations, measured and by the formulas.", figures.generations_over_targets(alike, style)),
        ("ranks", "Mean ranks over targets; a bar joins strategies that are not told apart.", _ranks(summary)),
    ]
    drawn += [
        (f"networks_{entry.name}", f"What {entry.name} found.", networks.draw(study, entry)) for entry in study.entries
    ]
    pictures = [picture for key, caption, one in drawn for picture in writer.save(f"{name}_{key}", caption, one)]
    words = [f"Differences and times are those against {summary.reference}."] if len(summary.lines) > 1 else []
    words += [
        f"Kept the same: {study.kept}; {study.generations} generations, warm-started {study.warm_generations}.",
        study.timing,
    ]
    return Section(summary.title, tuple(words), comparison(summary), tuple(pictures))


def _ranks(summary: Summary) -> Figure | None:
    if summary.ranking is None:
        return None
    figure = Figure(figsize=diagram_size(summary.ranking), dpi=DPI, layout="constrained")
    draw_ranking(summary.ranking, figure.add_subplot())
    return figure
