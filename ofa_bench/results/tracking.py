"""MLflow's view of the records: a run for the sweep, a child run for each cell. Files are the truth."""

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import FileLock

from ofa_bench.config import TrackingConfig
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.results.csv_file import write_csv
from ofa_bench.results.labels import labels
from ofa_bench.results.mlflow_client import quiet_client
from ofa_bench.results.plots import accuracy_over_cost
from ofa_bench.results.records import RECORD, Record
from ofa_bench.results.tables import markdown, rows, totals

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run

__all__ = ["Tracker"]

MOST_COMPARED = 40
"""The link that compares a sweep's cells names at most this many."""

MOST_CURVES = 20
"""Curves are logged of at most this many targets; all of them are in the record."""


class Tracker:
    """Writes records to an MLflow store. Made in the parent process first, which creates the store and experiment."""

    def __init__(self, config: TrackingConfig) -> None:
        with _alone(config.uri):  # the client makes the store
            self._client = quiet_client(config.uri)
            self._experiment = self._open_experiment(config)

    def _open_experiment(self, config: TrackingConfig) -> str:
        experiment = self._client.get_experiment_by_name(config.experiment)
        if experiment is None:
            root = Path(config.artifacts).absolute().as_uri() if config.artifacts else None
            tags = {"mlflow.experimentKind": "custom_model_development"}  # the UI then opens on runs, not on traces
            return str(self._client.create_experiment(config.experiment, artifact_location=root, tags=tags))
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def open_sweep(self, sweep: str, name: str, began: float) -> str:
        """Start the run of a sweep that began then (``time.time``), or go on with an earlier one; return its id."""
        found = self._find(f"tags.`ofa_bench.sweep` = '{sweep}'")
        if found:
            self._client.update_run(found.info.run_id, status="RUNNING")
            return str(found.info.run_id)
        return self._start(name, {"ofa_bench.sweep": sweep, "ofa_bench.kind": "sweep"}, began)

    def close_sweep(self, run: str, records: Sequence[Record], *, failed: bool) -> None:
        """End the run of a sweep and attach the table and the picture of all its cells."""
        if records:
            with _folder() as folder:
                accuracy_over_cost(records, folder / "accuracy_over_cost.png")
                write_csv(records, folder / "results.csv")
                self._client.log_artifacts(run, str(folder))
            self._client.set_tag(run, "mlflow.note.content", self._summary(run, records))
        self._client.set_terminated(run, status="FAILED" if failed else "FINISHED")

    def _summary(self, run: str, records: Sequence[Record]) -> str:
        """Write the sweep's page: a link that sets its cells side by side in MLflow's charts, and a table of them."""
        children = self._client.search_runs(
            [self._experiment], filter_string=f"tags.`mlflow.parentRunId` = '{run}'", order_by=["attributes.start_time"]
        )
        lists = (json.dumps([child.info.run_id for child in children[:MOST_COMPARED]]), json.dumps([self._experiment]))
        link = f"#/compare-runs?runs={quote(lists[0])}&experiments={quote(lists[1])}"
        named = dict(zip(labels(records), map(totals, records), strict=True))
        return f"[Compare these cells]({link}), or see the picture and the table under Artifacts.\n\n{markdown(named)}"

    def log_cell(self, record: Record, folder: Path, parent: str | None) -> None:
        """Log a record as a run, once under each parent: parameters, metrics, curves, and its files as artifacts.

        What an earlier attempt left unfinished is replaced.
        """
        tags = _tags(record, sha256_of(folder / RECORD)) | ({"mlflow.parentRunId": parent} if parent else {})
        same = f"tags.`ofa_bench.record` = '{tags['ofa_bench.record']}'"
        if parent:
            same += f" AND tags.`mlflow.parentRunId` = '{parent}'"
        earlier = self._find(same)
        if earlier and earlier.info.status == "FINISHED":
            return
        if earlier:
            self._client.delete_run(earlier.info.run_id)
        ended = datetime.fromisoformat(record["made"]["at"]).timestamp()
        seconds = sum(repeat["seconds"] for repeat in record["repeats"])
        run = self._start(_cell_name(record), tags, began=ended - seconds)
        self._log_batches(run, _params(record), _metrics(record))
        with _folder() as made:
            accuracy_over_cost([record], made / "accuracy_over_cost.png")
            write_csv([record], made / "results.csv")
            shutil.copyfile(folder / RECORD, made / RECORD)
            self._client.log_artifacts(run, str(made))
        self._client.set_terminated(run, end_time=int(1000 * ended))  # so that the run's duration is the search's

    def _start(self, name: str, tags: dict[str, str], began: float | None = None) -> str:
        start_time = int(1000 * (time.time() if began is None else began))
        run = self._client.create_run(self._experiment, start_time=start_time, tags=tags, run_name=name)
        return str(run.info.run_id)

    def _find(self, condition: str) -> "Run | None":
        found = self._client.search_runs([self._experiment], filter_string=condition, max_results=1)
        return found[0] if found else None

    def _log_batches(self, run: str, params: "list[Param]", metrics: "list[Metric]") -> None:
        most = 1000 - len(params)  # MLflow's limit a batch
        self._client.log_batch(run, metrics=metrics[:most], params=params)
        for i in range(most, len(metrics), 1000):
            self._client.log_batch(run, metrics=metrics[i : i + 1000])


@contextmanager
def _alone(uri: str | None) -> Iterator[None]:
    """Let one process at a time create a local store: two that make the same SQLite file at once break it."""
    if not (uri or "").startswith("sqlite:"):
        yield
        return
    name = hashlib.sha256(str(uri).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"ofa_bench-{name}.lock", timeout=120):
        yield


def _tags(record: Record, sha256: str) -> dict[str, str]:
    page = {f"{row.target:g} {record['unit']}": row for row in rows(record)} | {"all": totals(record)}
    return {
        "ofa_bench.kind": "cell",
        "ofa_bench.address": record["address"],
        "ofa_bench.record": sha256,
        "ofa_bench.predictor_sha256": record["predictor"]["sha256"],
        **{f"ofa_bench.{group}": choice for group, choice in record["choices"].items()},
        "mlflow.note.content": markdown(page),
    }


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _cell_name(record: Record) -> str:
    names = [record["choices"][group] for group in ("strategy", "space", "device")]
    return " ".join([*names, record["address"].rsplit("/", 1)[-1]])


def _params(record: Record) -> "list[Param]":
    from mlflow.entities import Param

    values: dict[str, Any] = {
        **record["choices"],
        "seed": record["seed"],
        "repeats": len(record["repeats"]),
        **record["budget"],
        "targets_values": ", ".join(f"{target:g}" for target in record["targets"])[:6000],
        "unit": record["unit"],
        "threads": record["made"]["threads"],
        "lockstep": record["made"].get("lockstep", False),
        **{f"evolution.{key}": value for key, value in record["config"].get("evolution", {}).items()},
        **_flat("strategy", record["config"].get("strategy", {})),
    }
    values = {key: value for key, value in values.items() if not isinstance(value, dict) and "_target_" not in key}
    return [Param(key, str(value)) for key, value in values.items()]


def _flat(prefix: str, node: dict[str, Any]) -> dict[str, Any]:
    """Name the values of a node and of those below it by their whole keys; those of ``evolution`` are listed anyway."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict) and key != "evolution":
            found |= _flat(f"{prefix}.{key}", value)
        else:
            found[f"{prefix}.{key}"] = value
    return found


def _metrics(record: Record) -> "list[Metric]":
    """Give the totals, what was found for each target as a series whose step is the target, and the curves.

    Accuracies are in percent here, because MLflow's charts round to two places.
    """
    from mlflow.entities import Metric

    now, unit = int(1000 * time.time()), record["unit"]
    metrics: list[Metric] = []

    def add(key: str, value: float | None, step: int = 0) -> None:
        if value is not None:
            metrics.append(Metric(key, float(value), now, step))

    total = totals(record)
    add("all_targets/accuracy_percent", _percent(total.accuracy))
    if len(record["repeats"]) > 1:
        add("all_targets/accuracy_percent_std", _percent(total.accuracy_std))
    add("all_targets/seconds", total.seconds)
    add("all_targets/evaluations", total.evaluations)
    add("all_targets/unique_evaluations", total.unique_evaluations)
    add("all_targets/regret_points", _percent(total.regret))
    add("all_targets/hypervolume_ratio", total.hypervolume_ratio)
    add("all_targets/targets_within_0.1", total.near if total.compared else None)
    scale = _step_scale(record["targets"])
    suffix = "" if scale == 1 else f"_step_x{scale}"
    for i, row in enumerate(rows(record)):
        step = round(scale * (row.target or 0.0))
        add(f"all_targets/by_target_accuracy_percent{suffix}", _percent(row.accuracy), step)
        add(f"all_targets/by_target_seconds{suffix}", row.seconds, step)
        if i < MOST_CURVES:
            name = re.sub(r"[^\w.\- ]", "_", f"{row.target:g} {unit}")  # MLflow allows no other letters
            add(f"target/{name}: accuracy_percent", _percent(row.accuracy))
            add(f"target/{name}: regret_points", _percent(row.regret))
            add(f"target/{name}: evaluations_to_within_0.1", row.evaluations_near)
            add(f"target/{name}: seconds_to_within_0.1", row.seconds_near)
            add(f"target/{name}: cost", row.cost)
            for generation, _, _, accuracy in record["repeats"][0]["results"][i]["curve"]:
                add(f"progress/{name}: accuracy_percent", _percent(accuracy), generation)
    return metrics


def _step_scale(targets: Sequence[float]) -> int:
    """Find the power of ten that keeps targets apart as steps, which MLflow has only as whole numbers."""
    distinct = len(set(targets))
    return next((s for s in (1, 10, 100) if len({round(s * target) for target in targets}) == distinct), 1000)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction
