"""The tags, parameters and metrics of a sweep's run in MLflow."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ofa_bench.analysis.judging import Judgements, judge_records, judged_columns
from ofa_bench.config.schema import GROUPS, NO_RESULT
from ofa_bench.records.attempts import split_attempt
from ofa_bench.records.labels import overrides_of
from ofa_bench.records.model import Record
from ofa_bench.records.rows import totals
from ofa_bench.tracking import values as mlflow_values
from ofa_bench.tracking.inputs import source
from ofa_bench.tracking.names import MAX_VALUE, clean, safe

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

__all__ = ["CELLS", "metrics", "params", "tags"]

CELLS = "sweep/cells"
"""A metric of every sweep's run that was ended with its results."""

MAX_SEARCHES = 40
"""Kinds of search whose metrics are logged at most."""


def tags(records: Sequence[Record]) -> dict[str, str]:
    """Return the choices of all cells under the keys of the cells' tags.

    A choice that all cells share is marked, so that filters and groups of cells do not match the sweep.
    """
    found = {}
    for group in GROUPS:
        values = list(dict.fromkeys(getattr(record.choices, group) for record in records))
        found[group] = f"{values[0]} (all cells)" if len(values) == 1 else ", ".join(values)
    return {key: value[:MAX_VALUE] for key, value in found.items()} | source(records[0])


def params(records: Sequence[Record]) -> "list[Param]":
    """Return the parameters of the cells: ``swept.<key>`` lists all values, ``common.<key>`` has the shared value."""
    from mlflow.entities import Param

    cells = [{param.key: param.value for param in mlflow_values.params(record)} for record in records]
    found = []
    for key in cells[0]:
        if key not in NO_RESULT and all(key in cell for cell in cells):
            values = list(dict.fromkeys(cell[key] for cell in cells))
            between = "; " if any("," in value for value in values) else ", "
            kind = "common" if len(values) == 1 else "swept"
            found.append(Param(safe(f"{kind}.{key}"), between.join(values)[:MAX_VALUE]))
    return found


def metrics(records: Sequence[Record]) -> "list[Metric]":
    """Return the number of cells, their seconds, and means over the cells that differ only in seed and repeats.

    ``judged_<source>`` is the accuracy by a source of measurements that had no part in the predictor of the search.
    """
    from mlflow.entities import Metric

    judgements = judge_records(records, official=False)
    now, kinds = int(1000 * time.time()), dict[tuple[str, ...], list[Record]]()
    for record in records:
        kinds.setdefault(_kind(record), []).append(record)
    common = set.intersection(*(set(kind[1:]) for kind in kinds))
    seconds = [repeat.seconds for record in records for repeat in record.repeats]
    found = {CELLS: float(len(records)), "sweep/search_seconds": float(np.sum(seconds))}
    for kind, some in list(kinds.items())[:MAX_SEARCHES]:
        name = " ".join([kind[0], *(part for part in kind[1:] if part not in common)])
        rows = [totals(record) for record in some]
        key = safe(name.replace("/", "_").replace(":", "_"), 200)
        accuracy = [100 * row.accuracy for row in rows if row.accuracy is not None]
        regret = [100 * row.regret for row in rows if row.regret is not None]
        found |= {f"searches/{key}: mean accuracy_percent": float(np.mean(accuracy))} if accuracy else {}
        found |= {f"searches/{key}: best accuracy_percent": max(accuracy)} if len(accuracy) > 1 else {}
        found |= {f"searches/{key}: mean regret_points": float(np.mean(regret))} if regret else {}
        found |= {f"searches/{key}: mean {name}_percent": value for name, value in _judged(some, judgements).items()}
        found[f"searches/{key}: mean seconds"] = float(np.mean([row.seconds for row in rows]))
    cleaned = {key: clean(value) for key, value in found.items()}
    return [Metric(key, value, now, 0) for key, value in cleaned.items() if value is not None]


def _judged(records: Sequence[Record], judgements: Judgements) -> dict[str, float]:
    """Return the mean accuracies by each judge, percent, over all targets that were met."""
    columns = judged_columns(records, judgements)
    return {name: 100 * float(np.nanmean(values)) for name, values in columns.items() if np.isfinite(values).any()}


def _kind(record: Record) -> tuple[str, ...]:
    """Return the strategy, the other choices and the overrides of a cell, except for seed and repeats."""
    choices = dict(vars(record.choices))
    own = overrides_of(replace(record, address=split_attempt(record.address)[0]), without=("seed", "repeats"))
    return (choices.pop("strategy"), *choices.values(), *own)
