"""Accuracy predictors, and the names of the cost models."""

from ofa_bench.devices.cost import CostModel, CostTable
from ofa_bench.devices.tables import latency_table
from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.embedded import embedded_predictor
from ofa_bench.predictors.measured import EnsemblePredictor, measured_predictor, measured_sources
from ofa_bench.predictors.official import official_predictor
from ofa_bench.predictors.own import own_predictor
from ofa_bench.predictors.process import ProcessPredictor, SurrogateProcess
from ofa_bench.predictors.simulated import SimulatedMeasurement
from ofa_bench.predictors.table import TablePredictor, table_predictor, table_sources

__all__ = [
    "AccuracyPredictor",
    "CostModel",
    "CostTable",
    "EnsemblePredictor",
    "OneHotMLP",
    "ProcessPredictor",
    "SimulatedMeasurement",
    "SubspacePredictor",
    "SurrogateProcess",
    "TablePredictor",
    "embedded_predictor",
    "latency_table",
    "measured_predictor",
    "measured_sources",
    "official_predictor",
    "own_predictor",
    "table_predictor",
    "table_sources",
]
