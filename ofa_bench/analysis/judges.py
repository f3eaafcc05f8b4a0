"""Evaluates winners by predictors that may judge the one that guided the search: how much is the winner's curse.

A search may select what its predictor overrates. So a lead by the predictor that guided the
search may not be real. (In statistics: the optimizer's curse, Smith & Winkler 2006.)

A judge must not share the guide's errors. The predictor that made the guide's labels is its truth, and judges it. So
does one with labels from elsewhere. A predictor fitted to the guide's own values, or to the same labels as the guide,
is no judge: where it does not see a lead, that may be an error of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.pairs import differences
from ofa_bench.analysis.statistics import Paired
from ofa_bench.analysis.studies import Entry, Study
from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor, embedded_predictor, official_predictor
from ofa_bench.predictors.embedded import MEMBERS
from ofa_bench.spaces import DesignSpace, Genes, space_of

__all__ = ["JUDGES", "Judged", "cross_evaluate", "may_judge"]

Floats = NDArray[np.float64]

JUDGES = (
    "A search may take what its predictor overrates. Here, the predictor that made the "
    "labels of the guide judges its winners: it is the truth that the guide estimates. A predictor fitted to the "
    "guide's own values, or to the same labels, is no judge, so there is none for the official predictor. What holds "
    "for a guide that was fitted to official accuracies need not hold for the official predictor, which was fitted to "
    "measured ones. Intervals are over repeats, not over predictors."
)
"""The explanation below a table of judged winners."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One judge's accuracies of a study's winners.

    ``accuracy`` has by entry the judge's predictions, float64 [repeats, targets], percent, NaN where a target was not
    met; ``leads`` has by entry the paired differences from the reference, points.
    """

    judge: str
    accuracy: Mapping[str, Floats]
    leads: Mapping[str, Paired]


def may_judge(judge: AccuracyPredictor, guide: AccuracyPredictor) -> bool:
    """Return whether a predictor may judge winners of another: it is its truth, or has labels from elsewhere.

    Where it is not known whence the labels of either come, it may not.
    """
    if guide.labels_from is None or judge.sha256 == guide.sha256:
        return False
    return judge.sha256 == guide.labels_from or judge.labels_from not in (None, guide.sha256, guide.labels_from)


def cross_evaluate(study: Study, reference: str) -> list[Judged]:
    """Return the judgement of a study's winners by every predictor of the package that may judge their guide.

    The official predictor is not downloaded for this. The list is empty if the space cannot be built here, or the guide
    is not of the package.
    """
    space = _space(study)
    if space is None:
        return []
    known = list(_predictors(space))
    sha256 = study.entries[0].records[0].predictor.sha256
    guide = next((one for one in known if one.sha256 == sha256), None)
    found = []
    for judge in (one for one in known if guide and may_judge(one, guide)):
        accuracy = {entry.name: _accuracy(entry, space, judge) for entry in study.entries}
        found.append(Judged(judge.name, accuracy, differences(study, accuracy, reference)))
    return found


def _space(study: Study) -> DesignSpace | None:
    """Return the space that the records name, if it can be built and contains all winners."""
    space = space_of(study.entries[0].records[0].config.get("space"))
    if space is None:
        return None
    found = [_genes(entry) for entry in study.entries]
    return space if all(space.contains(genes.reshape(-1, genes.shape[2])).all() for genes in found) else None


def _genes(entry: Entry) -> Genes:
    """Return the genes of an entry's winners: int8 [repeats, targets, n_genes], by ascending target."""
    return np.array([[one.genes for one in results] for results in entry.repeats], np.int8)


def _predictors(space: DesignSpace) -> Iterator[AccuracyPredictor]:
    """Yield the predictors of the package for a space that can be loaded here."""
    loads: list[Callable[[], AccuracyPredictor]] = [
        lambda: official_predictor(space, fetch=False),
        lambda: embedded_predictor(space),
        *(lambda number=number: embedded_predictor(space, number) for number in range(1, MEMBERS + 1)),
    ]
    for load in loads:
        try:
            yield load()
        except InputError:
            continue


def _accuracy(entry: Entry, space: DesignSpace, judge: AccuracyPredictor) -> Floats:
    """Return a judge's accuracies, percent: float64 [repeats, targets], ascending; NaN where a target was not met."""
    feasible = np.array([[one.feasible for one in results] for results in entry.repeats], bool)
    genes = _genes(entry)
    values = np.full(feasible.shape, np.nan)
    if feasible.any():
        values[feasible] = 100 * judge.accuracy(space.canonical(genes[feasible]))
    return values
