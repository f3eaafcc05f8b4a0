"""What winners are worth to predictors that did not guide the search: how much of a lead is the winner's curse.

A search takes what its predictor overrates most, the more so the stronger it is, so a lead by the predictor that guided
it need not be a lead. (In statistics: the optimizer's curse, Smith & Winkler 2006.)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.building import built
from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor, embedded_predictor, official_predictor
from ofa_bench.predictors.embedded import MEMBERS
from ofa_bench.report.gather import Entry, Study
from ofa_bench.report.pairs import differences
from ofa_bench.report.statistics import Paired
from ofa_bench.spaces import DesignSpace

__all__ = ["Judged", "judged"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """A study's winners as one judge sees them.

    ``accuracy`` is by entry the mean over feasible targets of what the judge predicts, float64 [repeats], percent;
    ``leads`` are by entry the differences from the reference, in pairs, points.
    """

    judge: str
    accuracy: Mapping[str, Floats]
    leads: Mapping[str, Paired]


def judged(study: Study, reference: str) -> list[Judged]:
    """Have a study's winners judged by every predictor at hand that did not guide the searches.

    These are the official predictor (where its file is at hand; it is not fetched for this), the embedded one, and the
    mean of the members (see ``ofa_bench/data/make_members.py``). None where the space cannot be built here, or there is
    no other predictor for it.
    """
    space = _space(study)
    if space is None:
        return []
    guide = study.entries[0].records[0]["predictor"]["sha256"]
    found = []
    for name, predictors in _judges(space):
        others = [predictor for predictor in predictors if predictor.sha256 != guide]
        if others:
            accuracy = {entry.name: _accuracy(entry, space, others) for entry in study.entries}
            found.append(Judged(name, accuracy, differences(study, accuracy, reference)))
    return found


def _space(study: Study) -> DesignSpace | None:
    record = study.entries[0].records[0]
    try:
        space = built("space", record["config"].get("space"))
    except InputError:
        return None
    length = len(record["repeats"][0]["results"][0]["genes"])
    return space if isinstance(space, DesignSpace) and space.n_genes == length else None


def _judges(space: DesignSpace) -> Iterator[tuple[str, list[AccuracyPredictor]]]:
    loads: dict[str, Callable[[], list[AccuracyPredictor]]] = {
        "official": lambda: [official_predictor(space, fetch=False)],
        "embedded": lambda: [embedded_predictor(space)],
        "members": lambda: [embedded_predictor(space, number) for number in range(1, MEMBERS + 1)],
    }
    for name, load in loads.items():
        try:
            yield name, load()
        except InputError:
            continue


def _accuracy(entry: Entry, space: DesignSpace, judges: list[AccuracyPredictor]) -> Floats:
    """Give the mean over feasible targets and judges: float64 [repeats], percent; NaN where no target is feasible."""
    feasible = np.array([[one["feasible"] for one in results] for results in entry.repeats], bool)
    genes = np.array([[one["genes"] for one in results] for results in entry.repeats], np.int8)
    rows = space.canonical(genes[feasible])
    values = np.full(feasible.shape, np.nan)
    values[feasible] = 100 * np.mean([judge.accuracy(rows) for judge in judges], axis=0) if len(rows) else np.nan
    counts = feasible.sum(axis=1)
    means: Floats = np.divide(np.nansum(values, axis=1), counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means
