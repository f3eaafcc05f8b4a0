"""Defines the statistics of timed runs: percentiles and the mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError

__all__ = ["PERCENTILES", "STATISTICS", "check_statistic", "describe_statistic", "read_statistic", "summarise_runs"]

PERCENTILES: Mapping[str, int] = {"p10": 10, "median": 50, "p90": 90}
"""The statistics of a target or a profiled table, as percentiles of all timed runs."""

STATISTICS = (*PERCENTILES, "mean")
"""The statistics of any table; lookup tables have means."""

_LONG = {"p10": "the 10th percentile", "median": "the median", "p90": "the 90th percentile", "mean": "the mean"}


def check_statistic(name: str) -> None:
    """Raise InputError for a statistic that targets cannot have."""
    if name not in PERCENTILES:
        raise InputError(f"statistic={name}: must be {', '.join(PERCENTILES)}")


def describe_statistic(name: str) -> str:
    """Return the full name of a statistic, with its short name if that differs."""
    return _LONG[name] + (f" ({name})" if name.startswith("p") else "")


def read_statistic(card: Mapping[str, Any]) -> str | None:
    """Return the statistic that the card of a cost table names; None if it names none."""
    protocol = card.get("protocol")
    given = card.get("statistic") or (protocol.get("statistic") if isinstance(protocol, Mapping) else None)
    given = "p10" if given == "10th percentile" else given  # in older profiles
    return given if isinstance(given, str) and given in STATISTICS else None


def summarise_runs(times: NDArray[np.float64]) -> dict[str, float]:
    """Return the statistics of one file's milliseconds [rounds, runs], by name with ``_ms``."""
    found = {f"{name}_ms": np.percentile(times, percent) for name, percent in PERCENTILES.items()}
    return {name: round(float(value), 5) for name, value in (found | {"mean_ms": np.mean(times)}).items()}
