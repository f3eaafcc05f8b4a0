"""Sorts records of the paper's experiments into runs: numbers by protocol, strategy and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.paper.protocols import CHAINS, PROTOCOLS, STRATEGIES, entry_of
from ofa_bench.records.model import Record, RecordedRepeat
from ofa_bench.records.timing import TIMING

__all__ = ["Runs", "accuracies_of", "runs_of"]

Floats = NDArray[np.float64]

Key = tuple[int, int]
Repeats = Mapping[Key, RecordedRepeat]
"""The repeats of one strategy for one list of targets, by seed and number."""


@dataclass(frozen=True, eq=False)
class Runs:
    """The results of one protocol in one space, by strategy and ascending targets.

    ``first`` is one of its records; ``timed`` tells whether each search has a time of its own, all measured in one way.
    Numbers of several strategies and targets are of the same repeats in the same order.
    """

    space: str
    protocol: str
    first: Record
    timed: bool
    cells: Mapping[str, Mapping[tuple[float, ...], Repeats]]
    controls: Mapping[str, Mapping[tuple[float, ...], Repeats]] = field(default_factory=dict)
    """Those of vanilla with as much as a chain of the same seed, by the names of ``entry_of``."""

    @cached_property
    def targets(self) -> tuple[float, ...]:
        """The longest list of targets that all strategies have, among those with the most rows."""
        common = set.intersection(*map(set, self.cells.values()))
        return max(common, key=lambda targets: (len(self._rows_of(targets)), len(targets), [-one for one in targets]))

    @cached_property
    def rows(self) -> list[int]:
        """Numbers of targets, k, that all strategies have."""
        return self._rows_of(self.targets)

    def _rows_of(self, targets: tuple[float, ...]) -> list[int]:
        numbers = range(1, len(targets) + 1)
        return [k for k in numbers if all(self._searched(targets, name, k) for name in STRATEGIES)]

    def _searched(self, targets: tuple[float, ...], strategy: str, k: int) -> tuple[float, ...] | None:
        """Return the first k targets if searched; as published, top-down has the last k of the first five."""
        wanted = [targets[:k]]
        if self.protocol == "as_published" and strategy == "top_down" and k < 5 <= len(targets):
            wanted.insert(0, targets[5 - k : 5])
        return next((one for one in wanted if one in self.cells[strategy]), None)

    def searched(self, strategy: str, k: int) -> tuple[float, ...]:
        """Return the k targets that a strategy was given, ascending; ``k`` is one of ``rows``."""
        found = self._searched(self.targets, strategy, k)
        assert found is not None
        return found

    @cached_property
    def keys(self) -> list[Key]:
        """The repeats, by seed and number, that all rows of all strategies have."""
        cells = [self.cells[name][self.searched(name, k)] for name in STRATEGIES for k in self.rows]
        return sorted(set.intersection(*map(set, cells)))

    @cached_property
    def winners(self) -> list[Key]:
        """The repeats, by seed and number, that all strategies have for all targets."""
        return sorted(set.intersection(*(set(self.cells[name][self.targets]) for name in STRATEGIES)))

    def family(self, chain: str) -> list[tuple[float, ...]]:
        """Return the most lists of targets, shortest first, for which a chain searched the same target first."""
        families: dict[float, list[tuple[float, ...]]] = {}
        for targets in sorted(self.cells[chain], key=len):
            if set(targets) <= set(self.targets):
                families.setdefault(targets[-1 if chain == "top_down" else 0], []).append(targets)
        return max(families.values(), key=len)

    def family_seconds(self, chain: str) -> Floats:
        """Return the times for these lists of targets: float64 [lists, repeats], s."""
        cells = [self.cells[chain][targets] for targets in self.family(chain)]
        keys = sorted(set.intersection(*map(set, cells)))
        return np.array([[cell[key].seconds for key in keys] for cell in cells], np.float64)

    def control(self, match: str, chain: str) -> tuple[list[RecordedRepeat], list[RecordedRepeat]] | None:
        """Return the repeats of a chain and of its control that both have, for all targets; None without any."""
        name = f"{match} {CHAINS[0] if match == 'generations' else chain}"
        of, own = self.controls.get(name, {}).get(self.targets, {}), self.cells[chain][self.targets]
        keys = sorted(set(of) & set(own))
        return ([own[key] for key in keys], [of[key] for key in keys]) if keys else None

    def _repeats(self, strategy: str, k: int) -> list[RecordedRepeat]:
        return [self.cells[strategy][self.searched(strategy, k)][key] for key in self.keys]

    def seconds(self, strategy: str, k: int) -> Floats:
        """Return the time of all searches for k targets: float64 [repeats], s."""
        return np.array([repeat.seconds for repeat in self._repeats(strategy, k)], np.float64)

    def generations(self, strategy: str, k: int) -> float:
        """Return the generations of all searches for k targets, mean over repeats."""
        return float(np.mean([sum(one) for one in self.made(strategy, k)]))

    def made(self, strategy: str, k: int) -> list[list[float]]:
        """Return the generations for each feasible target of each repeat."""
        repeats = self._repeats(strategy, k)
        return [[one.generations for one in repeat.results if one.feasible] for repeat in repeats]

    def accuracy(self, strategy: str) -> Floats:
        """Return the predicted accuracies for all targets, ascending: float64 [repeats, targets], percent."""
        return accuracies_of([self.cells[strategy][self.targets][key] for key in self.winners])

    @cached_property
    def met(self) -> NDArray[np.bool_]:
        """Which targets are met by all strategies in all repeats: bool [targets]."""
        tables = [self.accuracy(strategy) for strategy in STRATEGIES]
        return np.asarray(np.isfinite(np.concatenate(tables)).all(axis=0))

    def mean_accuracy(self, strategy: str) -> Floats:
        """Return the mean over the targets that are met: float64 [repeats], percent."""
        means: Floats = self.accuracy(strategy)[:, self.met].mean(axis=1)
        return means

    @property
    def budget(self) -> Mapping[str, int]:
        """Generations of a search from scratch, n, and of a warm-started one, w, and the population."""
        budget, evolution = self.first.budget, self.first.config["evolution"]
        return {"n": budget.generations, "w": budget.warm_generations, "population": evolution["population_size"]}

    def single(self, strategy: str) -> dict[float, Floats]:
        """Return the times of searches for a single target that all strategies searched: float64 [repeats] each, s."""
        common = sorted(set.intersection(*(set(cells) for cells in self.cells.values())))
        alone = [targets for targets in common if len(targets) == 1]
        every = [set(cells[targets]) for cells in self.cells.values() for targets in alone]
        keys = sorted(set.intersection(*every)) if every else []
        cells = self.cells[strategy]
        return {one[0]: np.array([cells[one][key].seconds for key in keys], np.float64) for one in alone if keys}


def accuracies_of(repeats: Sequence[RecordedRepeat]) -> Floats:
    """Return predicted accuracies by ascending target: float64 [repeats, targets], percent; NaN if not met."""
    rows = [sorted(repeat.results, key=lambda one: float(one.target)) for repeat in repeats]
    return np.array([[100 * (one.accuracy or np.nan) for one in row] for row in rows], np.float64)


def runs_of(records: Sequence[Record]) -> dict[tuple[str, str], Runs]:
    """Sort records of the paper's experiments by space and protocol; those without all strategies are left out.

    Only records that may be averaged count for a space: those of the official predictor if there are any, otherwise
    those with the most repeats.
    """
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        if entry_of(record):
            groups.setdefault(_comparison_key(record), []).append(record)
    given: dict[tuple[str, str], Runs] = {}
    for several in sorted(groups.values(), key=_order):
        space = several[0].choices.space
        if not any((space, protocol) in given for protocol in PROTOCOLS):
            given |= _given(space, several)
    return given


def _comparison_key(record: Record) -> tuple[Any, ...]:
    """Return what records share that may be averaged."""
    return (
        record.choices.space,
        record.device.sha256,
        record.predictor.sha256,
        record.budget.generations,
        record.config["evolution"]["population_size"],
        record.made.lockstep,
    )


def _order(several: Sequence[Record]) -> tuple[bool, bool, int]:
    first = several[0].choices
    elsewhere = first.space == "mbv3" and first.device != "note10"
    return first.predictor != "official", elsewhere, -sum(len(record.repeats) for record in several)


def _given(space: str, records: Sequence[Record]) -> dict[tuple[str, str], Runs]:
    """Merge the repeats of all records of a protocol with one strategy and one list of targets."""
    found: dict[str, dict[str, dict[tuple[float, ...], dict[Key, RecordedRepeat]]]] = {}
    firsts: dict[str, Record] = {}
    for record in records:
        protocol, entry = entry_of(record) or ("", "")
        cell = found.setdefault(protocol, {}).setdefault(entry, {}).setdefault(tuple(sorted(record.targets)), {})
        for repeat in record.repeats:
            cell.setdefault((record.seed, repeat.repeat), repeat)
        if entry in STRATEGIES:
            firsts.setdefault(protocol, record)
    timings = {tuple(getattr(record.made, key) for key in TIMING) for record in records}
    timed = len(timings) == 1 and not records[0].made.lockstep
    given = {}
    for protocol, of in found.items():
        cells = {name: of.pop(name) for name in STRATEGIES if name in of}
        if len(cells) == len(STRATEGIES) and set.intersection(*map(set, cells.values())):
            given[space, protocol] = Runs(space, protocol, firsts[protocol], timed, cells, of)
    return {key: runs for key, runs in given.items() if runs.keys and runs.met.any()}
