"""The paper's experiments among records: the protocol that each follows, and its numbers by strategy and targets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.results.labels import OUTSIDE_BRACKETS
from ofa_bench.results.records import Record

__all__ = ["CHAINS", "PROTOCOLS", "STRATEGIES", "Runs", "protocol_of", "runs_of"]

Floats = NDArray[np.float64]

PROTOCOLS = {"as_published": "as published", "fair": "fair"}
STRATEGIES = ("vanilla", "top_down", "bottom_up")
CHAINS = STRATEGIES[1:]

NO_MATTER = ("repeats", "targets", "seed", "evolution.population_size", "budget.generations", "predictor", "space")
"""Overrides of these keys leave a record in its protocol."""


def protocol_of(record: Record) -> str | None:
    """Tell which protocol a record follows (see ``conf/experiment/table1.yaml``), if either."""
    strategy, budget = record["choices"]["strategy"], record["choices"]["budget"]
    words = re.split(OUTSIDE_BRACKETS, record["address"].rsplit("/", 1)[-1])
    own = {word for word in words if not word.startswith(NO_MATTER)}
    if strategy not in STRATEGIES:
        return None
    if budget == "sqrt" and not own:
        return "fair"
    as_published = {"evolution.reference_compat=true" if strategy == "vanilla" else f"experiment=authors_{strategy}"}
    return "as_published" if budget == "paper" and own == as_published else None


@dataclass(frozen=True, eq=False)
class Runs:
    """The records of one protocol in one space, by strategy and by targets (in ascending order)."""

    space: str
    protocol: str
    records: Mapping[str, Mapping[tuple[float, ...], Record]]

    @property
    def targets(self) -> tuple[float, ...]:
        """The most targets that all strategies were searched for together."""
        return max(set.intersection(*map(set, self.records.values())), key=len)

    @property
    def rows(self) -> list[int]:
        """Numbers of targets, k, for which there is a record of every strategy."""
        return sorted(set.intersection(*(set(self._ladder(strategy)) for strategy in STRATEGIES)))

    def record(self, strategy: str, k: int) -> Record:
        """Give the record of a strategy for k targets."""
        return self._ladder(strategy)[k]

    def _ladder(self, strategy: str) -> dict[int, Record]:
        """Find the record of the first k targets, for each k.

        As published, top-down was given the last k of the first five instead, where these were searched.
        """
        found = {}
        for k in range(1, len(self.targets) + 1):
            wanted = [self.targets[:k]]
            if self.protocol == "as_published" and strategy == "top_down" and k < 5:
                wanted.insert(0, self.targets[5 - k : 5])
            there = [self.records[strategy][one] for one in wanted if one in self.records[strategy]]
            if there:
                found[k] = there[0]
        return found

    def seconds(self, strategy: str, k: int) -> Floats:
        """Give the time of all searches for k targets: float64 [repeats], s."""
        return _seconds(self.record(strategy, k))

    def generations(self, strategy: str, k: int) -> float:
        """Give the generations of all searches for k targets, mean over repeats."""
        repeats = self.record(strategy, k)["repeats"]
        return float(np.mean([sum(one["generations"] for one in repeat["results"]) for repeat in repeats]))

    def accuracy(self, strategy: str) -> Floats:
        """Give the predicted accuracies for all targets, ascending: float64 [repeats, targets], percent."""
        repeats = self.records[strategy][self.targets]["repeats"]
        rows = [sorted(repeat["results"], key=lambda one: float(one["target"])) for repeat in repeats]
        return np.array([[100 * (one["accuracy"] or np.nan) for one in row] for row in rows], np.float64)

    def single(self, strategy: str) -> dict[float, Floats]:
        """Give the time of a search for one target alone, by target: float64 [repeats] each, s."""
        found = {key[0]: record for key, record in self.records[strategy].items() if len(key) == 1}
        return {target: _seconds(found[target]) for target in sorted(found)}


def _seconds(record: Record) -> Floats:
    return np.array([repeat["seconds"] for repeat in record["repeats"]], np.float64)


def runs_of(records: Sequence[Record]) -> dict[tuple[str, str], Runs]:
    """Sort records of the paper's experiments by space and protocol; where a strategy is missing, nothing is given.

    Of several records for the same targets, the first counts. The official predictor goes before others.
    """
    found: dict[tuple[str, str], dict[str, dict[tuple[float, ...], Record]]] = {}
    ordered = sorted(records, key=lambda record: record["choices"]["predictor"] != "official")
    predictors: dict[str, str] = {}
    for record in ordered:
        protocol, space = protocol_of(record), record["choices"]["space"]
        if protocol and predictors.setdefault(space, record["predictor"]["sha256"]) == record["predictor"]["sha256"]:
            of = found.setdefault((space, protocol), {}).setdefault(record["choices"]["strategy"], {})
            of.setdefault(tuple(sorted(record["targets"])), record)
    return {
        key: Runs(*key, of)
        for key, of in found.items()
        if set(of) == set(STRATEGIES) and set.intersection(*map(set, of.values()))
    }
