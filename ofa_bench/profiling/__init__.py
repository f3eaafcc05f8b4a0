"""Builds a latency table for a device from measurements of pieces and whole networks, or from its data sheet."""

from ofa_bench.profiling.roofline import roofline_table

__all__ = ["roofline_table"]
