"""Summarises a study: one line for each strategy, and its verdict as a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.agreement import describe_agreement, describe_parts
from ofa_bench.analysis.judging import Judged, Judgements, cross_evaluate, guide_sources
from ofa_bench.analysis.pairs import differences, of_pairs
from ofa_bench.analysis.ranking import FEWEST_RUNS, FEWEST_STRATEGIES, Ranking, ranking
from ofa_bench.analysis.statistics import MARGIN, Paired, Ratio, time_ratios
from ofa_bench.analysis.studies import Study, finite_means
from ofa_bench.formatting import format_number, format_percent
from ofa_bench.records.rows import Row, totals

__all__ = ["Line", "Summary", "add_judges", "difference", "in_points", "share_of_time", "summarize"]

Floats = NDArray[np.float64]

REFERENCES = ("vanilla", "ofa_reference")
"""Strategies that others are compared with, by priority; without any, the first entry."""


@dataclass(frozen=True)
class Line:
    """One strategy in a study: means over repeats, and the comparison with the reference.

    ``row`` is that of all targets. ``paired`` and ``ratio`` are None for the reference, ``ratio`` also if times are not
    compared.
    """

    name: str
    repeats: int
    feasible: str
    row: Row
    paired: Paired | None
    ratio: Ratio | None

    @property
    def accuracy(self) -> float | None:
        """The mean predicted accuracy over feasible targets, percent; None if no target is feasible."""
        return None if self.row.accuracy is None else 100 * self.row.accuracy


@dataclass(frozen=True, eq=False)
class Summary:
    """A study and its lines, by falling mean accuracy; the ranking needs three strategies and three runs."""

    study: Study
    reference: str
    lines: tuple[Line, ...]
    ranking: Ranking | None
    unranked: str
    """Why there is no ranking of several strategies; empty if there is one."""
    judges: tuple[Judged, ...] = ()

    @property
    def repeated(self) -> bool:
        """Whether a strategy is compared with the reference in more than one repeat."""
        return any(line.paired.n > 1 for line in self.lines if line.paired)

    @property
    def sources(self) -> str:
        """A sentence on the sources of the guide, and on those that judge it; empty without judges."""
        sources = guide_sources(self.study.entries[0].records[0])
        return describe_parts(self.study.predictor, sources, self.judges) if sources and self.judges else ""

    @property
    def sentences(self) -> list[str]:
        """Sentences for each strategy: how it compares with the reference, and which judges see that."""
        found = []
        for line in self.lines:
            if line.paired:
                compared = _compare(line, self.by_name[self.reference])
                agreement = describe_agreement(line.paired, self.judges)
                found.append(f"{compared} by the guide. {agreement}" if agreement else compared)
        return found

    @property
    def by_name(self) -> Mapping[str, Line]:
        """The lines by strategy."""
        return {line.name: line for line in self.lines}


def summarize(study: Study, wanted: str = "") -> Summary:
    """Compare a study's strategies with its reference, ``wanted`` if the study has it, in pairs of repeats."""
    entries = {entry.name: entry for entry in study.entries}
    uncontrolled = sorted(study.entries, key=lambda entry: entry.records[0].budget.match is not None)
    first = {entry.records[0].choices.strategy: entry.name for entry in reversed(uncontrolled)}
    named = [wanted] if wanted in entries else [first[strategy] for strategy in REFERENCES if strategy in first]
    reference = next(iter(named), study.entries[0].name)
    found = differences(study, {entry.name: entry.accuracy for entry in study.entries}, reference)
    ratios = {} if study.untimed else _ratios(study, reference)
    lines = [
        Line(
            name=entry.name,
            repeats=len(entry.keys),
            feasible=f"{np.isfinite(entry.accuracy).all(axis=0).sum()} of {len(study.targets)}",
            row=totals(*entry.records),
            paired=found.get(entry.name),
            ratio=ratios.get(entry.name),
        )
        for entry in study.entries
    ]
    lines.sort(key=lambda line: -np.inf if line.accuracy is None else -line.accuracy)
    return Summary(study, reference, tuple(lines), *_ranked(study))


def add_judges(summary: Summary, judgements: Judgements | None = None) -> Summary:
    """Add the judgement of predictors that may judge the guide; see ``cross_evaluate``."""
    return replace(summary, judges=tuple(cross_evaluate(summary.study, summary.reference, judgements)))


def _ratios(study: Study, reference: str) -> dict[str, Ratio]:
    """Divide times by the reference's, where there is more than one pair."""
    pairs = of_pairs(study, {entry.name: entry.seconds for entry in study.entries}, reference)
    return {one.name: one for one in time_ratios(pairs, reference) if one.n > 1}


def _ranked(study: Study) -> tuple[Ranking | None, str]:
    """Rank strategies over runs, or say why not.

    A run is a seed and repeat that all strategies have. Its value is the mean accuracy over the targets that all met in
    it; it is left out if there is no such target.
    """
    entries = [entry for entry in study.entries if entry.records[0].budget.match is None]  # controls are no rivals
    if len(entries) < FEWEST_STRATEGIES:
        return None, ""
    keys = [key for key in entries[0].keys if all(key in entry.keys for entry in entries)]
    rows = [entry.accuracy[[entry.keys.index(key) for key in keys]] for entry in entries]
    common = np.array(rows).reshape(len(rows), len(keys), len(study.targets))
    common[:, ~np.isfinite(common).all(axis=0)] = np.nan
    found = ranking({entry.name: finite_means(row) for entry, row in zip(entries, common, strict=True)})
    runs = int(np.isfinite(common[0]).any(axis=1).sum())
    return found, "" if found else f"No ranking: it needs {FEWEST_RUNS} runs that all strategies have, not {runs}."


def _compare(line: Line, reference: Line) -> str:
    paired = line.paired
    assert paired is not None
    evaluations = line.row.mean_sum("evaluations") / max(1.0, reference.row.mean_sum("evaluations"))
    message = [f"{line.name}: {format_percent(evaluations)} % of the evaluations"]
    if line.ratio:
        message.append(f"and {share_of_time(line.ratio, ' of the time')}")
    message.append(f"of {paired.reference},")
    if paired.difference is not None:
        message.append(f"{format_number(paired.difference, '+.2f')} points{in_points(paired)},")
    verdicts: dict[str, str] = {
        "better": "significantly better",
        "worse": "significantly worse",
        "equivalent": f"equivalent within ±{MARGIN:g} points",
        "no loss": f"no loss of {MARGIN:g} points or more",
        "not distinguished": "neither a difference nor equivalence is shown",
        "one repeat": "one repeat, so nothing is tested",
    }
    return " ".join([*message, verdicts[paired.verdict]])


def share_of_time(ratio: Ratio | None, of: str = "") -> str:
    """Return a ratio of times in percent (of what it is ``of``), with its interval in brackets; empty without one."""
    if ratio is None or ratio.ratio is None:
        return ""
    ends = f" ({' to '.join(map(format_percent, ratio.interval))})" if ratio.interval else ""
    return f"{format_percent(ratio.ratio)} %{of}{ends}"


def in_points(paired: Paired) -> str:
    """Return the interval of a difference in brackets; empty without one."""
    return f" ({' to '.join(format_number(end, '+.2f') for end in paired.interval)})" if paired.interval else ""


def difference(paired: Paired | None) -> str:
    """Return a difference with its interval, points; empty without one."""
    if paired is None or paired.difference is None:
        return ""
    return format_number(paired.difference, "+.2f") + in_points(paired)
