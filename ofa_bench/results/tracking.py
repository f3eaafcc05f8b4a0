"""MLflow's view of the records: a run for the sweep, a child run for each cell. Files are the truth."""

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ofa_bench.config import TrackingConfig
from ofa_bench.results.plots import accuracy_over_cost
from ofa_bench.results.records import RECORD, Record
from ofa_bench.results.tables import rows, totals

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

__all__ = ["Tracker"]

MOST_CURVES = 20
"""Curves are logged of at most this many targets; all of them are in the record."""


class Tracker:
    """Writes records to an MLflow store. Made in the parent process first, which creates the store and experiment."""

    def __init__(self, config: TrackingConfig) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        from mlflow import MlflowClient

        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self._client: MlflowClient = MlflowClient(tracking_uri=config.uri)
        experiment = self._client.get_experiment_by_name(config.experiment)
        if experiment is None:
            root = Path(config.artifacts).absolute().as_uri() if config.artifacts else None
            self._experiment = self._client.create_experiment(config.experiment, artifact_location=root)
        else:
            self._experiment = experiment.experiment_id

    def open_sweep(self, sweep: str, name: str) -> str:
        """Start the run of a sweep, or go on with the one that has this id; return its MLflow id."""
        found = self._find(f"tags.`ofa_bench.sweep` = '{sweep}'")
        if found:
            self._client.update_run(found, status="RUNNING")
            return found
        return self._start(name, {"ofa_bench.sweep": sweep, "ofa_bench.kind": "sweep"})

    def close_sweep(self, run: str, records: Sequence[Record], *, failed: bool) -> None:
        """End the run of a sweep and attach the table and the picture of all its cells."""
        if records:
            with _folder() as folder:
                accuracy_over_cost(records, folder / "accuracy_over_latency.png")
                _write_csv(records, folder / "results.csv")
                self._client.log_artifacts(run, str(folder))
            from mlflow.entities import Metric

            now = _now()
            self._client.log_batch(run, metrics=[Metric("cells", len(records), now, 0)])
        self._client.set_terminated(run, status="FAILED" if failed else "FINISHED")

    def log_cell(self, record: Record, folder: Path, parent: str | None) -> None:
        """Log a record as a run, once under each parent: parameters, metrics, curves, and its files as artifacts."""
        condition = (
            f"tags.`ofa_bench.address` = '{_quoted(record)}' AND tags.`ofa_bench.hash` = '{record['config_hash']}'"
        )
        if parent:
            condition += f" AND tags.`mlflow.parentRunId` = '{parent}'"
        if self._find(condition):
            return
        tags = {
            "ofa_bench.kind": "cell",
            "ofa_bench.address": record["address"],
            "ofa_bench.hash": record["config_hash"],
            "ofa_bench.predictor_sha256": record["predictor"]["sha256"],
            **{f"ofa_bench.{group}": choice for group, choice in record["choices"].items()},
        }
        if parent:
            tags["mlflow.parentRunId"] = parent
        run = self._start(_cell_name(record), tags)
        self._log_batches(run, _params(record), _metrics(record))
        with _folder() as made:
            accuracy_over_cost([record], made / "accuracy_over_latency.png")
            _write_csv([record], made / "results.csv")
            self._client.log_artifacts(run, str(made))
        self._client.log_artifact(run, str(folder / RECORD))
        self._client.set_terminated(run)

    def _start(self, name: str, tags: dict[str, str]) -> str:
        run_id: str = self._client.create_run(self._experiment, tags=tags, run_name=name).info.run_id
        return run_id

    def _find(self, condition: str) -> str | None:
        found = self._client.search_runs([self._experiment], filter_string=condition, max_results=1)
        return found[0].info.run_id if found else None

    def _log_batches(self, run: str, params: "list[Param]", metrics: "list[Metric]") -> None:
        self._client.log_batch(run, params=params)
        for i in range(0, len(metrics), 1000):  # MLflow's limit a batch
            self._client.log_batch(run, metrics=metrics[i : i + 1000])


def _quoted(record: Record) -> str:
    return str(record["address"]).replace("'", "")


def _now() -> int:
    import time

    return int(1000 * time.time())


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _cell_name(record: Record) -> str:
    return " ".join([record["choices"]["strategy"], record["choices"]["space"], record["address"].rsplit("/", 1)[-1]])


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
    }
    return [Param(key, str(value)) for key, value in values.items()]


def _metrics(record: Record) -> "list[Metric]":
    """Give totals, one value a target (named and as a series whose step is the target), and the curves."""
    from mlflow.entities import Metric

    now, unit = _now(), record["unit"]
    metrics: list[Metric] = []

    def add(key: str, value: float | None, step: int = 0) -> None:
        if value is not None:
            metrics.append(Metric(key, float(value), now, step))

    total = totals(record)
    add("mean_accuracy", total.accuracy)
    add("mean_accuracy_std", total.accuracy_std)
    add("seconds", total.seconds)
    add("evaluations", total.evaluations)
    add("unique_evaluations", total.unique_evaluations)
    for i, row in enumerate(rows(record)):
        step = round(row.target or 0.0)
        add("accuracy_by_target", row.accuracy, step)
        add("seconds_by_target", row.seconds, step)
        if i < MOST_CURVES:
            name = f"{row.target:g} {unit}"
            add(f"accuracy/{name}", row.accuracy)
            add(f"latency/{name}", row.cost)
            add(f"seconds/{name}", row.seconds)
            for generation, _, _, accuracy in record["repeats"][0]["results"][i]["curve"]:
                add(f"best_so_far/{name}", accuracy, generation)
    return metrics


def _write_csv(records: Sequence[Record], path: Path) -> None:
    import csv

    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["address", "repeat", *RESULT_COLUMNS])
        for record in records:
            for repeat in record["repeats"]:
                for result in repeat["results"]:
                    writer.writerow([record["address"], repeat["repeat"], *(result[key] for key in RESULT_COLUMNS)])


RESULT_COLUMNS = (
    "target", "feasible", "accuracy", "cost", "seconds", "evaluations", "unique_evaluations", "proposals",
    "cost_lookups", "generations", "architecture",
)  # fmt: skip
