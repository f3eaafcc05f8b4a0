"""Asks a predictor for the uncertainty of its accuracies, and checks the answer."""

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor
from ofa_bench.spaces import Genes

__all__ = ["find_uncertainty"]


def find_uncertainty(predictor: AccuracyPredictor, genes: Genes) -> list[float] | list[None]:
    """Return one standard deviation of each predicted accuracy (fractions of 1); None each if it is not known.

    Args:
        predictor: of the space of the architectures.
        genes: int8 [n, n_genes].

    Raises:
        InputError: the predictor gave something else than n finite numbers of 0 or more.
    """
    given = predictor.uncertainty(genes) if len(genes) else None
    if given is None:
        return [None] * len(genes)
    values = np.asarray(given)
    if values.shape != (len(genes),) or values.dtype.kind != "f":
        found = f"{values.dtype} {list(values.shape)}"
        raise InputError(f"predictor {predictor.name} gave uncertainties {found}; must be float64 [{len(genes)}]")
    if not (np.isfinite(values) & (values >= 0)).all():
        raise InputError(f"predictor {predictor.name} gave an uncertainty that is not a finite number of 0 or more")
    return [float(value) for value in values]
