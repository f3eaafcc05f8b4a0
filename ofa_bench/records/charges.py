"""Charges gradients as evaluations."""

from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.records.model import Record, Result

__all__ = ["charged_evaluations"]


def charged_evaluations(record: Record, result: Result) -> float:
    """Return the evaluations of a record's result, plus those that take as long as its gradients, as measured."""
    if not result.gradients:
        return float(result.evaluations)
    return float(result.evaluations + gradient_cost(record.choices.space, record.predictor.sha256) * result.gradients)
