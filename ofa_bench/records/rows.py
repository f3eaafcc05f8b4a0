"""Rows of tables: the results of a record's repeats for one target, or for all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ofa_bench.records.model import Record, RecordedRepeat, Result
from ofa_bench.records.unlabelled import is_marked

__all__ = ["Row", "rows", "totals"]


@dataclass(frozen=True, eq=False)
class Row:
    """The results of repeats for one target or, as a total (``target`` is None), for all; numbers are means.

    ``place`` is the position of the target among the results of a repeat. ``target`` and ``cost`` are in ``unit``,
    accuracies and regrets are fractions of 1.
    """

    strategy: str
    unit: str
    repeats: Sequence[RecordedRepeat]
    target: float | None = None
    place: int | None = None

    @cached_property
    def results(self) -> list[list[Result]]:
        """The results of each repeat."""
        return [one.results if self.place is None else [one.results[self.place]] for one in self.repeats]

    @cached_property
    def _all(self) -> list[Result]:
        return [result for results in self.results for result in results]

    def mean_sum(self, key: str) -> float:
        """Return the mean over repeats of the sum over targets of a result's number."""
        return float(np.mean([sum(getattr(result, key) for result in results) for results in self.results]))

    @cached_property
    def _accuracies(self) -> list[float]:
        found = [[one.accuracy for one in results if one.accuracy is not None] for results in self.results]
        return [float(np.mean(values)) for values in found if values]

    @property
    def accuracy(self) -> float | None:
        """The mean over feasible targets; None where none is feasible."""
        return _mean(self._accuracies)

    @property
    def true_accuracy(self) -> float | None:
        """The same of the accuracy without errors of simulated measurements; None without these."""
        found = [[one.true_accuracy for one in results if one.true_accuracy is not None] for results in self.results]
        return _mean(float(np.mean(values)) for values in found if values)

    @property
    def missed(self) -> bool:
        """Whether a target was not met."""
        return not all(one.feasible for one in self._all)

    @property
    def accuracy_std(self) -> float | None:
        """The standard deviation of the accuracy over repeats; None for fewer than two."""
        return float(np.std(self._accuracies, ddof=1)) if len(self._accuracies) > 1 else None

    @property
    def uncertainty(self) -> float | None:
        """The mean uncertainty of the predictor, one standard deviation of each network; None where it has none."""
        return _mean(one.uncertainty for one in self._all)

    @property
    def measured(self) -> float | None:
        """The mean measured accuracy over feasible targets, as that of ``accuracy``; None unless all are measured."""
        found = [[one.measured for one in results if one.feasible] for results in self.results]
        known = [[one.top1 for one in measured if one] for measured in found]
        same = len({one.how for measured in found for one in measured if one}) == 1
        whole = list(map(len, found)) == list(map(len, known))
        return _mean(float(np.mean(values)) for values in known if values) if whole and same else None

    @property
    def cost(self) -> float:
        """The mean cost; in a total, over the targets that are met."""
        by_target = list(zip(*self.results, strict=True))
        met = [results for results in by_target if self.place is not None or any(one.feasible for one in results)]
        return float(np.mean([np.mean([one.cost for one in results]) for results in met] or np.nan))

    @property
    def seconds(self) -> float:
        """The seconds of search."""
        if self.place is None:
            return float(np.mean([one.seconds for one in self.repeats]))
        return self.mean_sum("seconds")

    @cached_property
    def _regrets(self) -> list[float]:
        return [one.regret for one in self._all if one.regret is not None]

    @property
    def regret(self) -> float | None:
        """The mean regret; None where there is no best-known frontier to compare with."""
        return _mean(self._regrets)

    @property
    def compared(self) -> int:
        """The number of repeats or, in a total, targets that were compared with the best known."""
        return len(self._regrets) // (len(self.repeats) if self.place is None else 1)

    @property
    def near(self) -> float:
        """The number of these that came within 0.1 points of it (in a total, the mean over repeats)."""
        return sum(one.evaluations_within is not None for one in self._all) / (
            len(self.repeats) if self.place is None else 1
        )

    @property
    def evaluations_near(self) -> float | None:
        """The mean evaluations until they came near, of those that did."""
        return _mean(one.evaluations_within for one in self._all)

    @property
    def seconds_near(self) -> float | None:
        """The mean seconds until they came near, of those that did."""
        return _mean(one.seconds_within for one in self._all)

    @property
    def hypervolume_ratio(self) -> float | None:
        """The mean ratio of the hypervolume to that of the best known; None except in a total."""
        return _mean(one.hypervolume_ratio for one in self.repeats) if self.place is None else None

    @property
    def unlabelled(self) -> bool:
        """Whether a network that meets its target has a choice that no label of the predictor had."""
        return is_marked(self._all)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def rows(record: Record) -> list[Row]:
    """Return one row for each target, in the order of the record's targets."""
    name, unit = record.choices.strategy, record.unit
    return [Row(name, unit, record.repeats, target, i) for i, target in enumerate(record.targets)]


def totals(*records: Record) -> Row:
    """Return the row of all targets of records that differ only in their seed."""
    first = records[0]
    return Row(first.choices.strategy, first.unit, [repeat for record in records for repeat in record.repeats])
