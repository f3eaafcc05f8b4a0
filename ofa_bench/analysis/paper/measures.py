"""Measures the quantities of the paper's claims: shares of time, trends, spreads of accuracy, generations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ofa_bench.analysis.intervals import FEWEST, median_interval, spreads
from ofa_bench.analysis.paper.protocols import STRATEGIES
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.analysis.statistics import time_ratios

__all__ = [
    "Measure", "Spread", "accuracy_spread", "further_share", "further_target", "generations_share",
    "median_of", "row_ratio", "time_share", "trend", "trend_of",
]  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A number and its 95 % interval, which is None if there is none: for few repeats, or if they do not vary."""

    value: float
    interval: tuple[float, float] | None = None
    repeats: int = FEWEST

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval; without one, the number itself."""
        return self.interval or (self.value, self.value)

    @property
    def enough(self) -> bool:
        """Whether there are enough repeats for a conclusion."""
        return self.repeats >= FEWEST

    def replicates(self, published: "Measure") -> str:
        """Return whether the number is compatible with a published one, higher, or lower, by both intervals.

        Compatible: 0 is within the interval of the difference, which is combined from the two intervals (Zou & Donner
        2008, Statistics in Medicine 27, 1693-1702). For two normal means it is the same as whether this number lies in
        the prediction interval of the published study (Patil, Peng & Leek 2016, Perspectives on Psychological Science
        11, 539-544).
        """
        if not self.enough:
            return "too few repeats"
        (low, high), (of_low, of_high) = self.ends, published.ends
        difference = self.value - published.value
        least = difference - np.hypot(self.value - low, of_high - published.value)
        most = difference + np.hypot(high - self.value, published.value - of_low)
        return "higher" if least > 0 else "lower" if most < 0 else "compatible"

    def below(self, limit: float) -> str:
        """Return whether the whole interval is below a limit, none of it, or a part."""
        if not self.enough:
            return "too few repeats"
        low, high = self.ends
        return "holds" if high < limit else "does not hold" if low >= limit else "not decided"

    def description(self, digits: int) -> str:
        """Return the number with its interval as text."""
        if self.interval is None:
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} ({self.interval[0]:.{digits}f} to {self.interval[1]:.{digits}f})"


@dataclass(frozen=True)
class Spread:
    """The spread of the three strategies' mean accuracies, points: the best less the worst at a target."""

    mean: Measure
    largest: Measure
    at: float
    """The target with the largest spread."""


def median_of(values: Floats) -> Measure:
    """Return the median of values, float64 [repeats], with its exact interval."""
    return Measure(float(np.median(values)), median_interval(values), len(values))


def time_share(runs: Runs, strategy: str) -> Measure:
    """Return a strategy's time in percent of vanilla's, both summed over the rows (numbers of targets) of table 1."""
    return _share(*(np.sum([runs.seconds(name, k) for k in runs.rows], axis=0) for name in (strategy, "vanilla")))


def row_ratio(runs: Runs, strategy: str, of: str, k: int) -> Measure:
    """Return a strategy's time for k targets in percent of another one's."""
    return _share(runs.seconds(strategy, k), runs.seconds(of, k))


def _share(seconds: Floats, of: Floats) -> Measure:
    """Return the median over repeats, with the interval of ``time_ratios``, in percent."""
    [ratio] = time_ratios({"of": of, "strategy": seconds}, "of")
    assert ratio.ratio is not None
    interval = ratio.interval and (100 * ratio.interval[0], 100 * ratio.interval[1])
    return Measure(100 * ratio.ratio, interval, ratio.n)


def further_target(runs: Runs, chain: str) -> Measure | None:
    """Return the time of a further target in percent of the first's, median over repeats.

    By a line through the times of lists of targets of which the chain searches the same one first. With n + (k - 1) w
    generations it is 100 w / n, if all generations take the same time. None for one list.
    """
    numbers = [len(targets) for targets in runs.family(chain)]
    if len(numbers) < 2:
        return None
    return median_of(further_share(numbers, runs.family_seconds(chain)))


def further_share(numbers: Sequence[int], seconds: Floats | Sequence[float]) -> Floats:
    """Fit a line to times (float64 [lists, ...]) by number of targets; return slope by first, percent: float64 [...].

    The lists have the same first target.
    """
    slope, first = np.polyfit(np.array(numbers) - 1, np.asarray(seconds, np.float64), 1)
    return np.asarray(100 * slope / first)


def trend(runs: Runs) -> Measure | None:
    """Return Kendall's tau of seconds and target in searches for one target, median over repeats; see its figure 2.

    In each repeat, the mean of the three strategies. None for fewer than three targets.
    """
    singles = [runs.single(name) for name in STRATEGIES]
    targets = list(singles[0])
    if len(targets) < 3:
        return None
    table = np.array([[of[target] for target in targets] for of in singles])  # strategies, targets, repeats
    return median_of(np.array([np.mean([trend_of(targets, row) for row in one]) for one in np.moveaxis(table, 2, 0)]))


def trend_of(targets: Sequence[float], seconds: Floats | Sequence[float]) -> float:
    """Return Kendall's tau of times and targets: -1 if every lower target takes longer."""
    return float(stats.kendalltau(targets, seconds).statistic)


def generations_share(runs: Runs, strategy: str) -> float:
    """Return a strategy's generations in percent of vanilla's, both summed over the rows."""
    made, of_vanilla = (sum(runs.generations(name, k) for k in runs.rows) for name in (strategy, "vanilla"))
    return 100 * made / of_vanilla


def accuracy_spread(runs: Runs, repeats: int) -> Spread:
    """Return the spread of the strategies' mean accuracies over the first ``repeats`` repeats.

    A spread of noisy means is above 0 even for equal strategies, so it is biased upwards, most for few repeats. The
    intervals, of ``intervals.spreads``, cover the true spread nevertheless.
    """
    met = runs.met
    table = np.stack([runs.accuracy(name)[:repeats, met] for name in STRATEGIES])
    mean, largest, at = spreads(table)
    number = table.shape[1]
    targets = np.array(runs.targets)[met]
    return Spread(Measure(*mean, number), Measure(*largest, number), float(targets[at]))
