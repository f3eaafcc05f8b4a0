"""Finds the predictors that may judge the winners of another one, because they do not share its errors.

A search may select what its predictor, the guide, overrates, so a lead by the guide may not be real. (In statistics:
the optimizer's curse, Smith & Winkler 2006.) Two kinds of predictors may judge its winners:

- the *truth* of the guide: the predictor that made its labels;
- an *independent source*: a predictor whose labels come from measurements that had no part in the guide.

A predictor fitted to the guide's own values, or to a source that the guide was fitted to, is no judge: where it does
not see a lead, that may be an error of its own. Two halves of one source share its errors, and are not independent.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor, embedded_predictor, official_predictor
from ofa_bench.predictors.assets import ASSETS
from ofa_bench.predictors.embedded import EARLIER, MEMBERS
from ofa_bench.predictors.measured import measured_predictor, measured_sources
from ofa_bench.predictors.official import MEASURED
from ofa_bench.predictors.table import table_predictor, table_sources
from ofa_bench.records.model import RecordedPredictor
from ofa_bench.spaces import DesignSpace

__all__ = ["JUDGES", "TRUTH", "Judge", "Role", "describe_source", "find_judges", "find_role", "find_sources"]

Role = Literal["truth", "independent"]

JUDGES = (
    "A search may pick what its predictor, the guide, overrates. So other predictors, the judges, evaluate its winners "
    "again: the predictor that made the labels of the guide (its truth), and one predictor for each source of "
    "measurements that had no part in the guide (an independent source). A predictor fitted to the guide's values, or "
    "to a source of the guide, is no judge: it shares errors with the guide, as two halves of one source do. A judge's "
    "lead tells whether a strategy is ahead in its eyes too: a lead is seen where its whole 95 % interval is above 0; "
    "one that is not seen may still be there. Believe a lead that all independent sources see. Intervals are over "
    "repeats, not over predictors, and each is for itself. 'Overrated' is the accuracy by the guide less that by the "
    "judge, in points. It is shown only where the two differ by less than a point on average. Farther apart, they are "
    "taken to be on different scales, so compare leads, not accuracies: the official predictor is about 3.8 points "
    "above measured accuracies."
)
"""The explanation below a table of judged winners."""

TRUTH = "truth"
"""The name of the judge of simulated measurements that a record itself has."""

NAMES = {
    MEASURED: "measurements by OFA, which are not published",
    "ofa_w1.0": "accuracies measured on OFA's supernet of width 1.0",
    "ofa_w1.2": "accuracies measured on OFA's supernet of width 1.2",
    "autobuild": "labels of AutoBuild's predictor",
    "table": "the mean of all runs of each network",
    "other runs": "the mean of the runs of each network that the guide does not know",
    "official": "OFA's predictor, fitted to measurements that are not published",
    TRUTH: "the guide without errors of simulated measurements",
}
"""Descriptions of sources, and of the official predictor as a judge."""


@dataclass(frozen=True, eq=False)
class Judge:
    """A predictor that may judge the winners of a guide; its name is that of its source, or "official"."""

    name: str
    role: Role
    predictor: AccuracyPredictor


def describe_source(source: str) -> str:
    """Return a source of labels as text."""
    if source in ASSETS.values():
        return "values of the official predictor"
    return NAMES.get(source, f"labels of hash {source[:12]}" if len(source) == 64 else source)


def find_role(judge: tuple[str, Collection[str] | None], guide: tuple[str, Collection[str] | None]) -> Role | None:
    """Return in which role a predictor may judge winners of another; None if it may not.

    Where it is not known whence the labels of either come, it may not.

    Args:
        judge: SHA-256 and sources of the predictor that judges.
        guide: those of the predictor that guided the search.
    """
    (sha256, own), (guiding, sources) = judge, guide
    if sources is None or sha256 == guiding:
        return None
    if sha256 in sources:
        return "truth"
    return None if own is None or {*own} & {guiding, *sources} else "independent"


def find_sources(space: DesignSpace, guide: RecordedPredictor) -> tuple[str, ...] | None:
    """Return the sources of a guide: as recorded, or those of the package's predictor of the same hash; else None.

    The package may have had that predictor earlier.
    """
    if guide.sources is not None:
        return tuple(guide.sources)
    if guide.sha256 in ASSETS.values():
        return (MEASURED,)
    for member in (None, *range(1, MEMBERS + 1)):
        with suppress(InputError):
            one = embedded_predictor(space, member)
            if one.sha256 == guide.sha256:
                return one.sources
    return EARLIER.get(guide.sha256)


def find_judges(
    space: DesignSpace, sha256: str, sources: Collection[str] | None, *, official: bool = True
) -> list[Judge]:
    """Return the predictors of the package that may judge winners of a guide, its truth first.

    Args:
        space: of the winners.
        sha256: the hash of the guide.
        sources: those of the guide; None if they are not known.
        official: whether the official predictor, which not every machine has, may judge.
    """
    if sources is None:
        return []
    roles = (
        (name, one, find_role((one.sha256, one.sources), (sha256, sources)))
        for name, one in _load(space, sources, official and MEASURED not in sources)
    )
    found = [Judge(name, role, one) for name, one, role in roles if role]
    return sorted(found, key=lambda judge: judge.role != "truth")


def _load(space: DesignSpace, sources: Collection[str], official: bool) -> Iterator[tuple[str, AccuracyPredictor]]:
    """Yield the predictors that may judge guides of other sources, with names; nothing is downloaded.

    Of known accuracies, these are the mean of all runs, and that of the runs in which the guide has no part.
    """
    runs = table_sources(space)
    others = [number for number, run in enumerate(runs, 1) if run not in sources]
    if runs:
        yield "table", table_predictor(space)
    if 0 < len(others) < len(runs):
        yield "other runs", table_predictor(space, run=others)
    for source in measured_sources(space):
        yield source, measured_predictor(space, source)
    if official:
        with suppress(InputError):
            yield "official", official_predictor(space, fetch=False)
