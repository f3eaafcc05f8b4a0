"""The verdict on a claim of no significant difference in accuracy."""

from ofa_bench.analysis.intervals import ALPHA, DIGITS, FEWEST
from ofa_bench.analysis.statistics import Paired

__all__ = ["differs", "no_difference", "sign"]


def no_difference(tests: Paired) -> str:
    """Return the verdict on the claim of no significant difference: by the test of difference, then of equivalence."""
    if tests.n < 2:
        return "one repeat"
    equivalent = tests.verdict == "equivalent"
    if differs(tests):
        return "does not hold, but equivalent" if equivalent else f"does not hold: {sign(tests)}"
    return "holds: equivalent" if equivalent else "not decided"


def differs(tests: Paired) -> bool:
    """Return whether a difference is significant; one that does not vary is if it is not 0 in enough repeats."""
    if tests.difference is None or tests.p_holm is None:
        return tests.n >= FEWEST and round(tests.difference or 0.0, DIGITS) != 0
    return tests.p_holm < ALPHA


def sign(tests: Paired) -> str:
    """Return "better" or "worse"."""
    return "better" if (tests.difference or 0.0) > 0 else "worse"
