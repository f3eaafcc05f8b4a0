"""Writes and reads ``benchmarks/studies/measurements.csv.gz``: true accuracies that searches reached by measuring.

``ofa_bench -m experiment=measurements output=FOLDER`` searches; ``python tools/measurements.py FOLDER`` writes a row
for each repeat: the mean true accuracy of its winners in percent, and what the search measured.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from ground_truth import best, truth
from numpy.typing import NDArray
from study_files import write_study

from ofa_bench.records.gather import from_folders
from ofa_bench.records.model import Record, RecordedRepeat
from ofa_bench.records.regret import without_errors

__all__ = ["FILE", "REFERENCE", "SETTINGS", "STRATEGIES", "Reached", "Setting", "found", "main", "rows_of"]

Floats = NDArray[np.float64]

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "measurements.csv.gz"

REFERENCE = "surrogate"
STRATEGIES = (
    REFERENCE, "ofa_recipe", "ofa_recipe, joint", "linas", "nsganetv2", "joint", "nsga2", "tpe", "random",
)  # fmt: skip


class Setting(NamedTuple):
    """What is searched: a space, the predictor that is the truth, and the errors of measurements."""

    space: str
    truth: str
    noise: str
    """One standard deviation in points, or ``one training``: a measurement shows one of three."""

    @property
    def title(self) -> str:
        """Its description."""
        noise = self.noise if self.noise == ONE else f"noise {self.noise}"
        return f"{self.space}, {'' if self.known else f'truth {self.truth}, '}{noise}"

    @property
    def known(self) -> bool:
        """Whether the best of all architectures is known, so that there is a true regret."""
        return self.truth == "table"

    @property
    def optimum(self) -> float:
        """The mean of the best true accuracies within the device's own targets, percent, where they are known."""
        return _optimum(self.space)


ONE = "one training"
SETTINGS = tuple(
    Setting(*words)
    for words in (
        ("mbv3", "official", "0"), ("mbv3", "official", "0.1"), ("mbv3", "official", "0.3"),
        ("mbv3", "measured", "0"), ("mbv3", "measured", "0.3"),
        ("nasbench_macro", "table", "0"), ("nasbench_macro", "table", ONE),
        ("accel_nasbench", "table", "0"), ("accel_nasbench", "table", "0.3"),
    )
)  # fmt: skip


@cache
def _optimum(space: str) -> float:
    return float(best(space, np.array(truth(space).cost.targets)).mean())


@dataclass(frozen=True, eq=False)
class Reached:
    """What a strategy reached with a number of measurements, by seed and repeat.

    ``true`` (float64 [repeats], percent) is the mean true accuracy of the winners, NaN where a target was not met.
    ``measurements``, ``evaluations`` and ``seconds`` are means over repeats, of all targets together; ``missed`` is the
    number of targets that were not met, over all repeats.
    """

    true: Floats
    measurements: float
    evaluations: float
    seconds: float
    missed: int
    keys: tuple[tuple[int, int], ...]


COLUMNS = (
    "space", "truth", "noise", "strategy", "asked", "seed", "repeat", "evaluations", "measurements", "missed", "true",
    "seconds",
)  # fmt: skip
CELL, REPEAT = list(COLUMNS[:5]), list(COLUMNS[:7])


def rows_of(record: Record) -> list[tuple[object, ...]]:
    """Return a row for each repeat of a record; none if its measurements are not simulated."""
    predictor, strategy = record.config["predictor"], record.config["strategy"]
    each, noise = predictor.get("run") == "each", predictor.get("noise")
    if noise is None and not each:
        return []
    setting = Setting(record.choices.space, record.choices.predictor, ONE if each else f"{noise:g}")
    inner = (strategy.get("inner") or {}).get("_target_", "")
    joint = record.choices.strategy == "ofa_recipe" and inner.endswith(".Joint")
    name = record.choices.strategy + (", joint" if joint else "")
    return [
        (*setting, name, strategy["evaluations"], record.seed, repeat.repeat, *_of_repeat(repeat))
        for repeat in record.repeats
    ]


def _of_repeat(repeat: RecordedRepeat) -> tuple[object, ...]:
    """Return evaluations, measurements, targets missed, the mean true accuracy in percent, and seconds."""
    results = repeat.results
    measured = sum(one.unique_evaluations if one.measurements is None else one.measurements for one in results)
    true = [100 * without_errors(one) for one in results if one.feasible and one.accuracy is not None]
    return (
        sum(one.evaluations for one in results), measured, len(results) - len(true),
        f"{np.mean(true):.4f}" if true else "", f"{repeat.seconds:.3g}",
    )  # fmt: skip


@cache
def found() -> Mapping[tuple[Setting, str, int], Reached]:
    """Return what was reached by setting, strategy and the evaluations asked for.

    Raises:
        FileNotFoundError: there is no study.
    """
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE.parent.name}/{FILE.name}")
    table = pd.read_csv(FILE, dtype={"noise": str})
    made = {}
    for (space, of, noise, strategy, asked), part in table.groupby(CELL, sort=False):
        part = part.sort_values(["seed", "repeat"])
        made[Setting(space, of, noise), strategy, int(asked)] = Reached(
            part["true"].where(part["missed"] == 0).to_numpy(np.float64),
            *part[["measurements", "evaluations", "seconds"]].mean(),
            missed=int(part["missed"].sum()),
            keys=tuple(zip(part["seed"], part["repeat"], strict=True)),
        )
    return made


def main(folder: str) -> None:
    """Write the file from the records in a folder.

    Raises:
        ValueError: two records are of the same setting, strategy, evaluations, seed and repeat.
    """
    rows = [row for record in from_folders([Path(folder)]).records for row in rows_of(record)]
    write_study(FILE, rows, COLUMNS, REPEAT)


if __name__ == "__main__":
    main(sys.argv[1])
