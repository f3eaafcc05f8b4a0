"""The measured cost of a predictor's gradient, in evaluations."""

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FILE", "gradient_cost"]

FILE = Path(__file__).parents[1] / "data" / "gradient_costs.json"
"""Written by ``benchmarks/gradient_cost.py``."""


def gradient_cost(space: str, sha256: str, *, batches_of_100: bool = False) -> float:
    """Return the evaluations that take as long as a gradient with the gains of all single changes (a median).

    They are made in batches of about 20, as ``joint`` makes them, or in batches of 100, in which they take less time.
    Where a predictor was not measured in a space, it is the largest of those measured in other spaces; for a predictor
    that was never measured, the largest of all.

    Args:
        space: the name of the design space.
        sha256: of the predictor.
        batches_of_100: whether to count evaluations in batches of 100.
    """
    key = "cost_by_batches_of_100" if batches_of_100 else "cost"
    measured = _measured()
    here = [one for one in measured if one["sha256"] == sha256]
    exact = [one for one in here if one["space"] == space]
    return max(float(one[key]["median"]) for one in exact or here or measured)


@cache
def _measured() -> list[dict[str, Any]]:
    measured: list[dict[str, Any]] = json.loads(FILE.read_bytes())["predictors"]
    return measured
