"""Sums a study up: one line a strategy, and the verdict in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.judges import Judged, cross_evaluate
from ofa_bench.analysis.pairs import differences, of_pairs
from ofa_bench.analysis.ranking import Ranking, ranking
from ofa_bench.analysis.statistics import MARGIN, Paired, Ratio, time_ratios
from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.formatting import format_number
from ofa_bench.records.rows import Row, totals_of

__all__ = ["Line", "Summary", "in_percent", "in_points", "summed_up", "with_judges"]

Floats = NDArray[np.float64]

REFERENCES = ("vanilla", "ofa_reference")
"""What others are compared with: the first entry of the first of these strategies that is there, else the first."""


@dataclass(frozen=True)
class Line:
    """One strategy in a study: means over repeats, and how it stands to the reference.

    ``row`` is that of all targets. ``paired`` and ``ratio`` are None for the reference, ``ratio`` also where
    seconds must not be compared.
    """

    name: str
    repeats: int
    feasible: str
    row: Row
    paired: Paired | None
    ratio: Ratio | None

    @property
    def accuracy(self) -> float | None:
        """The mean predicted accuracy over feasible targets, percent; None where no target is feasible."""
        return None if self.row.accuracy is None else 100 * self.row.accuracy


@dataclass(frozen=True, eq=False)
class Summary:
    """A study with its lines, the best mean accuracy first; the ranking needs three strategies and two targets."""

    study: Study
    reference: str
    lines: tuple[Line, ...]
    ranking: Ranking | None
    judges: tuple[Judged, ...] = ()

    @property
    def title(self) -> str:
        """Name the study by space, device and targets."""
        study, number = self.study, len(self.study.targets)
        return f"{study.space} on {study.device}, {number} target{'s' * (number > 1)} ({self.targets} {study.unit})"

    @property
    def targets(self) -> str:
        """Name the targets by the least and the largest."""
        targets = self.study.targets
        return f"{targets[0]:g}" if len(targets) == 1 else f"{targets[0]:g}…{targets[-1]:g}"

    @property
    def sentences(self) -> list[str]:
        """Say of each strategy how it stands to the reference."""
        return [
            _sentence(line, self.by_name[self.reference]) + self._remains(line) for line in self.lines if line.paired
        ]

    def _remains(self, line: Line) -> str:
        """Describe what other predictors leave of a lead."""
        if line.paired is None or line.paired.verdict != "better":
            return ""
        leads = [(one.judge, one.leads.get(line.name)) for one in self.judges]
        message = [
            f"{format_number(lead.difference, '+.2f')}{in_points(lead)} by {judge}"
            for judge, lead in leads
            if lead is not None and lead.difference is not None
        ]
        return f"; to predictors that did not guide the search, {', '.join(message)}" if message else ""

    @property
    def by_name(self) -> Mapping[str, Line]:
        """Find a strategy's line."""
        return {line.name: line for line in self.lines}


def summed_up(study: Study, wanted: str = "") -> Summary:
    """Compare a study's strategies with its reference, the one wanted if it is there, in pairs of seeds and repeats."""
    entries = {entry.name: entry for entry in study.entries}
    first = {entry.records[0].choices.strategy: entry.name for entry in reversed(study.entries)}
    named = [wanted] if wanted in entries else [first[strategy] for strategy in REFERENCES if strategy in first]
    reference = next(iter(named), study.entries[0].name)
    found = differences(study, {entry.name: entry.accuracy for entry in study.entries}, reference)
    ratios = _ratios(study, reference) if study.same_timing else {}
    lines = [_line(entry, found.get(entry.name), ratios.get(entry.name)) for entry in study.entries]
    lines.sort(key=lambda line: -np.inf if line.accuracy is None else -line.accuracy)
    return Summary(study, reference, tuple(lines), _ranked(study))


def with_judges(summary: Summary) -> Summary:
    """Add what predictors that did not guide the searches say of the winners."""
    return replace(summary, judges=tuple(cross_evaluate(summary.study, summary.reference)))


def _ratios(study: Study, reference: str) -> dict[str, Ratio]:
    """Divide times by the reference's; those that repeats shared have no interval."""
    pairs = of_pairs(study, {entry.name: entry.seconds for entry in study.entries}, reference)
    found = time_ratios(pairs, reference)
    return {one.name: replace(one, interval=None) if study.shared_time else one for one in found}


def _line(entry: Entry, difference: Paired | None, ratio: Ratio | None) -> Line:
    feasible = [bool(np.isfinite(column).all()) for column in entry.accuracy.T]
    return Line(
        name=entry.name,
        repeats=len(entry.keys),
        feasible=f"{sum(feasible)} of {len(feasible)}",
        row=totals_of(entry.records),
        paired=difference,
        ratio=ratio,
    )


def _ranked(study: Study) -> Ranking | None:
    """Rank strategies over targets, each by its mean over repeats; targets that some never met are left out."""
    table = np.array([entry.accuracy.mean(axis=0) for entry in study.entries])  # NaN where a target was not met
    table = table[:, np.isfinite(table).all(axis=0)]
    return ranking({entry.name: row for entry, row in zip(study.entries, table, strict=True)})


def _sentence(line: Line, reference: Line) -> str:
    difference = line.paired
    assert difference is not None
    evaluations = line.row.mean_sum("evaluations") / max(1.0, reference.row.mean_sum("evaluations"))
    message = [f"{line.name}: {100 * evaluations:.3g} % of the evaluations"]
    if line.ratio and line.ratio.ratio is not None:
        message.append(f"and {100 * line.ratio.ratio:.3g} % of the time{in_percent(line.ratio)}")
    message.append(f"of {difference.reference},")
    if difference.difference is not None:
        message.append(f"{format_number(difference.difference, '+.2f')} points{in_points(difference)},")
    words: dict[str, str] = {
        "better": "significantly better",
        "worse": "significantly worse",
        "equivalent": f"equivalent within ±{MARGIN:g} points",
        "no loss": f"no loss of {MARGIN:g} points or more",
        "not distinguished": "neither a difference nor equivalence is shown",
        "one repeat": "one repeat, so nothing is tested",
    }
    return " ".join([*message, words[difference.verdict]])


def in_percent(ratio: Ratio) -> str:
    """Write the interval of a ratio, in brackets; empty where there is none."""
    return f" ({100 * ratio.interval[0]:.3g} to {100 * ratio.interval[1]:.3g})" if ratio.interval else ""


def in_points(difference: Paired) -> str:
    """Write the interval of a difference, in brackets; empty where there is none."""
    interval = difference.interval
    return f" ({' to '.join(format_number(end, '+.2f') for end in interval)})" if interval else ""
