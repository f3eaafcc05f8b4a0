"""Finds the choices of architectures that no label had, in the space of the predictor's labels."""

from typing import Any

from ofa_bench.predictors.accuracy import SubspacePredictor
from ofa_bench.predictors.coverage import Choices, check_unlabelled, unlabelled_in
from ofa_bench.predictors.simulated import SimulatedMeasurement
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["find_gaps", "find_source"]


def find_source(space: DesignSpace, predictor: Any, genes: Genes) -> tuple[DesignSpace, Choices | None, Genes]:
    """Return the space of a predictor's labels, the choices they never had, and the architectures as its rows.

    Args:
        space: of the architectures.
        predictor: for that space.
        genes: int8 [n, n_genes].

    Raises:
        InputError: the predictor's ``unlabelled`` is not valid.
    """
    while isinstance(predictor, SubspacePredictor | SimulatedMeasurement):
        if isinstance(predictor, SubspacePredictor):
            genes, space = predictor.space.to_parent(genes), predictor.space.parent
        predictor = predictor.predictor
    return space, check_unlabelled(space, predictor), genes


def find_gaps(space: DesignSpace, predictor: Any, genes: Genes) -> list[dict[str, list[float]]] | None:
    """Return for each architecture (int8 [n, n_genes]) its choices that no label had; None if unknown.

    Raises:
        InputError: the predictor's ``unlabelled`` is not valid.
    """
    space, unlabelled, genes = find_source(space, predictor, genes)
    return None if unlabelled is None else [unlabelled_in(space, row, unlabelled) for row in genes]
