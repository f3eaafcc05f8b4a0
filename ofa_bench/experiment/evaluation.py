"""Evaluates given architectures, without a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ofa_bench.experiment.architectures import NamedArchitecture
from ofa_bench.predictors.gaps import find_gaps
from ofa_bench.predictors.uncertainty import find_uncertainty
from ofa_bench.search import Problem

__all__ = ["Evaluated", "evaluate"]


@dataclass(frozen=True)
class Evaluated:
    """An architecture with its predicted accuracy (fraction of 1) and its cost in the cost model's unit.

    ``uncertainty`` is one standard deviation of the accuracy; ``unlabelled`` are its choices that no label of the
    predictor had; None if unknown.
    """

    named: NamedArchitecture
    accuracy: float
    cost: float
    unlabelled: Mapping[str, Sequence[float]] | None
    uncertainty: float | None


def evaluate(problem: Problem, named: Sequence[NamedArchitecture]) -> list[Evaluated]:
    """Return accuracy and cost of architectures of the problem's space, in their order."""
    genes = np.array([one.genes for one in named], np.int8)
    accuracy, cost = problem.predictor.accuracy(genes).tolist(), problem.cost.cost(genes).tolist()
    gaps = find_gaps(problem.space, problem.predictor, genes)
    uncertain = find_uncertainty(problem.predictor, genes)
    return [
        Evaluated(one, accuracy[i], cost[i], None if gaps is None else gaps[i], uncertain[i])
        for i, one in enumerate(named)
    ]
