"""How far a run stays below the best known: regret, what it took to come close, and the area of its trade-off."""

from collections.abc import Sequence
from typing import Any

from ofa_bench.formatting import format_number
from ofa_bench.records.frontiers import NOISE, Frontier

__all__ = [
    "BEYOND",
    "WITHIN",
    "beaten",
    "evaluations_within",
    "excess_notes",
    "format_ratio",
    "format_regret",
    "hypervolume",
    "hypervolume_ratio",
    "with_regret",
]

WITHIN = 0.001
"""An accuracy is close to the best known if it is at most this fraction (0.1 points) below."""

BEYOND = 1.1
"""The reference cost of a hypervolume, in largest feasible targets."""

MARK = "†"
"""Stands behind a regret below 0 and a hypervolume above 1; ``excess_notes`` says what it means."""

Plain = dict[str, Any]
"""A record, or a part of one (see ``records.make_record``)."""


def with_regret(record: Plain, frontier: Frontier | None) -> Plain:
    """Return a record with what a frontier says of it; all of it is None where there is no frontier.

    ``frontier`` has the version and hash of the file. Each result has, None also where its target is infeasible,

    - ``best_known``: the best known accuracy within the target, and ``regret``: that less the accuracy, fractions of 1;
      negative where the run found better.
    - ``evaluations_within``: the evaluations after which its search was within ``WITHIN`` of the best known, None if it
      never was. Like the curve, it counts the whole search where one served several targets.
    - ``seconds_within``: the seconds of that search in proportion to its evaluations; where several searches advance
      together, of the seconds that are this one's share.

    Each repeat has ``hypervolume_ratio``.
    """
    version = {"version": frontier.version, "sha256": frontier.sha256} if frontier else None
    repeats = [_repeat(repeat, frontier) for repeat in record["repeats"]]
    return {**record, "frontier": version, "repeats": repeats}


def _repeat(repeat: Plain, frontier: Frontier | None) -> Plain:
    results = [{**result, **_measures(result, frontier)} for result in repeat["results"]]
    return {**repeat, "hypervolume_ratio": frontier and hypervolume_ratio(results, frontier), "results": results}


def _measures(result: Plain, frontier: Frontier | None) -> Plain:
    best_known = frontier.best_known(result["target"]) if frontier and result["feasible"] else None
    if best_known is None:
        return dict.fromkeys(("best_known", "regret", "evaluations_within", "seconds_within"))
    within = evaluations_within(result["curve"], best_known)
    # Where a search served several targets, seconds and evaluations are equal shares: their ratio is that of the whole.
    seconds = None if within is None else result["seconds"] * within / max(1, result["evaluations"])
    return {
        "best_known": best_known,
        "regret": best_known - result["accuracy"],
        "evaluations_within": within,
        "seconds_within": seconds,
    }


def evaluations_within(curve: Sequence[Sequence[float]], best_known: float) -> int | None:
    """Find the evaluations at the first point of a curve within ``WITHIN`` of the best known accuracy; None if none is.

    Args:
        curve: points (generation, evaluations, unique evaluations, best accuracy so far).
        best_known: a fraction of 1.
    """
    return next((int(point[1]) for point in curve if point[3] >= best_known - WITHIN), None)


def hypervolume(points: Sequence[tuple[float, float]], cost: float, accuracy: float) -> float:
    """Measure the area that points dominate: what costs more and is less accurate than one of them.

    Args:
        points: (cost, accuracy) each; any order.
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


def hypervolume_ratio(results: Sequence[Plain], frontier: Frontier) -> float | None:
    """Divide the hypervolume of a run's winners by that of the best known points for the same targets.

    The reference is ``BEYOND`` times the largest feasible target and the accuracy of the frontier's first point, the
    cheapest architecture. None where the best known points have no area. It can exceed 1: winners that stay below the
    best known accuracies may cost less.
    """
    feasible = [result for result in results if result["feasible"]]
    if not feasible:
        return None
    reference = BEYOND * max(result["target"] for result in feasible), float(frontier.accuracy[0])
    places = [frontier.at(result["target"]) for result in feasible]
    best = [(float(frontier.cost[place]), float(frontier.accuracy[place])) for place in places]
    whole = hypervolume(best, *reference)
    found = hypervolume([(result["cost"], result["accuracy"]) for result in feasible], *reference)
    return found / whole if whole > 0 else None


def beaten(record: Plain) -> tuple[int, float]:
    """Count the results that are better than the best known, and say by how much at most (a fraction of 1)."""
    regrets = [result.get("regret") for repeat in record["repeats"] for result in repeat["results"]]
    better = [-regret for regret in regrets if regret is not None and regret < -NOISE]
    return len(better), max(better, default=0.0)


def format_regret(points: float | None) -> str:
    """Return a regret in points as people read it, marked where the best known is beaten; empty for None."""
    if points is None:
        return ""
    return format_number(points, ".3f") + (MARK if points < -100 * NOISE else "")


def format_ratio(ratio: float | None, digits: int = 4) -> str:
    """Return a ratio of hypervolumes as people read it, marked where it is above 1; empty for None."""
    if ratio is None:
        return ""
    text = f"{ratio:.{digits}f}"
    return text + (MARK if float(text) > 1 else "")


def excess_notes(regrets: Sequence[str], ratios: Sequence[str]) -> list[str]:
    """Return what the marks say that stand behind these regrets and ratios of hypervolumes, as they are shown."""
    notes = []
    if any(text.endswith(MARK) for text in regrets):
        notes.append(f"{MARK} Regret below 0: better than the best known, which ofa_bench.commands.frontier raises.")
    if any(text.endswith(MARK) for text in ratios):
        notes.append(
            f"{MARK} Hypervolume above 1: the winners cost less than the best known networks for the same targets, "
            "or are more accurate."
        )
    return notes
