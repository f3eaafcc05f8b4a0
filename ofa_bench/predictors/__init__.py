"""What an architecture is worth (accuracy) and what it costs (latency)."""

from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP
from ofa_bench.predictors.cost import CostModel, CostTable, latency_table
from ofa_bench.predictors.embedded import embedded
from ofa_bench.predictors.official import official

__all__ = ["AccuracyPredictor", "CostModel", "CostTable", "OneHotMLP", "embedded", "latency_table", "official"]
