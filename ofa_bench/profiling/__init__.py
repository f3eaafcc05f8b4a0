"""Builds a latency table for a device from measurements of pieces and whole networks."""
