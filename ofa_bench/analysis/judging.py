"""Judges the winners of records, each record once: their accuracies by every predictor that may judge the guide."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.judges import TRUTH, Judge, Role, find_judges, find_sources
from ofa_bench.analysis.pairs import differences
from ofa_bench.analysis.statistics import Paired, paired
from ofa_bench.analysis.studies import Entry, Study, finite_means
from ofa_bench.predictors import AccuracyPredictor, TablePredictor
from ofa_bench.predictors.coverage import format_choices
from ofa_bench.predictors.gaps import find_source
from ofa_bench.records.model import Record
from ofa_bench.spaces import DesignSpace, Genes, space_of

__all__ = [
    "SCALE",
    "Judged",
    "Judgement",
    "Judgements",
    "cross_evaluate",
    "guide_sources",
    "judge_records",
    "judged_columns",
]

Floats = NDArray[np.float64]

SCALE = 1.0
"""Points of mean accuracy by which a guide and an independent judge differ at least if their scales do."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """One judge's opinion of a record's winners.

    ``accuracy`` is float64 [repeats, targets], percent, with targets in the order of the record, NaN where one was not
    met. ``guessed``, bool of the same shape, marks winners with a choice that no label of the judge had.
    """

    judge: Judge
    accuracy: Floats
    guessed: NDArray[np.bool_]


Judgements = Mapping[int, Sequence[Judgement]]
"""The judgements of records by their ``id``; the records must live as long."""


@dataclass(frozen=True, eq=False)
class Judged:
    """One judge's opinion of a study's winners.

    By entry: ``accuracy`` has the judge's predictions, float64 [repeats, targets], percent, by ascending target, NaN
    where a target was not met; ``leads`` the paired differences from the reference, points; ``overrated`` the guide's
    mean accuracies less the judge's, points; it is empty if they are on different scales. ``guesses`` tells which
    choices no label of the judge had, and how many winners have them; empty without any.
    """

    judge: str
    role: Role
    accuracy: Mapping[str, Floats]
    leads: Mapping[str, Paired]
    overrated: Mapping[str, Paired]
    guesses: str


def judge_records(records: Sequence[Record], *, official: bool = True) -> Judgements:
    """Return the judgements of the winners of records, whose judges are loaded once.

    A record has none if its space cannot be built here or does not contain its winners, or if the sources of its guide
    are not known. Where measurements were simulated, the truth, which the record has, is a judge. A judge that knows
    only some architectures judges records all of whose winners it knows. Without ``official``, that predictor, which
    not every machine has, does not judge.
    """
    judges: dict[tuple[int, str, str], list[Judge]] = {}
    found = {}
    for record in records:
        space, guide = space_of(record.config.get("space")), record.predictor
        genes = np.array([[one.genes for one in repeat.results] for repeat in record.repeats], np.int8)
        if space is not None and space.contains(genes.reshape(-1, genes.shape[2])).all():
            key = (id(space), guide.sha256, str(guide.sources))
            if key not in judges:
                judges[key] = find_judges(space, guide.sha256, find_sources(space, guide), official=official)
            met = np.array([[bool(one.feasible) for one in repeat.results] for repeat in record.repeats])
            knowing = [judge for judge in judges[key] if _knows(judge, space, genes[met])]
            found[id(record)] = [*_truth(space, record, genes, met, knowing)]
            found[id(record)] += [_judge(judge, space, genes, met) for judge in knowing]
    return found


def _truth(
    space: DesignSpace, record: Record, genes: Genes, met: NDArray[np.bool_], judges: Sequence[Judge]
) -> Iterator[Judgement]:
    """Yield the judgement of winners by their recorded accuracy without errors of simulated measurements, if known.

    A judge that is the truth, and so the first of the guide's sources, says the same: there is no second judgement.

    Args:
        space: of the winners.
        record: of the winners.
        genes: theirs, int8 [repeats, targets, n_genes].
        met: bool [repeats, targets].
        judges: of the record.
    """
    true = [one.true_accuracy for one in record.results if one.feasible and one.true_accuracy is not None]
    named = any([one.predictor.sha256] == (record.predictor.sources or [])[:1] for one in judges)
    if named or len(true) < max(1, met.sum()):
        return
    rows = space.canonical(genes[met])
    first = np.unique(rows, axis=0, return_index=True)[1]
    predictor = TablePredictor(space, rows[first], np.array(true)[first], name=TRUTH)
    yield _judge(Judge(TRUTH, "truth", predictor), space, genes, met)


def guide_sources(record: Record) -> tuple[str, ...] | None:
    """Return the sources of the labels of a record's predictor; None if they are not known."""
    space = space_of(record.config.get("space"))
    return None if space is None else find_sources(space, record.predictor)


def _knows(judge: Judge, space: DesignSpace, genes: Genes) -> bool:
    """Return whether a judge knows all of these architectures, int8 [n, n_genes]."""
    known = judge.predictor.known_genes
    return known is None or {*space.keys(genes)} <= {*space.keys(known)}


def _judge(judge: Judge, space: DesignSpace, genes: Genes, met: NDArray[np.bool_]) -> Judgement:
    """Return a judge's opinion of architectures, int8 [repeats, targets, n_genes], where ``met``."""
    accuracy, guessed = np.full(met.shape, np.nan), np.zeros(met.shape, bool)
    if met.any():
        rows = space.canonical(genes[met])
        accuracy[met], guessed[met] = 100 * judge.predictor.accuracy(rows), _guessed(space, judge.predictor, rows)
    return Judgement(judge, accuracy, guessed)


def _guessed(space: DesignSpace, predictor: AccuracyPredictor, genes: Genes) -> NDArray[np.bool_]:
    """Return which architectures (int8 [n, n_genes]) have an active gene with a value that no label had: bool [n]."""
    space, unlabelled, rows = find_source(space, predictor, genes)
    rows = space.canonical(rows)
    active, found = space.active(rows), np.zeros(len(rows), bool)
    for name, values in (unlabelled or {}).items():
        i = space.index[name]
        places = [place for place, value in enumerate(space.genes[i].choices) if value in values]
        found |= active[:, i] & np.isin(rows[:, i], places)
    return found


def judged_columns(records: Sequence[Record], judgements: Judgements) -> dict[str, list[float]]:
    """Return a column of data for each judge, ``judged_<name>``, with a value for each result; see ``frame.tidy``.

    Values are fractions of 1, NaN where the predictor did not judge or the target was not met.
    """
    names = list(dict.fromkeys(one.judge.name for of in judgements.values() for one in of))
    columns: dict[str, list[float]] = {f"judged_{name}": [] for name in names}
    for record in records:
        by_name = {one.judge.name: one.accuracy / 100 for one in judgements.get(id(record), ())}
        missing = np.full((len(record.repeats), len(record.targets)), np.nan)
        for name in names:
            columns[f"judged_{name}"] += by_name.get(name, missing).ravel().tolist()
    return columns


def cross_evaluate(study: Study, reference: str, judgements: Judgements | None = None) -> list[Judged]:
    """Return the judgement of a study's winners by every predictor that may judge their guide.

    Args:
        study: whose winners are judged.
        reference: the entry that the leads are over.
        judgements: those of the study's records, among others; None: they are made.
    """
    records = [record for entry in study.entries for record in entry.records]
    known = judge_records(records) if judgements is None else judgements
    of = [{one.judge.name: one for one in known.get(id(record), ())} for record in records]
    common = [name for name in of[0] if all(name in one for one in of)]
    return [_judged(study, reference, name, known) for name in common]


def _judged(study: Study, reference: str, name: str, judgements: Judgements) -> Judged:
    chosen = {entry.name: [_of(name, judgements[id(record)]) for record in entry.records] for entry in study.entries}
    accuracy = {entry.name: _by_target(entry, chosen[entry.name]) for entry in study.entries}
    overrated = {entry.name: _overrated(entry, accuracy[entry.name]) for entry in study.entries}
    judge = next(iter(chosen.values()))[0].judge
    every = [one.difference for one in overrated.values() if one.difference is not None]
    if not every or (judge.role != "truth" and abs(np.mean(every)) >= SCALE):
        overrated = {}
    guesses = _describe_guesses(judge, [one for several in chosen.values() for one in several])
    leads = differences(study, accuracy, reference)
    return Judged(judge.name, judge.role, accuracy, leads, overrated, guesses)


def _of(name: str, judgements: Sequence[Judgement]) -> Judgement:
    return next(one for one in judgements if one.judge.name == name)


def _by_target(entry: Entry, judgements: Sequence[Judgement]) -> Floats:
    """Return an entry's accuracies by a judge: float64 [repeats, targets], percent, by ascending target."""
    tables = [
        one.accuracy[:, np.argsort(record.targets, kind="stable")]
        for record, one in zip(entry.records, judgements, strict=True)
    ]
    return np.concatenate(tables)


def _overrated(entry: Entry, accuracy: Floats) -> Paired:
    """Return the mean accuracies by the guide less those by a judge, in pairs of repeats."""
    [found] = paired({"judge": finite_means(accuracy), entry.name: entry.mean_accuracy}, "judge")
    return found


def _describe_guesses(judge: Judge, judgements: Sequence[Judgement]) -> str:
    guessed = np.concatenate([one.guessed[np.isfinite(one.accuracy)] for one in judgements])
    if not guessed.any():
        return ""
    return (
        f"No label of {judge.name} had {format_choices(judge.predictor.unlabelled or {})}: what it predicts of such "
        f"architectures, {100 * guessed.mean():.0f} % of the winners, is a guess."
    )
