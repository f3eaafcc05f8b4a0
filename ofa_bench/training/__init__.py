"""Trains and validates accuracy predictors, on a teacher's labels or a user's pairs; or measures on images instead."""

from ofa_bench.training.supernet import supernet_predictor

__all__ = ["supernet_predictor"]
