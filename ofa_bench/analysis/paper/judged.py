"""Judges the claim of no difference in accuracy by sources that had no part in the predictor of the searches."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.judging import judge_records
from ofa_bench.analysis.paper.answers import Answer, Claim, of_paper_size
from ofa_bench.analysis.paper.differences import no_difference
from ofa_bench.analysis.paper.protocols import CHAINS, LABELS, STRATEGIES
from ofa_bench.analysis.paper.published import Published
from ofa_bench.analysis.paper.runs import Runs
from ofa_bench.analysis.statistics import paired
from ofa_bench.analysis.summary import difference
from ofa_bench.records.model import Record

__all__ = ["Opinions", "judge_runs", "judged_claims"]

Key = tuple[str, str]
"""Space and protocol."""

Opinions = Mapping[Key, Mapping[str, Mapping[str, NDArray[np.float64]]]]
"""Mean accuracies by runs, independent source and strategy: float64 [repeats], percent."""


def judge_runs(runs: Mapping[Key, Runs]) -> Opinions:
    """Return what independent sources say of the winners of runs, over the targets that all strategies met."""
    made = {key: {name: _record(one, name) for name in STRATEGIES} for key, one in runs.items()}
    judgements = judge_records([record for of in made.values() for record in of.values()], official=False)
    found: dict[Key, dict[str, dict[str, NDArray[np.float64]]]] = {}
    for key, of in made.items():
        for name, record in of.items():
            for one in judgements.get(id(record), ()):
                means = one.accuracy[:, runs[key].met].mean(axis=1)
                found.setdefault(key, {}).setdefault(one.judge.name, {})[name] = means
    return found


def _record(runs: Runs, strategy: str) -> Record:
    """Return a record of a strategy's repeats for all targets, ascending, from whichever records they come."""
    repeats = [runs.cells[strategy][runs.targets][key] for key in runs.winners]
    ascending = [replace(one, results=sorted(one.results, key=lambda result: float(result.target))) for one in repeats]
    return replace(runs.first, targets=list(runs.targets), repeats=ascending)


def judged_claims(space: str, opinions: Opinions, published: Published) -> list[Claim]:
    """Return the claim of no difference by each independent source that judged runs in a space, over all repeats."""
    names = dict.fromkeys(name for key, of in opinions.items() if key[0] == space for name in of)
    return [
        Claim(
            f"the same over all repeats, by the independent source {name}: {LABELS[chain]}",
            "",
            partial(_answer, opinions=opinions, name=name, chain=chain, published=published),
        )
        for name in names
        for chain in CHAINS
    ]


def _answer(runs: Runs, opinions: Opinions, name: str, chain: str, published: Published) -> Answer:
    means = opinions.get((runs.space, runs.protocol), {}).get(name)
    if means is None:
        return "", ""
    found = next(one for one in paired(means, "vanilla") if one.name == chain)
    return f"{difference(found)}, n = {found.n}", of_paper_size(runs, published, no_difference(found))
