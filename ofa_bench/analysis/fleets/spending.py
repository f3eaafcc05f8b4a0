"""Compares the strategies of a fleet: regret on each device and in all, and what the whole fleet cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.fleets.pooling import Device, Fleet
from ofa_bench.analysis.statistics import t_interval
from ofa_bench.analysis.studies import Entry, Study, finite_means
from ofa_bench.records.regret import without_errors

__all__ = ["FleetLine", "Mean", "Spent", "against_best_known", "compare_strategies"]

Floats = NDArray[np.float64]
Keys = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Mean:
    """A mean over repeats, with its 95 % interval; None for one repeat, or if repeats do not vary."""

    value: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, row: Floats) -> "Mean | None":
        """Return the mean of the finite numbers among float64 [repeats]; None without any."""
        known = row[np.isfinite(row)]
        return cls(float(known.mean()), t_interval(known)) if len(known) else None


@dataclass(frozen=True)
class Spent:
    """What the repeats of a strategy cost on all devices that it has records of; means over repeats."""

    devices: int
    targets: int
    repeats: int
    generations: float
    evaluations: float
    unique_evaluations: float
    seconds: float


@dataclass(frozen=True)
class FleetLine:
    """A strategy with a budget: ``regret`` and the number of targets ``met`` in all repeats, by position of the device.

    ``overall`` is the mean regret over devices; None unless there is a repeat that all of them have.
    """

    name: str
    regret: Mapping[int, Mean]
    met: Mapping[int, int]
    overall: Mean | None
    spent: Spent


def compare_strategies(fleet: Fleet) -> list[FleetLine]:
    """Return the strategies of a fleet by rising regret; those without records of all devices come last."""
    budgets = {_budget(study) for device in fleet.devices for study in device.studies}
    named: dict[str, dict[int, Entry]] = {}
    for place, device in enumerate(fleet.devices):
        for study in device.studies:
            of = f", {study.generations} generations, {study.warm_generations} warm" if len(budgets) > 1 else ""
            for entry in study.entries:
                named.setdefault(entry.name + of, {})[place] = entry
    found = [_compare(fleet, name, entries) for name, entries in named.items()]
    return sorted(found, key=lambda one: (one.overall is None, one.overall.value if one.overall else 0.0, one.name))


def _budget(study: Study) -> tuple[int, str]:
    return study.generations, study.warm_generations


def against_best_known(device: Device) -> bool:
    """Return whether all records of a device were compared with its best-known frontier."""
    entries = [entry for study in device.studies for entry in study.entries]
    return all((np.isfinite(one.regret) == np.isfinite(one.accuracy)).all() for one in entries)


def _compare(fleet: Fleet, name: str, entries: Mapping[int, Entry]) -> FleetLine:
    rows = {place: finite_means(_regret(fleet, place, entry)) for place, entry in entries.items()}
    means = {place: mean for place, row in rows.items() if (mean := Mean.of(row))}
    met = {place: int(np.isfinite(entry.accuracy).all(axis=0).sum()) for place, entry in entries.items()}
    keys = _common(list(entries.values()))
    overall = None
    if len(entries) == len(fleet.devices):
        common = [[entry.keys.index(key) for key in keys] for entry in entries.values()]
        table = np.array([row[places] for row, places in zip(rows.values(), common, strict=True)])
        overall = Mean.of(table.mean(axis=0)) if keys else None
    return FleetLine(name, means, met, overall, _spent(list(entries.values()), keys))


def _common(entries: Sequence[Entry]) -> Keys:
    """Return the repeats that all entries have."""
    return tuple(key for key in entries[0].keys if all(key in entry.keys for entry in entries))


def _regret(fleet: Fleet, place: int, entry: Entry) -> Floats:
    """Return points below the best known, or below the best of all records: float64 [repeats, targets]."""
    if against_best_known(fleet.devices[place]):
        return entry.regret
    best = fleet.best[fleet.places(place)]
    return np.array(
        [
            [
                fleet.accuracy[at] - 100 * without_errors(one) if one.feasible else np.nan
                for at, one in zip(best.tolist(), results, strict=True)
            ]
            for results in entry.repeats
        ]
    )


def _spent(entries: Sequence[Entry], keys: Keys) -> Spent:
    sums = np.zeros(4)
    for entry in entries:
        repeats = dict(zip(entry.keys, entry.repeats, strict=True))
        for key in keys:
            results = repeats[key]
            sums += [
                sum(one.generations / one.shared for one in results),
                sum(one.evaluations for one in results),
                sum(one.unique_evaluations for one in results),
                entry.seconds[entry.keys.index(key)],
            ]
    targets = sum(entry.accuracy.shape[1] for entry in entries)
    generations, evaluations, unique, seconds = (sums / max(1, len(keys))).tolist()
    return Spent(len(entries), targets, len(keys), generations, evaluations, unique, seconds)
