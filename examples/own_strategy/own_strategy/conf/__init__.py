"""Hydra configs of this package."""
