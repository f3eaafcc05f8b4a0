"""What a record is in MLflow: tags to filter and group by, parameters, metrics."""

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ofa_bench.records.columns import COLUMNS
from ofa_bench.records.costs import cost_name
from ofa_bench.records.labels import OUTSIDE_BRACKETS, named
from ofa_bench.records.model import Record, Result
from ofa_bench.records.rows import rows, totals
from ofa_bench.records.tables import summary
from ofa_bench.records.unlabelled import notes, summarize
from ofa_bench.tracking.inputs import source
from ofa_bench.tracking.names import MAX_VALUE, clean, safe
from ofa_bench.tracking.series import up_to_target

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

__all__ = ["MAX_CHARS", "metrics", "name", "params", "tags"]

MAX_CURVES = 20
"""Curves are logged of at most this many targets; all of them are in the record."""


MAX_CHARS = 8000
"""MLflow cuts a description that is longer."""

MAX_TAG = 500
"""Characters of a tag that has a list."""


def name(record: Record) -> str:
    """Name a cell's run."""
    names = [record.choices.strategy, record.choices.space, record.choices.device]
    return " ".join([*names, record.address.rsplit("/", 1)[-1]])


def tags(record: Record, sha256: str) -> dict[str, str]:
    """Return the tags of a cell: plain ones for the UI's filters and groups, and those by which it is found again.

    ``variant`` names the strategy with what was overridden, but for what has its own tag or adds repeats;
    ``unlabelled``, where it is there, the winners' choices that no label of the predictor had.
    """
    page = {"all": totals(record)} | {f"{row.target:g} {record.unit}": row for row in rows(record)}
    choices = vars(record.choices)
    description = "".join(f"\n\n{text}" for text in notes([choices["strategy"]], [record]))
    return {
        "strategy": choices["strategy"],  # the UI lists tags in this order
        "variant": _variant(record),
        **choices,
        "seed": str(record.seed),
        "ofa_bench.kind": "cell",
        "ofa_bench.address": record.address,
        "ofa_bench.identity": record.identity,
        "ofa_bench.record": sha256,
        "ofa_bench.predictor_sha256": record.predictor.sha256,
        **({"unlabelled": found[:MAX_TAG]} if (found := summarize(record)) else {}),
        "mlflow.note.content": summary(page, MAX_CHARS - len(description), cost_name(record)) + description,
        **source(record),
    }


def _variant(record: Record) -> str:
    last = re.split(OUTSIDE_BRACKETS, record.address.rsplit("/", 1)[-1])
    own = [part for part in last if not part.startswith(("seed=", "repeats=", "targets.", "budget."))]
    return named(record.choices.strategy, own)


def params(record: Record) -> "list[Param]":
    """Return the parameters of a cell: what was chosen, and the values behind it."""
    from mlflow.entities import Param

    values: dict[str, Any] = {
        **{one.parameter: one.of_record(record) for one in COLUMNS if one.parameter and one.of_record},
        **{f"evolution.{key}": value for key, value in record.config.get("evolution", {}).items()},
        **_flat("strategy", record.config.get("strategy", {})),
    }
    values = {key: value for key, value in values.items() if not isinstance(value, dict) and "_target_" not in key}
    return [Param(safe(key), str(value)[:MAX_VALUE]) for key, value in values.items()]


def _flat(prefix: str, node: dict[str, Any]) -> dict[str, Any]:
    """Name the values of a node and of those below it by their whole keys; those of ``evolution`` are listed anyway."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict) and key != "evolution":
            found |= _flat(f"{prefix}.{key}", value)
        else:
            found[f"{prefix}.{key}"] = value
    return found


def metrics(record: Record) -> "list[Metric]":
    """Return the totals, what was found for each target under a key of its own, series over targets, and the curves.

    MLflow shows the last value of a series as the run's. So the last of a series over targets is that of all targets
    (see ``mlflow_series``), and the last of a curve is what the search ended with. Accuracies are in percent here,
    because MLflow's charts round to two places. A curve's step is the number of evaluations of the target's own search,
    or its share of those of a search for several targets, as in the tables.
    """
    from mlflow.entities import Metric

    now = int(1000 * time.time())
    found: list[Metric] = []

    def add(key: str, value: float | None, step: int = 0) -> None:
        number = clean(value)
        if number is not None:
            found.append(Metric(key, number, now, step))

    for column in COLUMNS:
        if column.number and column.total_metric:
            add(f"all_targets/{column.total_metric}", column.number(totals(record)))
    for key, series in up_to_target(record).items():
        for step, value in series:
            add(f"all_targets/{key}", value, step)
    taken = Counter[str]()
    for i, row in enumerate(rows(record)[:MAX_CURVES]):
        place = safe(f"{row.target:g} {record.unit}".replace("/", "_").replace(":", "_"), 150)
        taken[place] += 1
        if taken[place] > 1:  # the same target again
            place = f"{place} no. {taken[place]}"
        for column in COLUMNS:
            if column.number and column.target_metric:
                add(f"target/{place}: {column.target_metric}".format(cost=cost_name(record)), column.number(row))
        for step, accuracy in _stairs(record.repeats[0].results[i]):
            add(f"progress/{place}: accuracy_percent by evaluations", 100 * accuracy, step)
    return found


def _stairs(result: Result) -> list[tuple[int, float]]:
    """Return the best accuracy so far as points that a straight line joins to stairs, up to the search's end."""
    stairs: list[tuple[int, float]] = []
    for _, evaluations, _, accuracy in result.curve:
        step = round(evaluations / result.shared)
        if stairs and step - 1 > stairs[-1][0]:
            stairs.append((step - 1, stairs[-1][1]))
        stairs.append((step, accuracy))
    if stairs and result.evaluations > stairs[-1][0]:
        stairs.append((round(result.evaluations), stairs[-1][1]))
    return stairs
