"""The default targets of the tables in the package.

``python tools/targets.py DEVICE SPACE`` adds them to a table that was profiled without, because its space has no
embedded predictor.
"""

import json
import sys

import numpy as np

from ofa_bench.devices.cost import Term
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import AccuracyPredictor, CostTable, embedded_predictor, latency_table, official_predictor
from ofa_bench.search import Problem, default_targets
from ofa_bench.spaces import DesignSpace, MobileNetV3Space

__all__ = ["main", "targets_of"]


def targets_of(table: CostTable) -> tuple[float, ...]:
    """Return ten targets for a table, up to the cost where accuracy saturates."""
    return default_targets(Problem(table.space, _judge(table.space), table), np.random.default_rng(0))


def _judge(space: DesignSpace) -> AccuracyPredictor:
    """Return the predictor that shows where accuracy saturates; that of ``mbv3`` serves both widths' genes."""
    if isinstance(space, MobileNetV3Space):
        return official_predictor(MobileNetV3Space())
    return official_predictor(space) if space.official_predictor else embedded_predictor(space)


def main(device: str, name: str) -> None:
    """Write a table of the package anew, with targets."""
    path, table = FOLDER / device / f"{name}.json", latency_table(load_space(name), device)
    there = json.loads(path.read_text())
    terms = [Term(tuple(map(tuple, term["places"])), np.array(term["values"])) for term in there["terms"]]
    about = {key: there[key] for key in ("space", "device", "unit", "card")}
    write_table(path, terms, **about, targets=targets_of(table))
    print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
