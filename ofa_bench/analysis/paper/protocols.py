"""Finds the paper's experiments among records, and their numbers by protocol, strategy and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.studies import TIMING
from ofa_bench.records.model import Record, RecordedRepeat

__all__ = ["CHAINS", "NAMES", "PROTOCOLS", "STRATEGIES", "Runs", "comparison_key", "protocol_of", "runs_of"]

Floats = NDArray[np.float64]

PROTOCOLS = {"as_published": "as published", "fair": "fair"}
STRATEGIES = ("vanilla", "top_down", "bottom_up")
CHAINS = STRATEGIES[1:]
NAMES = {"mbv3": "MobileNetV3", "resnet50d": "ResNet50D", "proxyless": "ProxylessNAS"}
"""The paper's spaces."""

_EVOLUTION = {
    "parent_ratio": 0.25,
    "mutation_ratio": 0.5,
    "mutate_prob": 0.1,
    "reference_compat": False,
    "initial_ratio": 1.0,
    "constraint": "hard",
}
_START = {"seed": "best", "prunings": 1, "prune_resolution": True, "share": None, "from": None}
_FAIR: Mapping[str, Mapping[str, Any]] = {
    "vanilla": {"evolution": _EVOLUTION},
    "top_down": {"evolution": _EVOLUTION, "warm_start": _START, "order": "descending"},
    "bottom_up": {"evolution": _EVOLUTION, "warm_start": _START, "order": "ascending"},
}
_AUTHORS = _EVOLUTION | {"reference_compat": True, "initial_ratio": 0.5}
_AS_PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "vanilla": {"evolution": _EVOLUTION | {"reference_compat": True}},
    "top_down": {
        "evolution": _AUTHORS,
        "warm_start": _START | {"share": 1.0, "prune_resolution": False},
        "order": "descending",
    },
    "bottom_up": {"evolution": _AUTHORS, "warm_start": _START | {"seed": "population"}, "order": "ascending"},
}
_SETTINGS = {
    ("fair", "sqrt"): _FAIR,
    ("as_published", 63): _AS_PUBLISHED,
}
"""The settings of each strategy, by protocol and warm-started generations; population and generations may vary."""


def protocol_of(record: Record) -> str | None:
    """Return the protocol that a record follows (see ``conf/experiment/table1.yaml``); None for neither."""
    name, config = record.choices.strategy, record.config
    ours = name in STRATEGIES and record.choices.space in NAMES and record.unit == "ms"
    if ours and not (config.get("device") or {}).get("guard_band"):
        for (protocol, warm), settings in _SETTINGS.items():
            wanted = settings[name]
            if config["budget"]["warm_generations"] == warm and _part(config["strategy"], wanted) == wanted:
                return protocol
    return None


def _part(node: Any, of: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a node for the keys of another one, recursively."""
    found = {key: (node or {}).get(key) for key in of}
    return {key: _part(found[key], inner) if isinstance(inner, Mapping) else found[key] for key, inner in of.items()}


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
        repeats = [self.cells[strategy][self.targets][key] for key in self.winners]
        rows = [sorted(repeat.results, key=lambda one: float(one.target)) for repeat in repeats]
        return np.array([[100 * (one.accuracy or np.nan) for one in row] for row in rows], np.float64)

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
        """Return the times of searches for a single target, by target: float64 [repeats] each, s."""
        alone = [{key[0]: cell for key, cell in cells.items() if len(key) == 1} for cells in self.cells.values()]
        every = [set(cell) for of in alone for cell in of.values()]
        keys = sorted(set.intersection(*every)) if every else []
        found = alone[list(self.cells).index(strategy)] if keys else {}
        return {one: np.array([found[one][key].seconds for key in keys], np.float64) for one in sorted(found)}


def runs_of(records: Sequence[Record]) -> dict[tuple[str, str], Runs]:
    """Sort records of the paper's experiments by space and protocol; those without all strategies are left out.

    Only records that may be averaged count for a space: those of the official predictor if there are any, otherwise
    those with the most repeats.
    """
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        if protocol_of(record):
            groups.setdefault(comparison_key(record), []).append(record)
    given: dict[tuple[str, str], Runs] = {}
    for several in sorted(groups.values(), key=_order):
        space = several[0].choices.space
        if not any((space, protocol) in given for protocol in PROTOCOLS):
            given |= _given(space, several)
    return given


def comparison_key(record: Record) -> tuple[Any, ...]:
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
    for record in records:
        of = found.setdefault(protocol_of(record) or "", {}).setdefault(record.choices.strategy, {})
        cell = of.setdefault(tuple(sorted(record.targets)), {})
        for repeat in record.repeats:
            cell.setdefault((record.seed, repeat.repeat), repeat)
    firsts = {protocol_of(record): record for record in reversed(records)}
    timings = {tuple(getattr(record.made, key) for key in TIMING) for record in records}
    timed = len(timings) == 1 and not records[0].made.lockstep
    given = {
        (space, protocol): Runs(space, protocol, firsts[protocol], timed, of)
        for protocol, of in found.items()
        if set(of) == set(STRATEGIES) and set.intersection(*map(set, of.values()))
    }
    return {key: runs for key, runs in given.items() if runs.keys and runs.met.any()}
