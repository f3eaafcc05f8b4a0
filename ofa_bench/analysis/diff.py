"""Compares two sweeps, A and B, such as before and after a change: the studies that both have, strategy by strategy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy  # its modules are imported when they are first used
from numpy.typing import NDArray

from ofa_bench.analysis.intervals import ALPHA, varies
from ofa_bench.analysis.statistics import Paired, Ratio, paired, t_interval, time_ratios
from ofa_bench.analysis.studies import Entry, Study, finite_means, studies
from ofa_bench.records.differing import differing
from ofa_bench.records.model import Record, Result
from ofa_bench.records.timing import explain_untimed

__all__ = ["Change", "Diff", "StudyPair", "compare_sweeps"]

Floats = NDArray[np.float64]
Key = tuple[int, int]

FOUND = ("target", "feasible", "accuracy", "true_accuracy", "cost", "genes", "generations", "evaluations",
         "unique_evaluations")  # fmt: skip
KEPT = ("curve", "alternatives")
"""Fields of results that are equal in repeats that are the same to the bit; ``KEPT`` are missing in packed records."""


@dataclass(frozen=True, eq=False)
class Change:
    """A strategy of a study that both sweeps have.

    ``keys`` are the repeats, (seed, repeat), that both have; ``same``, bool [n], tells which of these are the same to
    the bit. ``paired`` is B less A in accuracy over these, points, with tests corrected for all strategies of the
    study. Without any it has no pairs, and a difference of means with Welch's interval. ``evaluations`` are those of B
    less A, with their interval, None if they do not vary. ``time`` is B's as a multiple of A's.
    """

    a: Entry
    b: Entry
    keys: tuple[Key, ...]
    same: NDArray[np.bool_]
    paired: Paired
    evaluations: tuple[float, tuple[float, float] | None]
    time: Ratio

    @property
    def identical(self) -> bool:
        """Whether both have the same repeats, all of them the same to the bit."""
        return len(self.keys) == len(self.a.keys) == len(self.b.keys) and bool(self.same.all())


@dataclass(frozen=True, eq=False)
class StudyPair:
    """A study that both sweeps have.

    ``settings`` are what differs between records of one strategy and seed: the names of strategies by (name, value in
    A, value in B). ``only_a`` and ``only_b`` describe strategies and repeats that only one has. ``untimed`` tells
    why times are not compared, as a clause; ``versions`` whether those of the package differ.
    """

    a: Study
    b: Study
    changes: tuple[Change, ...]
    settings: Mapping[tuple[str, str, str], Sequence[str]]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    untimed: str
    versions: bool


@dataclass(frozen=True, eq=False)
class Diff:
    """The studies that both sweeps have, and those that only one has."""

    pairs: tuple[StudyPair, ...]
    only_a: tuple[Study, ...]
    only_b: tuple[Study, ...]


def compare_sweeps(a: Sequence[Record], b: Sequence[Record]) -> Diff:
    """Compare the records of two sweeps.

    Studies of the same space, device, targets and budget belong together. Where a sweep has several such, those with
    the same predictor and cost table do, then those with a predictor of the same name.
    """
    first, second = studies(a), studies(b)
    found: dict[int, Study] = {}
    for key in (_exactly, _by_predictor, _problem):
        for study in first:
            left, right = ([one for one in several if id(one) not in found] for several in (first, second))
            mine, others = ([one for one in several if key(one) == key(study)] for several in (left, right))
            if study in mine and len(mine) == len(others) == 1:
                found |= {id(study): others[0], id(others[0]): study}
    pairs = tuple(_pair(study, found[id(study)]) for study in first if id(study) in found)
    alone = (tuple(one for one in several if id(one) not in found) for several in (first, second))
    return Diff(pairs, *alone)


def _problem(study: Study) -> tuple[Any, ...]:
    problem = (study.space, study.device, study.unit, study.targets.tolist())
    return *problem, study.generations, study.warm_generations


def _by_predictor(study: Study) -> tuple[Any, ...]:
    return study.predictor, *_problem(study)


def _exactly(study: Study) -> tuple[Any, ...]:
    return study.family, *_problem(study)


def _pair(a: Study, b: Study) -> StudyPair:
    left, right = ({entry.name: entry for entry in study.entries} for study in (a, b))
    both = [(entry, right[name]) for name, entry in left.items() if name in right]
    settings: dict[tuple[str, str, str], list[str]] = {}
    for one, other in both:
        seeds = {record.seed: record for record in other.records}
        pairs = [(record, seeds[record.seed]) for record in one.records if record.seed in seeds]
        for setting in dict.fromkeys(found for pair in pairs for found in differing(*pair)):
            settings.setdefault(setting, []).append(one.name)
    records = [record for several in both for entry in several for record in entry.records]
    untimed = explain_untimed(records, across=["ofa_bench"]) if records else ""
    versions = len({record.made.ofa_bench for record in records}) > 1
    only_a, only_b = tuple(_alone(left, right)), tuple(_alone(right, left))
    return StudyPair(a, b, tuple(_changes(both)), settings, only_a, only_b, untimed, versions)


def _changes(both: Sequence[tuple[Entry, Entry]]) -> Iterator[Change]:
    keys = [tuple(key for key in a.keys if key in b.keys) for a, b in both]
    longest = max(map(len, keys), default=0)
    values = {"A": np.zeros(longest)}  # all are compared at once, so that tests are corrected for all
    for (a, b), common in zip(both, keys, strict=True):
        means = finite_means(_rows(b.accuracy, b, common) - _rows(a.accuracy, a, common))
        values[f" {a.name}"] = np.append(means, np.full(longest - len(common), np.nan))
    found = paired(values, "A")
    for (a, b), common, one in zip(both, keys, found, strict=True):
        yield _change(a, b, common, replace(one, name=a.name))


def _change(a: Entry, b: Entry, keys: tuple[Key, ...], accuracy: Paired) -> Change:
    same = [_same(*pair) for pair in zip(_repeats(a, keys), _repeats(b, keys), strict=True)]
    if keys:
        row = _rows(b.evaluations, b, keys) - _rows(a.evaluations, a, keys)
        evaluations = float(row.mean()), t_interval(row)
    else:
        difference, interval = _welch(a, b)
        accuracy = replace(accuracy, difference=difference, interval=interval)
        evaluations = float(b.evaluations.mean() - a.evaluations.mean()), None
    [time] = time_ratios({"A": _rows(a.seconds, a, keys), "B": _rows(b.seconds, b, keys)}, "A")
    return Change(a, b, keys, np.array(same, bool), accuracy, evaluations, time)


def _rows(values: Floats, entry: Entry, keys: Sequence[Key]) -> Floats:
    """Return an entry's numbers, float64 [repeats, ...], in some of its repeats."""
    rows: Floats = values[[entry.keys.index(key) for key in keys]]
    return rows


def _repeats(entry: Entry, keys: Sequence[Key]) -> list[list[Result]]:
    repeats = dict(zip(entry.keys, entry.repeats, strict=True))
    return [repeats[key] for key in keys]


def _welch(a: Entry, b: Entry) -> tuple[float | None, tuple[float, float] | None]:
    """Return the difference of mean accuracies over targets that all repeats of both met, with its interval."""
    met = np.isfinite(np.concatenate([a.accuracy, b.accuracy])).all(axis=0)
    if not met.any():
        return None, None
    first, second = (entry.accuracy[:, met].mean(axis=1) for entry in (a, b))
    difference = float(second.mean() - first.mean())
    if len(first) < 2 or len(second) < 2 or not (varies(first) or varies(second)):
        return difference, None
    found = scipy.stats.ttest_ind(second, first, equal_var=False).confidence_interval(1 - ALPHA)
    return difference, (float(found.low), float(found.high))


def _same(a: Sequence[Result], b: Sequence[Result]) -> bool:
    def equal(one: Result, other: Result, key: str) -> bool:
        mine, theirs = getattr(one, key), getattr(other, key)
        return mine == theirs or (key in KEPT and not (mine and theirs))

    return all(equal(*pair, key) for pair in zip(a, b, strict=True) for key in (*FOUND, *KEPT))


def _alone(entries: Mapping[str, Entry], others: Mapping[str, Entry]) -> Iterator[str]:
    for name, entry in entries.items():
        keys = [key for key in entry.keys if name not in others or key not in others[name].keys]
        seeds = dict.fromkeys(seed for seed, _ in keys)
        counts = {seed: sum(one == seed for one, _ in keys) for seed in seeds}
        listed = [f"seed {seed}: {n} repeat{'s' if n != 1 else ''}" for seed, n in counts.items()]
        if keys:
            yield name if name not in others else f"{name} ({', '.join(listed)})"
