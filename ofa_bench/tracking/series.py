"""Series over targets for MLflow, which shows the last value of a series as the value of the run."""

from collections.abc import Sequence
from dataclasses import replace

from ofa_bench.records.model import Record
from ofa_bench.records.rows import totals

__all__ = ["step_scale", "up_to_target"]


def up_to_target(record: Record) -> dict[str, list[tuple[int, float]]]:
    """Return for each target the values over all targets up to it, as (step, value); a step is the target, scaled.

    ``accuracy_percent`` and ``regret_points`` are means over these targets, ``seconds`` their sum, all means over
    repeats. The last value of each series is that of ``rows.totals``; steps without a value are left out.
    """
    scale = step_scale(record.targets)
    order = sorted(range(len(record.targets)), key=lambda i: record.targets[i])
    found: dict[str, dict[int, float]] = {"accuracy_percent": {}, "regret_points": {}, "seconds": {}}
    for end, last in enumerate(order, 1):
        repeats = [replace(one, results=[one.results[i] for i in order[:end]]) for one in record.repeats]
        row, step = totals(replace(record, repeats=repeats)), round(scale * record.targets[last])
        if row.accuracy is not None:
            found["accuracy_percent"][step] = 100 * row.accuracy
        if row.regret is not None:
            found["regret_points"][step] = 100 * row.regret
        found["seconds"][step] = row.mean_sum("seconds")
    suffix = "" if scale == 1 else f"_step_x{scale}"
    return {f"{key}_up_to_target{suffix}": list(series.items()) for key, series in found.items()}


def step_scale(targets: Sequence[float]) -> int:
    """Return the power of ten that keeps targets distinct as steps, which are whole numbers in MLflow."""
    distinct = len(set(targets))
    return next((s for s in (1, 10, 100) if len({round(s * target) for target in targets}) == distinct), 1000)
