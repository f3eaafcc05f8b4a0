"""The measured cost of a predictor's gradient, in evaluations."""

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FILE", "gradient_cost"]

FILE = Path(__file__).parents[1] / "data" / "gradient_costs.json"
"""Written by ``benchmarks/gradient_cost.py``."""


def gradient_cost(space: str, sha256: str) -> float:
    """Return the evaluations that take as long as a gradient with the gains of all single changes (a median).

    Where a predictor was not measured in a space, it is the largest of those measured in other spaces; for a predictor
    that was never measured, the largest of all.

    Args:
        space: the name of the design space.
        sha256: of the predictor.
    """
    measured = _measured()
    here = [one for one in measured if one["sha256"] == sha256]
    exact = [one for one in here if one["space"] == space]
    return max(float(one["cost"]["median"]) for one in exact or here or measured)


@cache
def _measured() -> list[dict[str, Any]]:
    measured: list[dict[str, Any]] = json.loads(FILE.read_bytes())["predictors"]
    return measured
