"""Sorts records into studies, within which strategies may be compared."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.records.costs import cost_name, guard_band_of
from ofa_bench.records.labels import config_hash, control, heading, labels, overrides_of
from ofa_bench.records.model import Record, RecordedRepeat, Result
from ofa_bench.records.timing import describe_timing, explain_untimed

__all__ = ["Entry", "Study", "finite_means", "studies"]

Floats = NDArray[np.float64]


def finite_means(rows: Floats) -> Floats:
    """Return the mean of the finite numbers in each row: float64 [n, m] to float64 [n]; NaN without any."""
    counts = np.isfinite(rows).sum(axis=1)
    means: Floats = np.divide(np.nansum(rows, axis=1), counts, out=np.full(len(rows), np.nan), where=counts > 0)
    return means


def _ascending(repeat: RecordedRepeat) -> list[Result]:
    return sorted(repeat.results, key=lambda result: float(result.target))


@dataclass(frozen=True, eq=False)
class Entry:
    """The results of one strategy in a study; records that differ only in their seed are one entry.

    Accuracies are predicted, in percent. ``keys`` are the repeats, (seed, repeat), in the order of the arrays' rows.
    ``accuracy``, ``cost``, ``target_seconds``, ``regret``: float64 [repeats, targets], NaN where a target is infeasible
    or (regret) no best known accuracy exists. ``seconds``, ``evaluations``: float64 [repeats].
    """

    name: str
    records: tuple[Record, ...]
    keys: tuple[tuple[int, int], ...]
    accuracy: Floats
    cost: Floats
    target_seconds: Floats
    regret: Floats
    seconds: Floats
    evaluations: Floats

    @property
    def mean_accuracy(self) -> Floats:
        """Mean predicted accuracy over feasible targets: float64 [repeats], percent; NaN if none is feasible."""
        return finite_means(self.accuracy)

    @property
    def repeats(self) -> list[list[Result]]:
        """The results of each repeat, in the order of ``keys``, by ascending target as in the arrays."""
        return [_ascending(repeat) for record in self.records for repeat in record.repeats]

    @property
    def feasible(self) -> int:
        """The number of feasible targets."""
        return sum(bool(one.feasible) for one in self.repeats[0])

    @property
    def shared(self) -> bool:
        """Whether a search served several targets."""
        return any(one.shared > 1 for results in self.repeats for one in results)


@dataclass(frozen=True, eq=False)
class Study:
    """Entries that may be compared: the same space, cost table, predictor, targets and budget.

    ``kept`` names the choices and overrides that are the same; ``targets`` are float64 [targets], ascending, in
    ``unit``; studies that differ only in targets have the same ``family``.
    """

    family: str
    kept: str
    space: str
    device: str
    predictor: str
    unit: str
    targets: Floats
    generations: int
    warm_generations: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """Space, device and targets."""
        number = len(self.targets)
        return f"{self.space} on {self.device}, {number} target{'s' * (number > 1)} ({self.span} {self.unit})"

    @property
    def span(self) -> str:
        """The least and the largest target."""
        return f"{self.targets[0]:g}" if len(self.targets) == 1 else f"{self.targets[0]:g}…{self.targets[-1]:g}"

    @property
    def description(self) -> str:
        """Predictor and budget, in which studies of one title may differ."""
        return f"predictor {self.predictor}, {self.generations} generations, {self.warm_generations} where warm-started"

    @property
    def timing(self) -> str:
        """How seconds were measured, or why those of several entries are not compared."""
        if self.hides_seconds:
            return f"Time is not compared: {self.untimed}. Seconds are in results.csv."
        return describe_timing(self.records)

    @property
    def untimed(self) -> str:
        """Why times of entries are not compared, as a clause; empty if they are."""
        return explain_untimed(self.records)

    @property
    def hides_seconds(self) -> bool:
        """Whether tables leave out the seconds of several entries, because they are not compared."""
        return len(self.entries) > 1 and bool(self.untimed)

    @property
    def cost_name(self) -> str:
        """The name of its costs."""
        return cost_name(*self.records)

    @property
    def records(self) -> list[Record]:
        """The records of all entries."""
        return [record for entry in self.entries for record in entry.records]


NAMELESS = ("seed", "repeats", "targets", "budget", "device.devices")
"""Keys and groups in which records of one entry may differ; a control's name has its budget."""


def studies(found: Sequence[Record]) -> list[Study]:
    """Sort records into studies by space, device, predictor, budget and targets, in any order.

    Devices of a fleet that was searched together stand in its order.
    """
    groups: dict[tuple[str, str], list[Record]] = {}
    fleet: dict[str, int] = {}
    for record in found:
        groups.setdefault((_family(record), json.dumps(sorted(record.targets))), []).append(record)
        for device in record.config.get("fleet") or ():
            fleet.setdefault(device, len(fleet))
    several = (_study(family, records) for (family, _), records in groups.items())
    return sorted(several, key=lambda study: _order(study, fleet))


def _order(study: Study, fleet: Mapping[str, int]) -> tuple[Any, ...]:
    """Return a key that sorts studies by problem, falling budget, family and targets."""
    place = fleet.get(study.records[0].choices.device, len(fleet))
    names, targets = (study.space, place, study.device, study.predictor), study.targets.tolist()
    return *names, -study.generations, study.family, len(targets), targets


def _family(record: Record) -> str:
    """Return all that records of one family share."""
    choices, config = record.choices, record.config
    names = [choices.space, choices.device, choices.predictor]
    hashes = [record.device.sha256, record.predictor.sha256]
    content = [names, hashes, guard_band_of(record), record.unit, config.get("space"), _own_budget(record)]
    return json.dumps(content, sort_keys=True)


def _own_budget(record: Record) -> list[Any]:
    """Return the budget of searches from scratch and warm-started ones; a control has that of its chain."""
    return [record.budget.generations, record.budget.warm_generations]


def _study(family: str, found: Sequence[Record]) -> Study:
    first = found[0]
    named: dict[str, list[Record]] = {}
    for record, label in zip(found, _labels(found), strict=True):
        taken = [one for one in named.get(label, []) if one.seed == record.seed]
        same = next((one for one in taken if _same(one, record)), None)
        if same is None:
            named.setdefault(f"{label} {record.identity[:4]}" if taken else label, []).append(record)
        elif len(record.repeats) > len(same.repeats):
            named[label][named[label].index(same)] = record
    warm = first.budget.warm_generations
    return Study(
        family=family,
        kept=heading([replace(record, address=record.address.rsplit("/", 1)[0] + "/") for record in found]),
        space=first.choices.space,
        device=_device(first),
        predictor=_predictor(first),
        unit=first.unit,
        targets=np.array(sorted(first.targets), np.float64),
        generations=first.budget.generations,
        warm_generations=str(warm) if isinstance(warm, int) else ", ".join(map(str, warm)),
        entries=tuple(_entry(name, several) for name, several in sorted(named.items())),
    )


def _device(record: Record) -> str:
    """Return the name of the device, with its guard band."""
    band = guard_band_of(record)
    return str(record.choices.device) + (f", guard band {band:g}" if band != 1 else "")


def _predictor(record: Record) -> str:
    """Return the predictor's option, or its own name if that starts with the option."""
    option, name = str(record.choices.predictor), str(record.predictor.name)
    return name if name.startswith(option) else option


def _same(one: Record, other: Record) -> bool:
    """Return whether two records have the same results in the repeats that both have."""
    pairs = zip(one.repeats, other.repeats, strict=False)
    return all(
        [(result.target, result.genes) for result in first.results]
        == [(result.target, result.genes) for result in second.results]
        for first, second in pairs
    )


def _labels(found: Sequence[Record]) -> list[str]:
    """Name records by strategy and other differences, except for seeds, repeats, targets and budget.

    A record whose address was cut has the name of one with the same config whose address was not, if there is one.
    Otherwise a hash stands for what was cut, unless all records of its strategy have the same config.
    """
    parts = [overrides_of(record, without=NAMELESS) for record in found]
    kinds = [(record.choices.strategy, config_hash(record, without=NAMELESS)) for record in found]
    several = Counter(strategy for strategy, _ in set(kinds))
    whole = {kind: own for kind, own in zip(kinds, parts, strict=True) if not any(map(_is_hash, own))}
    plain = []
    for record, kind, own in zip(found, kinds, parts, strict=True):
        shown = own if several[record.choices.strategy] > 1 else [one for one in own if not _is_hash(one)]
        named = whole.get(kind, shown) if any(map(_is_hash, own)) else own
        choices = replace(record.choices, targets="", budget="")
        plain.append(replace(record, choices=choices, address=f"/{','.join(named)}"))
    return [name.strip() + control(record) for name, record in zip(labels(plain), found, strict=True)]


def _is_hash(part: str) -> bool:
    return part.startswith("~")


def _entry(name: str, found: Sequence[Record]) -> Entry:
    ordered = sorted(found, key=lambda record: int(record.seed))
    rows, keys = list[RecordedRepeat](), list[tuple[int, int]]()
    for record in ordered:
        for repeat in record.repeats:
            rows.append(replace(repeat, results=_ascending(repeat)))
            keys.append((record.seed, repeat.repeat))

    def table(key: str, scale: float = 1.0) -> Floats:
        return np.array([[_number(one, key, scale) for one in repeat.results] for repeat in rows], np.float64)

    return Entry(
        name=name,
        records=tuple(ordered),
        keys=tuple(keys),
        accuracy=table("accuracy", 100),
        cost=table("cost"),
        target_seconds=table("seconds"),
        regret=table("regret", 100),
        seconds=np.array([repeat.seconds for repeat in rows], np.float64),
        evaluations=np.array([sum(one.evaluations for one in repeat.results) for repeat in rows], np.float64),
    )


def _number(result: Result, key: str, scale: float) -> float:
    value = getattr(result, key)
    return scale * value if value is not None and result.feasible else np.nan
