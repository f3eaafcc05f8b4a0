"""Sums a study up: one line a strategy, and the verdict in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ofa_bench.report.gather import Entry, Study
from ofa_bench.report.ranking import Ranking, ranking
from ofa_bench.report.statistics import MARGIN, Paired, Ratio, paired, time_ratios

__all__ = ["Line", "Summary", "compared", "in_percent", "in_points", "summed_up"]

Floats = NDArray[np.float64]

REFERENCES = ("vanilla", "ofa_reference")
"""What others are compared with: the first entry of the first of these strategies that is there, else the first."""


@dataclass(frozen=True)
class Line:
    """One strategy in a study: means over repeats, and how it stands to the reference.

    ``accuracy`` and ``accuracy_std`` are predicted accuracies over feasible targets, percent; ``regret`` is in points.
    Where a number does not exist it is None. ``paired`` and ``ratio`` are None for the reference, ``ratio`` also where
    seconds must not be compared.
    """

    name: str
    repeats: int
    feasible: str
    accuracy: float | None
    accuracy_std: float | None
    regret: float | None
    hypervolume: float | None
    seconds: float
    evaluations: float
    unique: float
    paired: Paired | None
    ratio: Ratio | None


@dataclass(frozen=True, eq=False)
class Summary:
    """A study with its lines, the best mean accuracy first; the ranking needs three strategies and two targets."""

    study: Study
    reference: str
    lines: tuple[Line, ...]
    ranking: Ranking | None

    @property
    def title(self) -> str:
        """Name the study by space, device and targets."""
        study, targets = self.study, self.study.targets
        span = f"{targets[0]:g} {study.unit}" if len(targets) == 1 else f"{targets[0]:g}…{targets[-1]:g} {study.unit}"
        return f"{study.space} on {study.device}, {len(targets)} target{'s' * (len(targets) > 1)} ({span})"

    @property
    def sentences(self) -> list[str]:
        """Say of each strategy how it stands to the reference."""
        return [_sentence(line, self.by_name[self.reference]) for line in self.lines if line.paired]

    @property
    def by_name(self) -> Mapping[str, Line]:
        """Find a strategy's line."""
        return {line.name: line for line in self.lines}


def summed_up(study: Study, wanted: str = "") -> Summary:
    """Compare a study's strategies with its reference, the one wanted if it is there, in pairs of seeds and repeats."""
    entries = {entry.name: entry for entry in study.entries}
    first = {entry.records[0]["choices"]["strategy"]: entry.name for entry in reversed(study.entries)}
    named = [wanted] if wanted in entries else [first[strategy] for strategy in REFERENCES if strategy in first]
    reference = next(iter(named), study.entries[0].name)
    differences, ratios = dict[str, Paired](), dict[str, Ratio]()
    for name, others in _families(study, reference):
        accuracy, seconds = (
            {one: _of(entries[one], name, values) for one in [reference, *others]}
            for values in ("mean_accuracy", "seconds")
        )
        differences |= {one.name: one for one in paired(accuracy, reference)}
        if study.same_timing:
            found = time_ratios(seconds, reference)
            ratios |= {one.name: replace(one, interval=None) if study.shared_time else one for one in found}
    lines = [_line(entry, differences.get(entry.name), ratios.get(entry.name)) for entry in study.entries]
    lines.sort(key=lambda line: -np.inf if line.accuracy is None else -line.accuracy)
    return Summary(study, reference, tuple(lines), _ranked(study))


Keys = tuple[tuple[int, int], ...]


def _families(study: Study, reference: str) -> list[tuple[Keys, list[str]]]:
    """Sort the strategies by the repeats that they share with the reference: each group is one family of tests."""
    entries = {entry.name: entry for entry in study.entries}
    found: dict[Keys, list[str]] = {}
    for name in entries:
        if name != reference and (keys := study.paired([entries[reference], entries[name]])):
            found.setdefault(keys, []).append(name)
    return list(found.items())


def _of(entry: Entry, keys: Keys, values: str) -> Floats:
    """Give an entry's numbers for some of its repeats, in their order: float64 [len(keys)]."""
    place = {key: i for i, key in enumerate(entry.keys)}
    chosen: Floats = getattr(entry, values)[[place[key] for key in keys]]
    return chosen


def _line(entry: Entry, difference: Paired | None, ratio: Ratio | None) -> Line:
    accuracy = entry.mean_accuracy
    feasible = [bool(np.isfinite(column).all()) for column in entry.accuracy.T]
    return Line(
        name=entry.name,
        repeats=len(entry.keys),
        feasible=f"{sum(feasible)} of {len(feasible)}",
        accuracy=_mean(accuracy),
        accuracy_std=float(np.std(accuracy, ddof=1)) if len(accuracy) > 1 and np.isfinite(accuracy).all() else None,
        regret=_mean(entry.regret),
        hypervolume=_mean(entry.hypervolume),
        seconds=float(np.mean(entry.seconds)),
        evaluations=float(np.mean(entry.evaluations)),
        unique=float(np.mean(entry.unique)),
        paired=difference,
        ratio=ratio,
    )


def _mean(values: Floats) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def _ranked(study: Study) -> Ranking | None:
    """Rank strategies over targets, each by its mean over repeats; targets that some never met are left out."""
    table = np.array([entry.accuracy.mean(axis=0) for entry in study.entries])  # NaN where a target was not met
    table = table[:, np.isfinite(table).all(axis=0)]
    return ranking({entry.name: row for entry, row in zip(study.entries, table, strict=True)})


def _sentence(line: Line, reference: Line) -> str:
    difference = line.paired
    assert difference is not None
    said = [f"{line.name}: {100 * line.evaluations / max(1.0, reference.evaluations):.3g} % of the evaluations"]
    if line.ratio and line.ratio.ratio is not None:
        said.append(f"and {100 * line.ratio.ratio:.3g} % of the time{in_percent(line.ratio)}")
    said.append(f"of {difference.reference},")
    if difference.difference is not None:
        said.append(f"{difference.difference:+.2f} points{in_points(difference)},")
    words: dict[str, str] = {
        "better": "significantly better",
        "worse": "significantly worse",
        "equivalent": f"equivalent within ±{MARGIN:g} points",
        "not distinguished": "neither a difference nor equivalence is shown",
        "one repeat": "one repeat, so nothing is tested",
    }
    return " ".join([*said, words[difference.verdict]])


def in_percent(ratio: Ratio) -> str:
    """Write the interval of a ratio, in brackets; empty where there is none."""
    return f" ({100 * ratio.interval[0]:.3g} to {100 * ratio.interval[1]:.3g})" if ratio.interval else ""


def in_points(difference: Paired) -> str:
    """Write the interval of a difference, in brackets; empty where there is none."""
    interval = difference.interval
    return f" ({interval[0]:+.2f} to {interval[1]:+.2f})" if interval else ""


def compared(summaries: Sequence[Summary]) -> list[Summary]:
    """Give the studies in which something is compared, of each family that of the most targets."""
    largest: dict[str, Summary] = {}
    for summary in summaries:
        if any(line.paired for line in summary.lines):
            best = largest.get(summary.study.family)
            if best is None or len(summary.study.targets) > len(best.study.targets):
                largest[summary.study.family] = summary
    return list(largest.values())
