"""Compares strategies in paired repeats: differences of accuracy and ratios of times.

A quantity that cannot be computed (one repeat, no spread) is None.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy  # its modules are imported when they are first used
from numpy.typing import NDArray

from ofa_bench.analysis.intervals import ALPHA, DIGITS, FEWEST, median_interval, varies
from ofa_bench.errors import InputError, suggestion

__all__ = [
    "ALPHA", "DIGITS", "MARGIN", "Paired", "Ratio", "Verdict", "check_shapes", "holm", "paired", "t_interval",
    "time_ratios",
]  # fmt: skip

MARGIN = 0.1
"""Differences of less than this many percentage points do not matter."""

Verdict = Literal["better", "worse", "equivalent", "no loss", "not distinguished", "one repeat"]


@dataclass(frozen=True)
class Paired:
    """A strategy compared with the reference, in percentage points, over the repeats that both have.

    Positive differences favour the strategy. The p-values ending in ``_holm`` are corrected for all the strategies
    that were compared. Each p and the effect are None if the differences do not vary.
    """

    name: str
    reference: str
    margin: float
    """Smaller differences do not matter, percentage points."""
    n: int
    """The number of pairs."""
    difference: float | None
    """Mean of strategy less reference; None without pairs."""
    interval: tuple[float, float] | None
    """The 95 % t interval of the mean difference."""
    effect: float | None
    """Mean difference in its standard deviations, corrected for few pairs (Hedges); None for fewer than three."""
    p: float | None
    """The p of the two-sided paired t-test that there is no difference."""
    p_holm: float | None
    p_wilcoxon: float | None
    """The p of the two-sided Wilcoxon signed-rank test; None if no pair differs. Below 0.05 only from six pairs on."""
    p_equivalent: float | None
    """The p of two one-sided t-tests that the difference is the margin or more, either way."""
    p_equivalent_holm: float | None
    p_no_loss: float | None
    """The p of a one-sided t-test that the loss is the margin or more. Small: no loss that matters."""
    p_no_loss_holm: float | None

    @property
    def verdict(self) -> Verdict:
        """The verdict, from the corrected p-values at 5 %.

        "equivalent" comes first: a difference shown to be smaller than the margin does not matter, even if it is
        significant. "no loss" is weaker: only a loss of the margin or more is ruled out. Each of these three claims
        is wrong for any of the compared strategies in at most 5 % of studies; they share no level. Differences that
        do not vary are not tested, but compared directly, from as many pairs on as a test of signs needs for 5 %
        (``FEWEST``). "one repeat" stands for fewer than two pairs.
        """
        if self.n < 2 or self.difference is None:
            return "one repeat"
        if self.p_holm is None or self.p_equivalent_holm is None:
            equivalent, differs = round(abs(self.difference), DIGITS) < self.margin, True
            if self.n < FEWEST:
                return "not distinguished"
        else:
            equivalent, differs = self.p_equivalent_holm < ALPHA, self.p_holm < ALPHA
        if equivalent:
            return "equivalent"
        if differs:
            return "better" if self.difference > 0 else "worse"
        return "no loss" if self.p_no_loss_holm is not None and self.p_no_loss_holm < ALPHA else "not distinguished"


@dataclass(frozen=True)
class Ratio:
    """The time of a strategy, as a multiple of the reference's: below 1 is faster."""

    name: str
    reference: str
    n: int
    """The number of pairs."""
    ratio: float | None
    """Median of the ratios of the pairs; None without pairs."""
    interval: tuple[float, float] | None
    """The exact 95 % interval of that median; None for fewer than six pairs, or if the ratios do not vary."""


def paired(values: Mapping[str, NDArray[np.float64]], reference: str, margin: float = MARGIN) -> list[Paired]:
    """Compare each other strategy with the reference, repeat by repeat.

    The paired t-test and interval; Wilcoxon's signed-rank test (Wilcoxon 1945; zero differences are left out); two
    one-sided t-tests of equivalence (Schuirmann 1987), the lower of which is the test of no loss; each family of
    p-values corrected by Holm (1979), those that are None not counted; the standardised mean difference of pairs with
    the exact small-sample correction of Hedges (1981).

    Args:
        values: by strategy, float64 [repeats], percentage points: the mean accuracy over the targets of each repeat.
            Position i has the same seed in all. A pair with a number that is not finite is left out.
        reference: one of the strategies.
        margin: percentage points, above 0.

    Returns:
        In the given order, without the reference.

    Raises:
        InputError: the reference is no strategy, or the margin is not above 0.
        ValueError: the arrays are not of one dimension and length.
    """
    if not 0 < margin < math.inf:
        raise InputError(f"margin={margin} is not a number of percentage points above 0")
    base = _reference(values, reference)
    others = {name: np.asarray(row, np.float64) for name, row in values.items() if name != reference}
    both = {name: np.isfinite(row) & np.isfinite(base) for name, row in others.items()}
    differences = {name: np.round(row[both[name]] - base[both[name]], DIGITS) for name, row in others.items()}
    tests = [_t_tests(row, margin) for row in differences.values()]
    corrected = [_holm([test[i] for test in tests]) for i in range(3)]
    return [
        Paired(
            name=name,
            reference=reference,
            margin=margin,
            n=len(row),
            difference=float(row.mean()) if len(row) else None,
            interval=t_interval(row),
            effect=_effect(row),
            p=tests[i][0],
            p_holm=corrected[0][i],
            p_wilcoxon=_wilcoxon(row),
            p_equivalent=tests[i][1],
            p_equivalent_holm=corrected[1][i],
            p_no_loss=tests[i][2],
            p_no_loss_holm=corrected[2][i],
        )
        for i, (name, row) in enumerate(differences.items())
    ]


def time_ratios(seconds: Mapping[str, NDArray[np.float64]], reference: str) -> list[Ratio]:
    """Divide each other strategy's times by the reference's, repeat by repeat, and take the median.

    The median ignores a repeat that another process slowed down; ratios of pairs ignore what slows down both. The
    interval is exact for noise of any distribution (``median_interval``).

    Args:
        seconds: by strategy, float64 [repeats], s. The repeats at position i ran side by side. A pair with a number
            that is not finite and above 0 is left out.
        reference: one of the strategies.

    Returns:
        In the given order, without the reference.

    Raises:
        InputError: the reference is none of the strategies.
        ValueError: the arrays are not of one dimension and length.
    """
    base = _reference(seconds, reference)
    found = []
    for name in seconds:
        if name != reference:
            row = np.asarray(seconds[name], np.float64)
            timed = np.isfinite(row) & np.isfinite(base) & (row > 0) & (base > 0)
            ratios = row[timed] / base[timed]
            ratio = float(np.median(ratios)) if len(ratios) else None
            found.append(Ratio(name, reference, len(ratios), ratio, _ratio_interval(ratios)))
    return found


def check_shapes(values: Mapping[str, NDArray[np.float64]]) -> None:
    """Raise ValueError unless all arrays have one dimension and the same length."""
    if len({np.shape(row) for row in values.values()}) > 1 or any(np.ndim(row) != 1 for row in values.values()):
        shapes = ", ".join(f"{name} {list(np.shape(row))}" for name, row in values.items())
        raise ValueError(f"values must have one dimension and the same length for all strategies, not {shapes}")


def _reference(values: Mapping[str, NDArray[np.float64]], reference: str) -> NDArray[np.float64]:
    """Return the reference's values, after checks."""
    check_shapes(values)
    if reference not in values:
        near = suggestion(reference, values)
        raise InputError(f"reference={reference!r} is none of the strategies: {', '.join(values)}{near}")
    return np.asarray(values[reference], np.float64)


def _t_tests(row: NDArray[np.float64], margin: float) -> tuple[float | None, float | None, float | None]:
    """Return the p of no difference, of one of the margin or more, and of a loss of the margin or more."""
    if not varies(row):
        return None, None, None
    mean, free, error = row.mean(), len(row) - 1, row.std(ddof=1) / math.sqrt(len(row))
    p_no_loss = scipy.special.stdtr(free, -(mean + margin) / error)
    p_no_gain = scipy.special.stdtr(free, (mean - margin) / error)
    p = 2 * scipy.special.stdtr(free, -abs(mean) / error)
    return float(p), float(max(p_no_loss, p_no_gain)), float(p_no_loss)


def t_interval(row: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return Student's 95 % interval of the mean of numbers, float64 [n]; None if they do not vary."""
    if not varies(row):
        return None
    half = scipy.special.stdtrit(len(row) - 1, 1 - ALPHA / 2) * row.std(ddof=1) / math.sqrt(len(row))
    return float(row.mean() - half), float(row.mean() + half)


def _effect(row: NDArray[np.float64]) -> float | None:
    free = len(row) - 1
    if free < 2 or not varies(row):  # the correction for one degree of freedom is 0
        return None
    correction = math.exp(scipy.special.gammaln(free / 2) - scipy.special.gammaln((free - 1) / 2)) / math.sqrt(free / 2)
    return float(correction * row.mean() / row.std(ddof=1))


def _wilcoxon(row: NDArray[np.float64]) -> float | None:
    if len(row) < 2 or not row.any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of SciPy warn that ties or few pairs make it approximate
        return float(scipy.stats.wilcoxon(row[row != 0]).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values with the correction of Holm (1979) for all of them.

    The least is multiplied by the number of tests, the next by one less, and so on; corrected ones never fall.
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        corrected[i] = largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
    return corrected


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p-values that are known."""
    corrected = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(corrected) for p in p_values]


def _ratio_interval(ratios: NDArray[np.float64]) -> tuple[float, float] | None:
    return median_interval(ratios) if varies(np.round(ratios, DIGITS)) else None
