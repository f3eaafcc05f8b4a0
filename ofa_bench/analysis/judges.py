"""Evaluates winners by predictors that did not guide the search, to show how much of a lead is the winner's curse.

A search selects what its predictor overrates, a stronger search the more so. So a lead by the predictor that guided the
search may not be real. (In statistics: the optimizer's curse, Smith & Winkler 2006.)
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

__all__ = ["JUDGES", "Judged", "cross_evaluate"]

Floats = NDArray[np.float64]

JUDGES = (
    "A search takes what its predictor overrates, a stronger search the more so. Here, predictors that did not "
    "guide it judge its winners: the official and the embedded one, and the mean of the members, four small "
    "networks fitted to the official accuracies of 16,000 random architectures each, as many as OFA fitted its "
    "own predictor to (one that guided is left out; those of ProxylessNAS are MobileNetV3's, transferred). The "
    "embedded one was fitted to agree with the official one near winners; members were not. A lead that members "
    "do not see is one that a predictor fitted like OFA's would not have shown; whether it is real, only training "
    "would tell. The members of ResNet50D differ from the official predictor by 0.007 points only: that they "
    "agree with it proves nothing. Intervals are over repeats, not over predictors."
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


def cross_evaluate(study: Study, reference: str) -> list[Judged]:
    """Return the judgement of a study's winners by every available predictor that did not guide the searches.

    These are the official predictor (if its file exists; it is not downloaded for this), the embedded one, and the
    mean of the members (see ``tools/make_members.py``). The list is empty if the space cannot be built here, or has
    no other predictor.
    """
    space = _space(study)
    if space is None:
        return []
    guide = study.entries[0].records[0].predictor.sha256
    found = []
    for name, predictors in _judges(space):
        others = [predictor for predictor in predictors if predictor.sha256 != guide]
        if others:
            accuracy = {entry.name: _accuracy(entry, space, others) for entry in study.entries}
            found.append(Judged(name, accuracy, differences(study, accuracy, reference)))
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
    """Return means over judges, percent: float64 [repeats, targets], ascending; NaN where a target was not met."""
    feasible = np.array([[one.feasible for one in results] for results in entry.repeats], bool)
    genes = _genes(entry)
    values = np.full(feasible.shape, np.nan)
    if feasible.any():
        rows = space.canonical(genes[feasible])
        values[feasible] = 100 * np.mean([judge.accuracy(rows) for judge in judges], axis=0)
    return values
