"""Makes 95 % intervals that cover, also for few repeats: of a median, and of how far means are apart."""

from typing import NamedTuple

import numpy as np
import scipy  # its modules are imported when they are first used
from numpy.typing import NDArray

__all__ = ["ALPHA", "DIGITS", "FEWEST", "Estimate", "Spreads", "median_interval", "spreads", "varies"]

Floats = NDArray[np.float64]
Interval = tuple[float, float]

ALPHA = 0.05
"""The level of all tests; intervals have a confidence of 1 less this."""

DIGITS = 9
"""Decimal places that count: smaller differences are rounding errors, neither spread nor a rank."""

FEWEST = 6
"""Numbers from which on their median has an interval: of fewer, even the whole range covers less often than 95 %."""

DRAWS = 9999
"""Random draws of a distribution without a closed form."""

STARTS = 100
"""Starts of a search for the contrast with the largest standard error."""


class Estimate(NamedTuple):
    """A number and its 95 % interval; None for one repeat, or if repeats do not vary."""

    value: float
    interval: Interval | None


class Spreads(NamedTuple):
    """How far strategies are apart: the mean over targets, the largest, and the position of the latter's target."""

    mean: Estimate
    largest: Estimate
    at: int


def varies(row: Floats) -> bool:
    """Return whether numbers, float64 [n], are not all equal."""
    return len(row) > 1 and bool(np.ptp(row) > 0)


def median_interval(values: Floats) -> Interval | None:
    """Return an interval of the median by order statistics, float64 [n]; None for fewer than ``FEWEST`` numbers.

    It is exact for independent numbers of any distribution (Conover 1999, section 3.2): its ends are the numbers at
    two opposite places in ascending order, which miss the median as often as n tosses of a coin show that few heads.
    As places are whole numbers, it covers 95 % or more.
    """
    if len(values) < FEWEST:
        return None
    found = scipy.stats.quantile_test(values, p=0.5).confidence_interval(1 - ALPHA)
    return float(found.low), float(found.high)


def spreads(table: Floats) -> Spreads:
    """Return how far the mean accuracies of strategies are apart, best less worst at each target, with intervals.

    A spread of noisy means is above 0 even where strategies are equal, so a bootstrap of it does not cover. These are
    bounds for normal noise, whatever the true means; each end misses 2.5 % or less:

    - The upper end. A spread f is convex, so f(true) <= f(mean) + g(true - mean), where g is a contrast (at each target
      a strategy less another) that does not depend on the noise. Student's t bounds it for any g, by the largest
      standard error of a contrast.
    - The lower end. f(true) >= f(mean) - f(mean - true) by the triangle inequality. The quantile of the latter is that
      of f of a multivariate t with the covariance of the repeats. The end is cut at 0.

    Args:
        table: float64 [strategies, repeats, targets], points. Repeats are independent, and paired between strategies.

    Raises:
        ValueError: a number is not finite.
    """
    if not np.isfinite(table).all():
        raise ValueError("spreads need an accuracy of each strategy at each target in each repeat")
    means = table.mean(axis=1)
    apart = np.ptp(means, axis=0)
    noise = table - means[:, None]
    values = np.array([apart.mean(), apart.max()])
    intervals: list[Interval | None] = [None, None]
    if np.round(np.ptp(noise - noise[:1], axis=1), DIGITS).any():
        low, high = values - _below(noise), values + _above(noise)
        intervals = list(zip(np.maximum(0.0, low).tolist(), high.tolist(), strict=True))
    mean, largest = map(Estimate, values.tolist(), intervals)
    return Spreads(mean, largest, int(apart.argmax()))


def _below(noise: Floats) -> Floats:
    """Return how far spreads of means may exceed the true ones, mean and largest: float64 [2]."""
    strategies, repeats, targets = noise.shape
    rng = np.random.default_rng(0)
    scale = np.sqrt(repeats * rng.chisquare(repeats - 1, DRAWS))
    drawn = rng.normal(size=(DRAWS, repeats)) @ noise.transpose(1, 0, 2).reshape(repeats, -1)
    apart = np.ptp(drawn.reshape(DRAWS, strategies, targets), axis=1)
    found: Floats = np.quantile([apart.mean(axis=1) / scale, apart.max(axis=1) / scale], 1 - ALPHA / 2, axis=1)
    return found


def _above(noise: Floats) -> Floats:
    """Return how far the true spreads may exceed those of means, mean and largest: float64 [2]."""
    repeats, targets = noise.shape[1:]
    pairs = noise[:, None] - noise
    lengths = np.array([_longest(noise) / targets, np.sqrt((pairs**2).sum(axis=2).max())])
    found: Floats = scipy.stats.t.ppf(1 - ALPHA / 2, repeats - 1) * lengths / np.sqrt(repeats * (repeats - 1))
    return found


def _longest(noise: Floats) -> float:
    """Return the largest length (over repeats) of a sum over targets of one strategy's noise less another's.

    From many directions, the pairs that are longest in a direction give the next direction, until it stays.
    """
    targets = np.arange(noise.shape[2])
    directions = np.random.default_rng(0).normal(size=(STARTS, noise.shape[1]))
    by_target = noise.transpose(0, 2, 1)  # strategies, targets, repeats
    length = 0.0
    while True:
        along = np.einsum("dr,str->dst", directions, by_target)
        directions = (by_target[along.argmax(axis=1), targets] - by_target[along.argmin(axis=1), targets]).sum(axis=1)
        longer = float(np.sqrt((directions**2).sum(axis=1)).max())
        if longer <= length * (1 + 1e-12):
            return longer
        length = longer
