"""Finds the best known accuracies that a study's records were compared with."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ofa_bench.analysis.studies import Study
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.records import frontiers

__all__ = ["best_known", "bounds", "frontier_between", "mean_best_known"]


def best_known(study: Study) -> dict[float, float]:
    """Return the best known accuracy (percent) of each target; empty unless all records share one frontier."""
    found: dict[float, float] = {}
    if len(_hashes(study)) == 1:
        for entry in study.entries:
            known = ((one.target, one.best_known) for results in entry.repeats for one in results)
            found |= {float(target): 100 * best for target, best in known if best is not None}
    return dict(sorted(found.items()))


def mean_best_known(study: Study) -> float | None:
    """Return the mean best known accuracy (percent) of feasible targets; None if it is not known for all."""
    best, targets = best_known(study), [one.target for one in study.entries[0].repeats[0] if one.feasible]
    known = [best[target] for target in targets if target in best]
    return sum(known) / len(known) if known and len(known) == len(targets) else None


def _hashes(study: Study) -> set[str]:
    """Return the hashes of the frontiers that entries were compared with."""
    compared = (record.frontier for entry in study.entries for record in entry.records)
    return {one.sha256 for one in compared if one}


def frontier_between(study: Study, least: float, most: float) -> tuple[Sequence[float], Sequence[float]] | None:
    """Return costs and accuracies (percent) of the best-known frontier between two costs; None without its file."""
    hashes = _hashes(study)
    if len(hashes) != 1:
        return None
    paths = [path for folder in (frontiers.FOLDER, frontiers.OWN) for path in sorted(folder.glob("*/*/*.json"))]
    contents = (content for path in paths if (content := _content(path)))
    content = next((content for content in contents if sha256(content).hexdigest() in hashes), None)
    if content is None:
        return None
    points = [(cost, 100 * accuracy) for _, cost, accuracy in json_object(content)["points"] if cost <= most]
    below = [accuracy for cost, accuracy in points if cost <= least]
    points = [(least, below[-1])] * bool(below) + [point for point in points if point[0] > least]
    costs, accuracies = zip(*points, (most, points[-1][1]), strict=True) if points else ((), ())
    return (costs, accuracies) if points else None


def _content(path: Path) -> bytes | None:
    """Return the content of a file; None if it cannot be read."""
    with suppress(UnreadableError):
        return content_of(path)
    return None


def bounds(study: Study, least: float) -> tuple[Sequence[float], Sequence[float]] | None:
    """Return costs and accuracies (percent) of steps: from each target to the next, the best known within the next."""
    known = best_known(study)
    if not known:
        return None
    targets, accuracies = list(known), list(known.values())
    return [min(least, targets[0]), *targets], [*accuracies, accuracies[-1]]
