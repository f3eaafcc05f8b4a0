"""Writes records to MLflow: one run for each sweep, and a child run for each cell."""

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ofa_bench.analysis.figures.drawings import draw_cell, draw_sweep
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.errors import InputError
from ofa_bench.files.locks import is_dead, locked, writer
from ofa_bench.files.writing import make_folder
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.records.costs import cost_name
from ofa_bench.records.frame import write_csv
from ofa_bench.records.labels import labels
from ofa_bench.records.model import RECORD, Record
from ofa_bench.records.record import CONFIG, read
from ofa_bench.records.rows import totals
from ofa_bench.records.tables import summary
from ofa_bench.records.unlabelled import notes
from ofa_bench.tracking import sweep as mlflow_sweep
from ofa_bench.tracking import values as mlflow_values
from ofa_bench.tracking.client import create_store
from ofa_bench.tracking.fetching import fetch
from ofa_bench.tracking.inputs import inputs
from ofa_bench.tracking.locations import check_location
from ofa_bench.tracking.names import short

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run

__all__ = ["Logged", "Tracker"]

logger = logging.getLogger(__name__)

WRITER = "ofa_bench.writer"
"""The tag that names the process that is writing a run (see ``locks.writer``)."""

MAX_COMPARED = 40
"""Cells that the comparison link of a sweep contains at most."""

MAX_DRAWN = 12
"""Studies whose figures are logged with a sweep; a report draws all."""


@dataclass(frozen=True)
class Logged:
    """A finished run of a cell: its id, and the address and SHA-256 of its record."""

    run: str
    address: str
    sha256: str


class Tracker:
    """A writer of records to an MLflow store; the first one creates the store and the experiment.

    ``uri`` is the store's address, ``client`` the MLflow client, ``experiment`` the id of the experiment.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.uri = config.uri
        self.client = create_store(config.uri)
        self._place_of = f"{config.uri} {config.experiment}"
        self.experiment = self._open_experiment(config)
        self._end_abandoned()

    def _open_experiment(self, config: TrackingConfig) -> str:
        with locked(self._place_of):
            experiment = self.client.get_experiment_by_name(config.experiment)
            if experiment is None:
                if config.artifacts and "://" not in config.artifacts:
                    with suppress(OSError):  # reported when a file is written
                        make_folder(Path(config.artifacts))
                tags = {"mlflow.experimentKind": "custom_model_development"}  # the UI then shows runs, not traces
                return str(self.client.create_experiment(config.experiment, artifact_location=_root(config), tags=tags))
        check_location(config, experiment.artifact_location)
        if experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def start(self, name: str, tags: dict[str, str], began: float | None = None) -> str:
        """Start a run that began at ``began`` (``time.time``; by default now), and return its id.

        While it runs, a tag names its writer, so that other processes can check whether the writer is alive.
        """
        start_time = int(1000 * (time.time() if began is None else began))
        tags = tags | {WRITER: writer()}
        run = self.client.create_run(self.experiment, start_time=start_time, tags=tags, run_name=short(name))
        return str(run.info.run_id)

    def cell_of(self, record: str) -> str | None:
        """Find the run of a cell by its record's SHA-256."""
        found = self._find(f"tags.`ofa_bench.kind` = 'cell' AND tags.`ofa_bench.record` = '{record}'")
        return found.info.run_id if found else None

    def network_of(self, network: str) -> str | None:
        """Find the finished run of an exported network by its hash."""
        found = self._find(f"tags.`ofa_bench.network` = '{network}' AND attributes.status = 'FINISHED'")
        return found.info.run_id if found else None

    def open_sweep(self, sweep: str, name: str, began: float) -> str:
        """Start the run of a sweep that began at ``began`` (``time.time``), or reopen it; return its id."""
        with locked(f"{self._place_of} {sweep}"):
            found = self._find(f"tags.`ofa_bench.sweep` = '{sweep}'")
            if found:
                self.client.set_tag(found.info.run_id, WRITER, writer())
                self.client.update_run(found.info.run_id, status="RUNNING")
                return str(found.info.run_id)
            return self.start(name, {"ofa_bench.sweep": sweep, "ofa_bench.kind": "sweep"}, began)

    def end(self, run: str, status: str = "FINISHED", at: float | None = None) -> None:
        """End a run at a time (``time.time``; by default now), and remove its writer tag."""
        self.client.set_terminated(run, status=status, end_time=None if at is None else int(1000 * at))
        self.release(run)

    def release(self, run: str) -> None:
        """Remove the tag that names a run's writer."""
        with suppress(Exception):  # another command of the same sweep may have removed it
            self.client.delete_tag(run, WRITER)

    def _end_abandoned(self) -> None:
        """Mark runs as failed whose writers have died."""
        for run in self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'", max_results=1000):
            if WRITER in run.data.tags and is_dead(run.data.tags[WRITER]):
                self.end(run.info.run_id, "FAILED")

    def complete(self, sweep: str, records: Collection[str]) -> bool:
        """Return whether a sweep's run has ended and has a summary and finished runs of all records (SHA-256)."""
        found = self._find(f"tags.`ofa_bench.sweep` = '{sweep}'")
        if not found or found.info.status not in ("FINISHED", "FAILED") or mlflow_sweep.CELLS not in found.data.metrics:
            return False
        return set(records) <= {cell.sha256 for cell in self.cells(found.info.run_id)}

    def cells(self, sweep: str | None = None, address: str = "") -> list[Logged]:
        """Return the finished runs of cells below a sweep's run, or of the whole experiment.

        With an ``address``, return only the cells whose address starts with it.
        """
        condition = "tags.`ofa_bench.kind` = 'cell' AND attributes.status = 'FINISHED'"
        condition += f" AND tags.`mlflow.parentRunId` = '{sweep}'" if sweep else ""
        condition += f" AND tags.`ofa_bench.address` LIKE '{address}%'" if address else ""
        found, token = list[Logged](), None
        while True:
            page = self.client.search_runs([self.experiment], condition, max_results=1000, page_token=token)
            for run in page:
                about = (run.data.tags.get(f"ofa_bench.{key}", "") for key in ("address", "record"))
                found.append(Logged(run.info.run_id, *about))
            token = page.token
            if not token:
                return found

    @contextmanager
    def fetched(self, cell: Logged) -> Iterator[Path]:
        """Yield a temporary folder with a cell's record and config as they were logged.

        Raises:
            InputError: the record is not the one that the run names.
        """
        with _folder() as folder:
            fetch(self.client, cell.run, folder, (RECORD, CONFIG))
            if sha256_of(folder / RECORD) != cell.sha256 or read(folder).address != cell.address:
                raise InputError(f"MLflow run {cell.run}: its {RECORD} is not the one that was logged")
            yield folder

    def close_sweep(self, run: str, records: Sequence[Record], *, failed: bool, ended: float | None = None) -> None:
        """Log the table and figures of a sweep's cells, and end its run in any case.

        Raises:
            Exception: the store cannot be used.
        """
        try:
            if records:
                self._log_sweep(run, records, failed=failed)
                with _folder() as folder:
                    write_csv(records, folder / "results.csv")
                    left_out = 0
                    with _pictures_may_fail():
                        left_out = draw_sweep(records, folder / "figures", MAX_DRAWN)
                    self.client.set_tag(run, "mlflow.note.content", self._summary(run, records, left_out))
                    self.client.log_artifacts(run, str(folder))
        finally:
            self.end(run, "FAILED" if failed else "FINISHED", ended)

    def _log_sweep(self, run: str, records: Sequence[Record], *, failed: bool) -> None:
        """Log a sweep's tags, parameters, metrics and inputs.

        MLflow cannot change a parameter. So parameters are logged when all cells are finished, and a sweep that is run
        again keeps its parameters.
        """
        for key, value in mlflow_sweep.tags(records).items():
            self.client.set_tag(run, key, value)
        there = self.client.get_run(run).data.params
        params = [] if failed else [one for one in mlflow_sweep.params(records) if one.key not in there]
        self._log_batches(run, params, mlflow_sweep.metrics(records))
        self._log_inputs(run, records)

    def _summary(self, run: str, records: Sequence[Record], left_out: int) -> str:
        """Return the sweep's description: a link that compares its cells in MLflow's charts, and a table of them."""
        children = self.client.search_runs(
            [self.experiment], filter_string=f"tags.`mlflow.parentRunId` = '{run}'", order_by=["attributes.start_time"]
        )
        lists = (json.dumps([child.info.run_id for child in children[:MAX_COMPARED]]), json.dumps([self.experiment]))
        link = f"#/compare-runs?runs={quote(lists[0])}&experiments={quote(lists[1])}"
        named = dict(zip(labels(records), map(totals, records), strict=True))
        more = f" Figures of {left_out} more studies are in `ofa_bench report`." if left_out else ""
        text = f"[Compare these cells]({link}), or see the figures and the table under Artifacts.{more}"
        text += "".join(f"\n\n{note}" for note in notes(labels(records), records))
        return f"{text}\n\n{summary(named, mlflow_values.MAX_CHARS - len(text) - 2, cost_name(*records))}"

    def log_cell(self, record: Record, folder: Path, parent: str | None) -> str:
        """Log a record as a run, once for each parent: parameters, metrics, curves, and its files as artifacts.

        An unfinished run of the same record is replaced. Where several commands log it at once, one does and the others
        wait. Returns the run's id.
        """
        with locked(f"{self._place_of} {record.address} {parent}"):
            return self._log_cell(record, folder, parent)

    def _log_cell(self, record: Record, folder: Path, parent: str | None) -> str:
        tags = self._place(parent) | mlflow_values.tags(record, sha256_of(folder / RECORD))
        for earlier in self._earlier(record, parent):
            if earlier.info.status != "FINISHED":
                if not _is_written(earlier):
                    self.client.delete_run(earlier.info.run_id)
            elif earlier.data.tags["ofa_bench.record"] == tags["ofa_bench.record"]:
                return str(earlier.info.run_id)
        ended = datetime.fromisoformat(record.made.at).timestamp()
        seconds = sum(repeat.seconds for repeat in record.repeats)
        run = self.start(mlflow_values.name(record), tags, began=ended - seconds)
        try:
            self._log_batches(run, mlflow_values.params(record), mlflow_values.metrics(record))
            self._log_inputs(run, [record])
            with _folder() as made:
                with _pictures_may_fail():
                    draw_cell(record, made / "accuracy.png")
                write_csv([record], made / "results.csv")
                for name in (RECORD, CONFIG):
                    shutil.copyfile(folder / name, made / name)
                self.client.log_artifacts(run, str(made))
        except Exception:
            with suppress(Exception):
                self.end(run, "FAILED")
            raise
        self.end(run, at=ended)  # so that the run's duration is the search's
        return run

    def _earlier(self, record: Record, parent: str | None) -> "list[Run]":
        """Return a cell's runs below a parent; without a parent, also the finished runs below any parent.

        A run is unfinished where a process was killed, or lost its store, while it was logging.
        """
        condition = f"tags.`ofa_bench.address` = '{record.address}'"
        condition += f" AND tags.`mlflow.parentRunId` = '{parent}'" if parent else ""
        found = self.client.search_runs([self.experiment], condition)
        return [
            run for run in found if run.info.status == "FINISHED" or run.data.tags.get("mlflow.parentRunId") == parent
        ]

    def _place(self, parent: str | None) -> dict[str, str]:
        """Return the tags that name a cell's sweep."""
        if not parent:
            return {}
        return {"mlflow.parentRunId": parent, "sweep": self.client.get_run(parent).info.run_name}

    def _find(self, condition: str) -> "Run | None":
        found = self.client.search_runs([self.experiment], filter_string=condition, max_results=1)
        return found[0] if found else None

    def _log_inputs(self, run: str, records: Sequence[Record]) -> None:
        """Log the cost tables and predictors of records as inputs of a run.

        MLflow looks for a dataset before it inserts it. Where another process inserts it between the two, MLflow fails;
        it finds the dataset the next time.
        """
        from mlflow.exceptions import MlflowException

        wanted = inputs(records)
        for _ in wanted:  # each of them may be inserted elsewhere
            with suppress(MlflowException):
                self.client.log_inputs(run, wanted)
                return
        self.client.log_inputs(run, wanted)

    def _log_batches(self, run: str, params: "list[Param]", metrics: "list[Metric]") -> None:
        for i in range(0, len(params), 100):  # MLflow's limit for a batch
            self.client.log_batch(run, params=params[i : i + 100])
        for i in range(0, len(metrics), 1000):
            self.client.log_batch(run, metrics=metrics[i : i + 1000])


def _is_written(run: "Run") -> bool:
    """Return whether a process of another machine is writing a run; one of this machine would hold the lock."""
    name = run.data.tags.get(WRITER)
    return name is not None and run.info.status == "RUNNING" and name != writer() and not is_dead(name)


def _root(config: TrackingConfig) -> str | None:
    """Return the artifact location of a new experiment; None leaves it to the store."""
    if not config.artifacts or "://" in config.artifacts:
        return config.artifacts or None
    return Path(config.artifacts).absolute().as_uri()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@contextmanager
def _pictures_may_fail() -> Iterator[None]:
    """Log an error of drawing in one line and continue: a run is worth more than its pictures."""
    try:
        yield
    except Exception as error:
        logger.error("pictures for MLflow cannot be drawn", exc_info=error)
