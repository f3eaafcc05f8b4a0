"""The tags, parameters and metrics of a cell's run in MLflow."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ofa_bench.records.columns import COLUMNS
from ofa_bench.records.costs import cost_name
from ofa_bench.records.labels import control, join_name, overrides_of
from ofa_bench.records.model import Record, Result
from ofa_bench.records.rows import rows, totals
from ofa_bench.records.tables import summary
from ofa_bench.records.unlabelled import describe_winners, notes
from ofa_bench.tracking.inputs import source
from ofa_bench.tracking.names import MAX_VALUE, clean, safe
from ofa_bench.tracking.series import up_to_target

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

__all__ = ["MAX_CHARS", "metrics", "name", "params", "tags"]

MAX_CURVES = 20
"""Targets whose metrics and curves are logged at most; the record has all."""

MAX_CHARS = 8000
"""Characters of a description; MLflow cuts longer ones."""

MAX_TAG = 500
"""Characters of a tag with a list."""


def name(record: Record) -> str:
    """Return the name of a cell's run."""
    names = [record.choices.strategy + control(record), record.choices.space, record.choices.device]
    return " ".join([*names, record.address.rsplit("/", 1)[-1]])


def tags(record: Record, sha256: str) -> dict[str, str]:
    """Return the tags of a cell: plain ones for the UI's filters and groups, and those that identify its record.

    ``variant`` names the strategy with its overrides, except for those that have their own tag or add repeats.
    ``unlabelled``, if present, lists the winners' choices that no label of the predictor had.
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
        **({"unlabelled": found[:MAX_TAG]} if (found := describe_winners(record)) else {}),
        "mlflow.note.content": summary(page, MAX_CHARS - len(description), cost_name(record)) + description,
        **source(record),
    }


def _variant(record: Record) -> str:
    own = overrides_of(record, without=("seed", "repeats", "targets", "budget"))
    return join_name(record.choices.strategy, own) + control(record)


def params(record: Record) -> "list[Param]":
    """Return the parameters of a cell: what was chosen, and the values behind it."""
    from mlflow.entities import Param

    values: dict[str, Any] = {
        **{one.parameter: one.of_record(record) for one in COLUMNS if one.parameter and one.of_record},
        **({"match": record.budget.match, "chain": record.budget.chain} if record.budget.match else {}),
        **{f"evolution.{key}": value for key, value in record.config.get("evolution", {}).items()},
        **_flat("strategy", record.config.get("strategy", {})),
        **_flat("predictor", record.config.get("predictor", {})),
    }
    return [Param(safe(key), str(value)[:MAX_VALUE]) for key, value in values.items()]


def _flat(prefix: str, node: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a node by full key, and the classes of the nodes in it.

    Nodes below ``evolution`` are listed separately.
    """
    found: dict[str, Any] = {}
    for key, value in node.items():
        name = f"{prefix}.{key}"
        if isinstance(value, dict):
            found |= {name: value["_target_"]} if "_target_" in value else {}
            found |= _flat(name, value) if key != "evolution" else {}
        elif not key.startswith("_"):
            found[name] = value
    return found


def metrics(record: Record) -> "list[Metric]":
    """Return the totals, the values of each target, series over targets, and the curves.

    MLflow shows the last value of a series as that of the run: for a series over targets, the value of all targets
    (see ``series``); for a curve, the end of the search. Accuracies are in percent, because MLflow's charts round to
    two places. The step of a curve is the number of evaluations; those of a search for several targets are divided
    by their number, as in the tables.
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
        if taken[place] > 1:  # a repeated target
            place = f"{place} no. {taken[place]}"
        for column in COLUMNS:
            if column.number and column.target_metric:
                add(f"target/{place}: {column.target_metric}".format(cost=cost_name(record)), column.number(row))
        for step, accuracy in _stairs(record.repeats[0].results[i]):
            add(f"progress/{place}: accuracy_percent by evaluations", 100 * accuracy, step)
    return found


def _stairs(result: Result) -> list[tuple[int, float]]:
    """Return the best accuracy so far as the corners of a step curve that ends with the search."""
    stairs: list[tuple[int, float]] = []
    for _, evaluations, _, accuracy in result.curve:
        step = round(evaluations / result.shared)
        if stairs and step - 1 > stairs[-1][0]:
            stairs.append((step - 1, stairs[-1][1]))
        stairs.append((step, accuracy))
    if stairs and result.evaluations > stairs[-1][0]:
        stairs.append((round(result.evaluations), stairs[-1][1]))
    return stairs
