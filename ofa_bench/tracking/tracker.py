"""MLflow's view of the records: a run for the sweep, a child run for each cell. Files are the truth."""

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
from ofa_bench.tracking.client import making_client
from ofa_bench.tracking.fetching import fetch
from ofa_bench.tracking.inputs import inputs
from ofa_bench.tracking.locations import check_location
from ofa_bench.tracking.names import short

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run

__all__ = ["Logged", "Tracker"]

logger = logging.getLogger(__name__)

WRITER = "ofa_bench.writer"
"""The tag of a run that is being written: which process writes it (see ``locks.writer``)."""

MAX_COMPARED = 40
"""The link that compares a sweep's cells names at most this many."""

MAX_DRAWN = 12
"""A sweep's run has the figures of at most this many studies; a report draws all."""


@dataclass(frozen=True)
class Logged:
    """A cell's run in MLflow, finished: its id, and its record's address and SHA-256."""

    run: str
    address: str
    sha256: str


class Tracker:
    """Writes records to an MLflow store. Made in the parent process first, which creates the store and experiment.

    ``uri`` is the store's address, ``client`` MLflow's own, ``experiment`` the id of the experiment.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self._names: dict[str, str] = {}
        self.uri = config.uri
        self.client = making_client(config.uri)
        self._place_of = f"{config.uri} {config.experiment}"
        self.experiment = self._open_experiment(config)
        self._end_abandoned()

    def _open_experiment(self, config: TrackingConfig) -> str:
        with locked(self._place_of):
            experiment = self.client.get_experiment_by_name(config.experiment)
            if experiment is None:
                if config.artifacts and "://" not in config.artifacts:
                    with suppress(OSError):  # said where something is written to it
                        make_folder(Path(config.artifacts))
                tags = {"mlflow.experimentKind": "custom_model_development"}  # the UI then opens on runs, not on traces
                return str(self.client.create_experiment(config.experiment, artifact_location=_root(config), tags=tags))
        check_location(config, experiment.artifact_location)
        if experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def start(self, name: str, tags: dict[str, str], began: float | None = None) -> str:
        """Start a run that began then (``time.time``), now by default; return its id.

        As long as it runs, it has a tag that names its writer, so that others can tell whether that is still there.
        """
        start_time = int(1000 * (time.time() if began is None else began))
        tags = tags | {WRITER: writer()}
        run = self.client.create_run(self.experiment, start_time=start_time, tags=tags, run_name=short(name))
        return str(run.info.run_id)

    def cell_of(self, record: str) -> str | None:
        """Find the run of a cell by its record's SHA-256."""
        found = self._find(f"tags.`ofa_bench.kind` = 'cell' AND tags.`ofa_bench.record` = '{record}'")
        return found.info.run_id if found else None

    def open_sweep(self, sweep: str, name: str, began: float) -> str:
        """Start the run of a sweep that began then (``time.time``), or go on with an earlier one; return its id."""
        with locked(f"{self._place_of} {sweep}"):
            found = self._find(f"tags.`ofa_bench.sweep` = '{sweep}'")
            if found:
                self.client.set_tag(found.info.run_id, WRITER, writer())
                self.client.update_run(found.info.run_id, status="RUNNING")
                return str(found.info.run_id)
            return self.start(name, {"ofa_bench.sweep": sweep, "ofa_bench.kind": "sweep"}, began)

    def end(self, run: str, status: str = "FINISHED", at: float | None = None) -> None:
        """End a run, at that time (``time.time``), now by default; it has no writer any more."""
        self.client.set_terminated(run, status=status, end_time=None if at is None else int(1000 * at))
        self.release(run)

    def release(self, run: str) -> None:
        """Take away the tag that names a run's writer."""
        with suppress(Exception):  # two commands of the same sweep end the same run
            self.client.delete_tag(run, WRITER)

    def _end_abandoned(self) -> None:
        """Mark as failed what processes left running that have ended: by a kill, a full disk, or for want of files."""
        running = self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'", max_results=1000)
        for run in running:
            if WRITER in run.data.tags and is_dead(run.data.tags[WRITER]):
                self.end(run.info.run_id, "FAILED")

    def complete(self, sweep: str, records: Collection[str]) -> bool:
        """Return whether a sweep's run has ended, with its summary and finished runs of all these records (SHA-256)."""
        found = self._find(f"tags.`ofa_bench.sweep` = '{sweep}'")
        if not found or found.info.status not in ("FINISHED", "FAILED") or mlflow_sweep.CELLS not in found.data.metrics:
            return False
        return set(records) <= {cell.sha256 for cell in self.cells(found.info.run_id)}

    def cells(self, sweep: str | None = None, address: str = "") -> list[Logged]:
        """Return the finished runs of cells: those below a sweep's run, or of the whole experiment.

        Of those, only the ones whose address begins in this way.
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
        """Return a folder with a cell's record and config, as they were logged; it is there inside the context only.

        Raises:
            InputError: the record is not the one that the run is of.
        """
        with _folder() as folder:
            fetch(self.client, cell.run, folder, (RECORD, CONFIG))
            if sha256_of(folder / RECORD) != cell.sha256 or read(folder).address != cell.address:
                raise InputError(f"MLflow run {cell.run}: its {RECORD} is not the one that was logged")
            yield folder

    def close_sweep(self, run: str, records: Sequence[Record], *, failed: bool, ended: float | None = None) -> None:
        """End the run of a sweep, whatever happens; attach the table of all its cells and a report's figures of them.

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
        """Log what was swept, what came out and what it was made from.

        MLflow keeps a parameter as it was first logged. So a sweep gets its own when all its cells are there, and one
        that is run again keeps what it has.
        """
        for key, value in mlflow_sweep.tags(records).items():
            self.client.set_tag(run, key, value)
        there = self.client.get_run(run).data.params
        params = [] if failed else [one for one in mlflow_sweep.params(records) if one.key not in there]
        self._log_batches(run, params, mlflow_sweep.metrics(records))
        self.client.log_inputs(run, inputs(records))

    def _summary(self, run: str, records: Sequence[Record], left_out: int) -> str:
        """Write the sweep's page: a link that sets its cells side by side in MLflow's charts, and a table of them."""
        children = self.client.search_runs(
            [self.experiment], filter_string=f"tags.`mlflow.parentRunId` = '{run}'", order_by=["attributes.start_time"]
        )
        lists = (json.dumps([child.info.run_id for child in children[:MAX_COMPARED]]), json.dumps([self.experiment]))
        link = f"#/compare-runs?runs={quote(lists[0])}&experiments={quote(lists[1])}"
        named = dict(zip(labels(records), map(totals, records), strict=True))
        more = f" Figures of {left_out} more studies are in `ofa_bench report`." if left_out else ""
        words = f"[Compare these cells]({link}), or see the figures and the table under Artifacts.{more}"
        words += "".join(f"\n\n{text}" for text in notes(labels(records), records))
        return f"{words}\n\n{summary(named, mlflow_values.MAX_CHARS - len(words) - 2, cost_name(*records))}"

    def log_cell(self, record: Record, folder: Path, parent: str | None) -> str:
        """Log a record as a run, once under each parent: parameters, metrics, curves, and its files as artifacts.

        What an earlier attempt to log it left unfinished is replaced; of commands that log it at once, the later ones
        wait, and find it logged. Returns the run's id.
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
                for key in tags.keys() - earlier.data.tags.keys():  # of an earlier version
                    self.client.set_tag(earlier.info.run_id, key, tags[key])
                return str(earlier.info.run_id)
        ended = datetime.fromisoformat(record.made.at).timestamp()
        seconds = sum(repeat.seconds for repeat in record.repeats)
        run = self.start(mlflow_values.name(record), tags, began=ended - seconds)
        try:
            self._log_batches(run, mlflow_values.params(record), mlflow_values.metrics(record))
            self.client.log_inputs(run, inputs([record]))
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
        """Find a cell's runs below a parent: all finished ones, of any parent where there is none, and its unfinished.

        An unfinished run is what a process left that was killed, or lost its store, while it logged.
        """
        condition = f"tags.`ofa_bench.address` = '{record.address}'"
        condition += f" AND tags.`mlflow.parentRunId` = '{parent}'" if parent else ""
        found = self.client.search_runs([self.experiment], condition)
        return [
            run for run in found if run.info.status == "FINISHED" or run.data.tags.get("mlflow.parentRunId") == parent
        ]

    def _place(self, parent: str | None) -> dict[str, str]:
        """Return the tags that say in which sweep a cell is."""
        if not parent:
            return {}
        if parent not in self._names:
            self._names[parent] = self.client.get_run(parent).info.run_name
        return {"mlflow.parentRunId": parent, "sweep": self._names[parent]}

    def _find(self, condition: str) -> "Run | None":
        found = self.client.search_runs([self.experiment], filter_string=condition, max_results=1)
        return found[0] if found else None

    def _log_batches(self, run: str, params: "list[Param]", metrics: "list[Metric]") -> None:
        for i in range(0, len(params), 100):  # MLflow's limits a batch
            self.client.log_batch(run, params=params[i : i + 100])
        for i in range(0, len(metrics), 1000):
            self.client.log_batch(run, metrics=metrics[i : i + 1000])


def _is_written(run: "Run") -> bool:
    """Return whether another process writes a run at this moment; one of this machine would hold the lock."""
    name = run.data.tags.get(WRITER)
    return name is not None and run.info.status == "RUNNING" and name != writer() and not is_dead(name)


def _root(config: TrackingConfig) -> str | None:
    """Return the address of the place where the files of a new experiment go; None leaves it to the store."""
    if not config.artifacts or "://" in config.artifacts:
        return config.artifacts or None
    return Path(config.artifacts).absolute().as_uri()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@contextmanager
def _pictures_may_fail() -> Iterator[None]:
    """Say in one line what is wrong with pictures, and go on without them: none is worth a run."""
    try:
        yield
    except Exception as error:
        logger.error("pictures for MLflow cannot be drawn", exc_info=error)
