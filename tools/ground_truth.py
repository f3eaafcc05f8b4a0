"""Writes and reads ``benchmarks/studies/ground_truth.csv.gz``: winners of searches where the truth is known.

``ofa_bench -m experiment=ground_truth output=FOLDER`` searches; ``python tools/ground_truth.py FOLDER`` writes a row
for each winner: its genes, its accuracy by the guide in percent, and what its search spent. Its true accuracy is looked
up when the file is read.
"""

import gzip
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ofa_bench.experiment.building import load_space
from ofa_bench.files.writing import write_whole
from ofa_bench.predictors import latency_table, table_predictor
from ofa_bench.records.gather import from_folders
from ofa_bench.records.model import Record
from ofa_bench.search import Problem
from ofa_bench.search.archive import best_within
from ofa_bench.spaces.enumeration import architectures

__all__ = [
    "EXACT", "FILE", "GUIDES", "PAPER", "PAPER_GENERATIONS", "STRATEGIES", "Found", "best", "found", "main", "truth",
]  # fmt: skip

Floats = NDArray[np.float64]

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "ground_truth.csv.gz"

DEVICES = {"nasbench_macro": "macs", "accel_nasbench": "zcu102"}

GUIDES = ("truth", "one run", "1,000 labels", "300 labels", "100 labels")
EXACT = "exhaustive"
STRATEGIES = (
    "vanilla", "vanilla, matched", "top_down", "bottom_up", "joint", "nsga2", "random", "local_search", "tpe",
    "differentiable", EXACT,
)  # fmt: skip

PAPER, PAPER_GENERATIONS = ("vanilla", "top_down", "bottom_up"), 500
"""The paper's strategies, and the n that they have too, guided by the truth (chains: 23); their names end with it."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a strategy found with a guide, by sample of labels (or run) and repeat.

    ``regret`` (float64 [repeats, targets], points) is the best true accuracy within the target less the winner's true
    accuracy, ``excess`` the winner's accuracy by the guide less the true one. ``evaluations`` and ``unique`` are means
    over repeats, of all targets together.
    """

    regret: Floats
    excess: Floats
    evaluations: float
    unique: float
    keys: tuple[tuple[int, int], ...]

    def means(self, values: Floats) -> Floats:
        """Return means over targets, and over the runs that a guide may be: [repeats, targets] to float64 [n].

        Repeats with different runs are no independent ones: the same three runs are behind them all.
        """
        per = values.mean(axis=1)
        samples, repeats = (len({key[i] for key in self.keys}) for i in (0, 1))
        return np.asarray(per.reshape(samples, repeats).mean(axis=0) if samples > 1 and repeats > 1 else per)


@cache
def truth(space: str) -> Problem:
    """Return the problem of a space whose predictor is the truth."""
    whole = load_space(space)
    return Problem(whole, table_predictor(whole), latency_table(whole, DEVICES[space]))


def best(space: str, targets: Floats) -> Floats:
    """Return the best true accuracy within each target, percent."""
    problem = truth(space)
    genes = np.concatenate(list(architectures(problem.space, 8192)))
    accuracy, cost = problem.predictor.accuracy(genes), problem.cost.cost(genes)
    return np.asarray(100 * accuracy[best_within(accuracy, cost, targets)])


def rows_of(record: Record) -> list[tuple[object, ...]]:
    """Return a row for each winner of a record."""
    name, settings = record.predictor.name, record.config
    run, labels = (re.search(pattern, name) for pattern in (r"run (\d)", r"(\d+) labels"))
    guide = f"{int(labels[1]):,} labels" if labels else "one run" if run else "truth"
    sample = record.seed if labels else int(run[1]) if run else 0
    strategy = record.choices.strategy + (", matched" if record.budget.match else "")
    if strategy in PAPER and record.budget.generations == PAPER_GENERATIONS:
        strategy += f", n={PAPER_GENERATIONS}"
    asked = settings["strategy"].get("evaluations") or 0
    return [
        (
            record.choices.space, guide, strategy, asked, sample, repeat.repeat, result.target,
            "".join(map(str, result.genes)), f"{100 * (result.accuracy or 0):.3f}", result.evaluations,
            result.unique_evaluations,
        )
        for repeat in record.repeats
        for result in repeat.results
    ]  # fmt: skip


COLUMNS = (
    "space", "guide", "strategy", "asked", "sample", "repeat", "target", "genes", "accuracy", "evaluations", "unique",
)  # fmt: skip


@cache
def found() -> Mapping[tuple[str, str, str, int], Found]:
    """Return what was found by space, guide, strategy and the evaluations asked for (0: those of its budget).

    Searches that lack some repeats are left out.

    Raises:
        FileNotFoundError: there is no study.
    """
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE.parent.name}/{FILE.name}")
    table = pd.read_csv(FILE, dtype={"genes": str})
    made = {}
    for (space, guide, strategy, asked), part in table.groupby(list(COLUMNS[:4]), sort=False):
        part = part.sort_values(["sample", "repeat", "target"])
        targets = np.unique(part["target"])
        shape = (-1, len(targets))
        genes = np.array([list(map(int, text)) for text in part["genes"]], np.int8)
        true = 100 * truth(space).predictor.accuracy(genes).reshape(shape)
        spent = part.groupby(["sample", "repeat"])[["evaluations", "unique"]].sum()
        made[space, guide, strategy, int(asked)] = Found(
            best(space, targets) - true,
            part["accuracy"].to_numpy().reshape(shape) - true,
            *spent.mean(),
            keys=tuple(spent.index),
        )
    most = {key[:2]: max(len(one.keys) for other, one in made.items() if other[:2] == key[:2]) for key in made}
    return {key: one for key, one in made.items() if len(one.keys) == most[key[:2]]}


def main(folder: str) -> None:
    """Write the file from the records in a folder."""
    rows = sorted(row for record in from_folders([Path(folder)]).records for row in rows_of(record))
    text = pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False)
    write_whole(FILE, gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
