"""Reads ``benchmarks/studies/truth.csv.gz`` (``ofa_bench -m experiment=truth``): winners, judged by every source.

A predictor that had part in a guide gives its opinion too, but is marked: it is no judge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.judges import Role, find_role, find_sources
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.studies import Entry, Study, finite_means, studies
from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor, measured_predictor, measured_sources, official_predictor
from ofa_bench.records.compact import unpack
from ofa_bench.spaces import DesignSpace, space_of

__all__ = [
    "BASE",
    "FILE",
    "GUIDES",
    "STRATEGIES",
    "Pair",
    "Rows",
    "Searched",
    "compare",
    "mean",
    "predictors_of",
    "searched",
]

Floats = NDArray[np.float64]
Rows = Mapping[tuple[int, int], Floats]
"""By seed and repeat: accuracies by ascending target, percent, float64 [targets], NaN where one was not met."""

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "truth.csv.gz"

GUIDES = ("official", "embedded", "member mean", "measured", "measured autobuild", "measured ofa_w1.0")
STRATEGIES = ("vanilla", "top_down", "bottom_up", "joint")
BASE = {"mbv3": "official", "mbv3_w1.0": "measured autobuild"}
"""The guide that others are compared with, by space."""


@dataclass(frozen=True, eq=False)
class Searched:
    """What strategies found with one guide on one device.

    ``own`` has the guide's accuracies by strategy, ``judged`` those of each judge, ``roles`` in which role it may judge
    (None: it had part in the guide); the guide itself is no judge. ``guessed`` has the share of all
    winners with an image size that no label of the judge had.
    """

    space: str
    device: str
    guide: str
    own: Mapping[str, Rows]
    judged: Mapping[str, Mapping[str, Rows]]
    roles: Mapping[str, Role | None]
    guessed: Mapping[str, float]


@cache
def searched() -> list[Searched]:
    """Return what was found, by space, device and guide.

    Raises:
        FileNotFoundError: there is no study.
    """
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE.parent.name}/{FILE.name}")
    found = [_judged(study) for study in studies(unpack(FILE))]
    return sorted(found, key=lambda one: (one.space, one.device, GUIDES.index(one.guide)))


def _judged(study: Study) -> Searched:
    record = study.entries[0].records[0]
    space, guide = space_of(record.config.get("space")), record.predictor
    assert space is not None
    sources = find_sources(space, guide)
    judges = {name: one for name, one in predictors_of(space) if one.sha256 != guide.sha256}
    return Searched(
        study.space,
        study.device,
        study.predictor,
        {entry.name: _rows(entry, entry.accuracy) for entry in study.entries},
        {
            name: {one.name: _rows(one, _accuracy(space, judge, one)) for one in study.entries}
            for name, judge in judges.items()
        },
        {name: find_role((judge.sha256, judge.sources), (guide.sha256, sources)) for name, judge in judges.items()},
        {
            name: float(np.mean([_guessed(space, judge, one) for one in study.entries]))
            for name, judge in judges.items()
        },
    )


def _guessed(space: DesignSpace, judge: AccuracyPredictor, entry: Entry) -> float:
    """Return the share of winners with an image size that no label of a judge had."""
    place = space.index["r"]
    sizes = [space.genes[place].choices[one.genes[place]] for results in entry.repeats for one in results]
    return float(np.isin(sizes, list((judge.unlabelled or {}).get("r", ()))).mean())


def predictors_of(space: DesignSpace) -> Iterator[tuple[str, AccuracyPredictor]]:
    """Yield the predictor of each source, and the official one.

    Raises:
        FileNotFoundError: there is an official predictor, but not here.
    """
    for source in measured_sources(space):
        yield source, measured_predictor(space, source)
    if space.name == "mbv3":
        try:
            yield "official", official_predictor(space, fetch=False)
        except InputError as error:
            raise FileNotFoundError("OFA's official predictor, which judges") from error


def _accuracy(space: DesignSpace, judge: AccuracyPredictor, entry: Entry) -> Floats:
    genes = np.array([[one.genes for one in results] for results in entry.repeats], np.int8)
    flat = space.canonical(genes.reshape(-1, genes.shape[2]))
    found = 100 * judge.accuracy(flat).reshape(genes.shape[:2])
    return np.where(np.isfinite(entry.accuracy), found, np.nan)


def _rows(entry: Entry, accuracy: Floats) -> Rows:
    return dict(zip(entry.keys, accuracy, strict=True))


Pair = tuple[Rows, Rows]
"""What is compared, and with what."""


def compare(pairs: Mapping[str, Sequence[Pair]]) -> dict[str, Paired]:
    """Compare by name, in points: means over devices (a pair each) and over targets that both met, paired by repeat.

    Holm's correction is for all of them. Repeats that one lacks are left out; empty without any.
    """
    every = [rows for several in pairs.values() for pair in several for rows in pair]
    keys = [key for key in every[0] if all(key in rows for rows in every)] if every else []
    if not keys:
        return {}
    means = {
        name: np.mean([finite_means(np.array([one[key] - base[key] for key in keys])) for one, base in several], axis=0)
        for name, several in pairs.items()
    }
    return {one.name: one for one in paired({"": np.zeros(len(keys)), **means}, "")}


def mean(several: Sequence[Rows]) -> float:
    """Return the mean accuracy over devices, repeats and targets, percent."""
    return float(np.mean([finite_means(np.array(list(rows.values()))).mean() for rows in several]))
