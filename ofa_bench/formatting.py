"""Formats and compares numbers as people read and write them."""

import re
from collections.abc import Sequence

__all__ = ["format_accuracy", "format_number", "format_percent", "same_target", "same_targets"]


def format_number(value: float, spec: str) -> str:
    """Return ``format(value, spec)``; what rounds to zero has no sign: neither ``-0.00`` nor ``+0.0%``."""
    text = format(value, spec)
    return text if re.search("[1-9]", text) or not re.search(r"\d", text) else text.lstrip("+-")


def format_accuracy(accuracy: float, uncertainty: float | None) -> str:
    """Return an accuracy in percent, ``76.31 ± 0.08`` if its uncertainty is known; both are fractions of 1."""
    return f"{100 * accuracy:.2f}" + ("" if uncertainty is None else f" ± {100 * uncertainty:.2f}")


def format_percent(ratio: float) -> str:
    """Return a ratio in percent, without the sign: with three digits or, above 100, as a whole number."""
    return f"{100 * ratio:,.0f}" if ratio > 1 else f"{100 * ratio:.3g}"


def same_target(target: float, named: float) -> bool:
    """Return whether a target is the one named, as it is or as it is shown."""
    return target == named or f"{target:g}" == f"{named:g}"


def same_targets(targets: Sequence[float], named: Sequence[float]) -> bool:
    """Return whether targets are those named, in any order."""
    pairs = zip(sorted(targets), sorted(named), strict=False)
    return len(targets) == len(named) and all(same_target(*pair) for pair in pairs)
