"""Series over targets; the last value of each, which MLflow shows as that of the run, is that of all targets."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.records.model import Record, Result

__all__ = ["step_scale", "up_to_target"]


def up_to_target(record: Record) -> dict[str, list[tuple[int, float]]]:
    """Return for each target what holds for the targets up to it, as (step, value); a step is the target, scaled.

    ``accuracy_percent`` and ``regret_points`` are means over these targets, ``seconds`` their sum, all means over
    repeats. The last value of each is what ``tables.totals`` gives of the record.
    """
    order = np.argsort(record.targets, kind="stable")
    results = [[repeat.results[i] for i in order] for repeat in record.repeats]
    accuracy, regret, seconds = (_array(results, key) for key in ("accuracy", "regret", "seconds"))
    accuracy[~_array(results, "feasible").astype(bool)] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of means over nothing, which are left out
        found = {
            "accuracy_percent": 100 * np.nanmean(_running_mean(accuracy), axis=0),
            "regret_points": 100 * _running_mean(np.nanmean(regret, axis=0)[None], _count(regret))[0],
            "seconds": np.cumsum(seconds.mean(axis=0)),
        }
    scale = step_scale(record.targets)
    steps = [round(scale * record.targets[i]) for i in order]
    return {
        f"{key}_up_to_target{'' if scale == 1 else f'_step_x{scale}'}": list(
            {step: float(value) for step, value in zip(steps, values, strict=True) if np.isfinite(value)}.items()
        )
        for key, values in found.items()
    }


def _array(results: Sequence[Sequence[Result]], key: str) -> NDArray[np.float64]:
    """Return a value of each result, NaN where it has none: float64 [repeats, targets]."""
    return np.array(
        [[np.nan if getattr(one, key) is None else getattr(one, key) for one in row] for row in results], np.float64
    )


def _count(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.isfinite(values).sum(axis=0, keepdims=True), np.float64)


def _running_mean(values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the means along the last axis of the values up to each, without those that are NaN."""
    weights = np.isfinite(values).astype(float) if weights is None else weights
    sums, counts = np.nancumsum(values * weights, axis=-1), np.cumsum(weights, axis=-1)
    return np.asarray(sums / counts, np.float64)


def step_scale(targets: Sequence[float]) -> int:
    """Return the power of ten that keeps targets apart as steps, which MLflow has only as whole numbers."""
    distinct = len(set(targets))
    return next((s for s in (1, 10, 100) if len({round(s * target) for target in targets}) == distinct), 1000)
