"""The default targets of the tables in the package."""

import numpy as np

from ofa_bench.predictors import AccuracyPredictor, CostTable, embedded_predictor, official_predictor
from ofa_bench.search import Problem, default_targets
from ofa_bench.spaces import DesignSpace, MobileNetV3Space

__all__ = ["targets_of"]


def targets_of(table: CostTable) -> tuple[float, ...]:
    """Return ten targets for a table, up to the cost where accuracy saturates."""
    return default_targets(Problem(table.space, _judge(table.space), table), np.random.default_rng(0))


def _judge(space: DesignSpace) -> AccuracyPredictor:
    """Return the predictor that shows where accuracy saturates; that of ``mbv3`` serves both widths' genes."""
    if isinstance(space, MobileNetV3Space):
        return official_predictor(MobileNetV3Space())
    return official_predictor(space) if space.official_predictor else embedded_predictor(space)
