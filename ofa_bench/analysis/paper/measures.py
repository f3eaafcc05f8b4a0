"""Measures the quantities of the paper's claims: shares of time, spreads of accuracy, generations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ofa_bench.analysis.paper.protocols import CHAINS, STRATEGIES, Runs
from ofa_bench.analysis.statistics import ALPHA, time_ratios

__all__ = [
    "Measure", "Spread", "accuracy_spread", "further_share", "further_target", "generations_share", "printed_percent",
    "printed_seconds", "share_of", "spread_of", "time_share",
]  # fmt: skip

Floats = NDArray[np.float64]

RESAMPLES = 4999

FEWEST = 6
"""Repeats from which on a median has an interval."""


@dataclass(frozen=True)
class Measure:
    """A number and its 95 % interval, which is None for one repeat, or if repeats do not vary."""

    value: float
    interval: tuple[float, float] | None = None
    repeats: int = FEWEST

    def at_most(self, claimed: float) -> str:
        """Return whether the whole interval is at most the claimed number, none of it, or a part."""
        if self.repeats < FEWEST:
            return "too few repeats"
        low, high = self.interval or (self.value, self.value)
        return "holds" if high <= claimed else "does not hold" if low > claimed else "not decided"

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


def time_share(runs: Runs, strategy: str) -> Measure:
    """Return a strategy's time in percent of vanilla's, both summed over the rows (numbers of targets) of table 1.

    The median over repeats, with the bootstrap interval of ``time_ratios``.
    """
    sums = {name: np.sum([runs.seconds(name, k) for k in runs.rows], axis=0) for name in ("vanilla", strategy)}
    [ratio] = time_ratios(sums, "vanilla")
    assert ratio.ratio is not None
    interval = ratio.interval and (100 * ratio.interval[0], 100 * ratio.interval[1])
    return Measure(100 * ratio.ratio, interval, ratio.n)


def further_target(runs: Runs, strategy: str) -> Measure | None:
    """Return the time of a further target in percent of the first's: by a line through the rows, median over repeats.

    With n + (k - 1) w generations it is 100 w / n, if all generations take the same time. None for one row.
    """
    if len(runs.rows) < 2:
        return None
    shares = further_share(runs.rows, np.stack([runs.seconds(strategy, k) for k in runs.rows]))
    return _bootstrapped(len(shares), lambda draws: float(np.median(shares[draws])))


def further_share(rows: Sequence[int], seconds: NDArray[np.float64] | Sequence[float]) -> Floats:
    """Fit a line to times (float64 [rows, ...]) by number of targets; return slope by first, percent: float64 [...]."""
    slope, first = np.polyfit(np.array(rows) - 1, np.asarray(seconds, np.float64), 1)
    return np.asarray(100 * slope / first)


def generations_share(runs: Runs, strategy: str) -> float:
    """Return a strategy's generations in percent of vanilla's, both summed over the rows."""
    made, of_vanilla = (sum(runs.generations(name, k) for k in runs.rows) for name in (strategy, "vanilla"))
    return 100 * made / of_vanilla


def accuracy_spread(runs: Runs) -> Spread:
    """Return the spread of the strategies' mean accuracies; the interval resamples whole repeats of all strategies.

    A spread of noisy means is never 0, even for equal strategies. So it is biased upwards, and that of a resample is
    more so. The basic interval, which reflects the resamples, corrects for this.
    """
    met = runs.met
    table = np.stack([runs.accuracy(name)[:, met] for name in STRATEGIES])  # strategies, repeats, targets

    def spread(draws: NDArray[np.intp]) -> Floats:
        means: Floats = np.ptp(table[:, draws].mean(axis=1), axis=0)
        return means

    number = table.shape[1]
    at = int(spread(np.arange(number)).argmax())
    return Spread(
        _bootstrapped(number, lambda draws: float(spread(draws).mean()), "basic"),
        _bootstrapped(number, lambda draws: float(spread(draws).max()), "basic"),
        float(np.array(runs.targets)[met][at]),
    )


def printed_seconds(published: Mapping[str, Any], space: str) -> Mapping[str, Sequence[float]]:
    """Return the paper's times by strategy, s: of table 1, or those of another space."""
    own = published["table1"]["printed_seconds"] if space == "mbv3" else published["figures5_6"][f"{space}_seconds"]
    return dict(own)


def printed_percent(published: Mapping[str, Any], space: str) -> Mapping[str, Sequence[float]]:
    """Return the paper's accuracies by strategy, percent: of table 2, or those of another space."""
    own = published["table2"]["printed_percent"] if space == "mbv3" else published["figures5_6"][f"{space}_percent"]
    return dict(own)


def spread_of(percent: Mapping[str, Sequence[float]]) -> tuple[float, float, int]:
    """Return mean and largest spread of published accuracies, and the position of the latter."""
    spread = np.ptp(np.array([percent[name] for name in STRATEGIES]), axis=0)
    return float(spread.mean()), float(spread.max()), int(spread.argmax())


def share_of(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each chain's published time in percent of vanilla's, both summed over the rows."""
    return {name: 100 * sum(seconds[name]) / sum(seconds["vanilla"]) for name in CHAINS}


def _bootstrapped(
    number: int,
    statistic: Callable[[NDArray[np.intp]], float],
    method: Literal["percentile", "basic"] = "percentile",
) -> Measure:
    """Return a statistic of repeats, given by position, with its bootstrap interval (a basic one is cut at 0)."""
    places = np.arange(number)
    value = statistic(places)
    if number < 2:
        return Measure(value, None, number)
    found = stats.bootstrap(
        (places,), statistic, vectorized=False, n_resamples=RESAMPLES, confidence_level=1 - ALPHA,
        method=method, random_state=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    low, high = float(found.low), float(found.high)
    return Measure(value, (max(0.0, low) if method == "basic" else low, high), number)
