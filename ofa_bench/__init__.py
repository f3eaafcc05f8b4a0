"""A configurable benchmark of search strategies for Once-For-All networks under many latency targets."""

__all__ = ["__version__"]

__version__ = "0.1.0"
