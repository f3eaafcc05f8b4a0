"""Compares a run with the best-known frontier: regret, evaluations until close to it, and hypervolume."""

from collections.abc import Sequence
from dataclasses import replace

from ofa_bench.formatting import format_number
from ofa_bench.records.frontiers import NOISE, Frontier
from ofa_bench.records.model import FrontierVersion, Record, RecordedRepeat, Result

__all__ = [
    "BEYOND", "WITHIN", "add_regret", "beaten", "evaluations_within", "excess_notes", "format_ratio", "format_regret",
    "hypervolume", "hypervolume_ratio", "without_errors",
]  # fmt: skip

WITHIN = 0.001
"""An accuracy is close to the best known if it is at most this fraction (0.1 points) below."""

BEYOND = 1.1
"""The reference cost of a hypervolume, as a multiple of the largest feasible target."""

MARK = "†"
"""Marks a regret below 0 and a hypervolume above 1; ``excess_notes`` explains it."""


def add_regret(record: Record, frontier: Frontier | None) -> Record:
    """Return a record with fields that compare it with a frontier; all are None without a frontier.

    ``frontier`` has the version and hash of the file. Each result has these fields, None if its target is infeasible:

    - ``best_known``: the best known accuracy within the target, and ``regret``: that less the accuracy, fractions of 1;
      negative where the run is better. Where measurements are simulated, it is the accuracy without their errors.
    - ``evaluations_within``: the evaluations after which its search was within ``WITHIN`` of the best known, None if it
      never was, or if measurements are simulated. Like the curve, it counts the whole search where a search serves
      several targets.
    - ``seconds_within``: the search's share of seconds in proportion to these evaluations.

    Each repeat has ``hypervolume_ratio``.
    """
    version = FrontierVersion(version=frontier.version, sha256=frontier.sha256) if frontier else None
    return replace(record, frontier=version, repeats=[_repeat(repeat, frontier) for repeat in record.repeats])


def _repeat(repeat: RecordedRepeat, frontier: Frontier | None) -> RecordedRepeat:
    results = [_compare(result, frontier) for result in repeat.results]
    return replace(
        repeat, hypervolume_ratio=hypervolume_ratio(results, frontier) if frontier else None, results=results
    )


def _compare(result: Result, frontier: Frontier | None) -> Result:
    best_known = frontier.best_known(result.target) if frontier and result.feasible else None
    if best_known is None or result.accuracy is None:
        return replace(result, best_known=None, regret=None, evaluations_within=None, seconds_within=None)
    measured = result.true_accuracy is not None  # the curve has errors of measurement: what is near is not known
    within = None if measured else evaluations_within(result.curve, best_known)
    # Where a search served several targets, both numbers are equal shares, so their ratio is that of the search.
    seconds = None if within is None else result.seconds * within / max(1, result.evaluations)
    return replace(
        result,
        best_known=best_known,
        regret=best_known - without_errors(result),
        evaluations_within=within,
        seconds_within=seconds,
    )


def without_errors(result: Result) -> float:
    """Return a result's accuracy, without errors of simulated measurements."""
    return (result.accuracy if result.true_accuracy is None else result.true_accuracy) or 0.0


def evaluations_within(curve: Sequence[Sequence[float]], best_known: float) -> int | None:
    """Return the evaluations at the first point of a curve within ``WITHIN`` of the best known; None without one.

    Args:
        curve: points (generation, evaluations, unique evaluations, best accuracy so far).
        best_known: a fraction of 1.
    """
    return next((int(point[1]) for point in curve if point[3] >= best_known - WITHIN), None)


def hypervolume(points: Sequence[tuple[float, float]], cost: float, accuracy: float) -> float:
    """Return the area that points dominate: what costs more and is less accurate than one of them.

    Args:
        points: (cost, accuracy) each, in any order.
        cost: the reference, above which nothing counts.
        accuracy: the reference, below which nothing counts.

    Returns:
        The area, in the cost's unit times fractions of 1.
    """
    area, height = 0.0, accuracy
    for at, reached in sorted(points):
        if reached > height and at < cost:
            area += (cost - at) * (reached - height)
            height = reached
    return area


def hypervolume_ratio(results: Sequence[Result], frontier: Frontier) -> float | None:
    """Return the hypervolume of a run's winners divided by that of the best known points for the same targets.

    The reference is ``BEYOND`` times the largest feasible target, and the accuracy of the cheapest architecture. None
    where the best known points have no area. The ratio can exceed 1, because less accurate winners may cost less.
    """
    feasible = [result for result in results if result.feasible]
    if not feasible:
        return None
    reference = BEYOND * max(result.target for result in feasible), float(frontier.accuracy[0])
    places = [frontier.at(result.target) for result in feasible]
    best = [(float(frontier.cost[place]), float(frontier.accuracy[place])) for place in places]
    whole = hypervolume(best, *reference)
    found = hypervolume([(result.cost, without_errors(result)) for result in feasible], *reference)
    return found / whole if whole > 0 else None


def beaten(record: Record) -> tuple[int, float]:
    """Return the number of results that are better than the best known, and the largest lead (a fraction of 1)."""
    regrets = [result.regret for result in record.results]
    better = [-regret for regret in regrets if regret is not None and regret < -NOISE]
    return len(better), max(better, default=0.0)


def format_regret(points: float | None) -> str:
    """Return a regret in points as text, marked where the best known is beaten; empty for None."""
    if points is None:
        return ""
    return format_number(points, ".3f") + (MARK if points < -100 * NOISE else "")


def format_ratio(ratio: float | None) -> str:
    """Return a ratio of hypervolumes as text, marked where it is above 1; empty for None."""
    if ratio is None:
        return ""
    return f"{ratio:.4f}" + (MARK if round(ratio, 4) > 1 else "")


def excess_notes(regrets: Sequence[str], ratios: Sequence[str]) -> list[str]:
    """Return notes on the marks in these texts of regrets and ratios of hypervolumes."""
    notes = []
    if any(text.endswith(MARK) for text in regrets):
        notes.append(f"{MARK} Regret below 0: better than the best known, which ofa_bench frontier raises.")
    if any(text.endswith(MARK) for text in ratios):
        notes.append(
            f"{MARK} Hypervolume above 1: the winners cost less than the best known networks for the same targets, "
            "or are more accurate."
        )
    return notes
