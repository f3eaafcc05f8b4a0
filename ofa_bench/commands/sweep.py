"""A sweep: the journal and the MLflow run that its cells share."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.hydra_settings import check_settings, count_cells, swept_words
from ofa_bench.commands.cli.messages import report_error
from ofa_bench.config.hydra_private import ONE_AFTER_ANOTHER, parse_override, parse_overrides
from ofa_bench.config.schema import NO_RESULT, SWEEP_VARIABLE, TrackingConfig
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import resolve_tracking
from ofa_bench.files.writing import GITIGNORE, ignore_in_git
from ofa_bench.records.journal import FOLDER, Ended, Journal
from ofa_bench.tracking.delivery import UNTRACKED, try_log

if TYPE_CHECKING:
    from ofa_bench.records.model import Record
    from ofa_bench.tracking.tracker import Tracker

__all__ = ["OpenSweep", "Sweep", "SweepCallback", "check_swept", "keep_out_of_git", "remove_empty", "sweep_id"]

DEFAULTS = "defaults"
"""The name of a sweep without overrides."""


class Sweep:
    """A sweep: its id (a hash of output folder and overrides), its journal, and its MLflow run.

    ``command`` identifies this run of the sweep's command. ``run`` is empty until the MLflow run is open. The parent
    process opens it before cells start in other processes. If they run in its own process, it opens it when the first
    record is logged, so that the search starts at once.
    """

    def __init__(self, output: Path, sweep_id: str, command: str, run: str) -> None:
        self.output, self.sweep_id, self.command, self.run = output, sweep_id, command, run
        self.journal = Journal(output / FOLDER / f"{sweep_id}.jsonl")

    @classmethod
    def of_this_cell(cls, output: Path) -> "Sweep | None":
        """Return the sweep that this process's cell belongs to, or None outside a sweep."""
        sweep_id, _, rest = os.environ.get(SWEEP_VARIABLE, "").partition(":")
        command, _, run = rest.partition(":")
        return cls(output, sweep_id, command, run) if sweep_id else None

    def publish(self, run: str) -> None:
        """Pass the sweep and its MLflow run to the cells that start after this call."""
        self.run = run
        os.environ[SWEEP_VARIABLE] = f"{self.sweep_id}:{self.command}:{run}"

    def is_here(self) -> bool:
        """Return whether this process writes to the same disk as the sweep's command."""
        return self.journal.knows(self.command)

    def end(self, address: str, code: int, *, sent: bool = False) -> None:
        """Note that a cell has ended with an exit code, and whether MLflow has its record."""
        self.journal.end(self.command, address, code, sent=sent)

    def ended(self) -> dict[str, Ended]:
        """Return the cells that have ended in this run of the sweep's command, by address."""
        return self.journal.ended(self.command)


class OpenSweep:
    """A sweep in its parent process, which opens and closes it.

    ``cells`` is the number of its cells, None if unknown; ``elsewhere`` is whether they run in other processes.
    """

    def __init__(self, sweep: Sweep, tracking: TrackingConfig, *, elsewhere: bool, cells: int | None = None) -> None:
        self.sweep, self.tracking, self.elsewhere, self.cells = sweep, tracking, elsewhere, cells
        made = (sweep.journal.path, sweep.output / "multirun.yaml", sweep.output / GITIGNORE)
        self._new = [path for path in made if not path.exists()]

    def begin(self, name: str) -> None:
        """Note in the journal that this run of the command begins, and publish the sweep to its cells."""
        self.sweep.command = self.sweep.journal.begin(name, self.tracking.experiment)
        keep_out_of_git(self.sweep.output)
        self.sweep.publish("")
        if self.elsewhere:
            self.open_run()

    def open_run(self) -> str:
        """Return the sweep's MLflow run, or ``UNTRACKED``; the first call opens it."""
        if not self.sweep.run:
            self.sweep.publish(try_log(self.tracking, self._open_run) or (UNTRACKED if self.elsewhere else ""))
        return self.sweep.run or UNTRACKED

    def _open_run(self, tracker: "Tracker") -> str:
        name, _, began = self.sweep.journal.first() or ("", "", 0.0)
        return tracker.open_sweep(self.sweep.sweep_id, name, began)

    def close(self, *, failed: bool) -> list[int]:
        """End the MLflow run, print all cells that have a record, and return the exit codes of the cells.

        After an interrupt nothing more is sent, so that the process ends soon.
        """
        from ofa_bench.commands.cli.terminal import show
        from ofa_bench.records.record import read

        interrupted = interrupts.arrived()
        if self.elsewhere and self._has_run() and not interrupted:
            try_log(self.tracking, self._bring_back, patience=None)
        ended = self.sweep.ended()
        lost = "" if failed or interrupted else self._describe_lost()
        failed = failed or bool(lost)
        found = [read(self.sweep.output / cell.address) for cell in ended.values() if cell.code == 0]
        if interrupted and self._has_run():
            try_log(self.tracking, lambda tracker: tracker.close_sweep(self.sweep.run, [], failed=True), patience=1)
        elif not interrupted and (self._has_run() or found):
            self._end_run(ended, found, failed=failed or any(cell.code for cell in ended.values()))
        if found:
            show(found, self.sweep.output, self.tracking)
            if refused := sum(cell.code != 0 for cell in ended.values()):
                print(f"ofa_bench: {refused} of {len(ended)} cells failed; their errors are above", file=sys.stderr)
        if failed and not (ended or interrupted or self._has_run()):
            self._undo()
        if lost:
            print(f"ofa_bench: {lost}", file=sys.stderr)
        return [*(cell.code for cell in ended.values()), *([1] if lost else [])]

    def _describe_lost(self) -> str:
        """Describe how many cells did not end although the launcher has finished; an empty string if none."""
        ended = self.sweep.journal.count(self.sweep.command)
        if ended >= (1 if self.cells is None else self.cells):
            return ""
        of = "no cell" if not ended else f"only {ended} of {self.cells} cells"
        return f"{of} of this sweep ended: their processes died, or did not write to {self.sweep.output}"

    def _undo(self) -> None:
        """Remove the files and folders of a sweep if none of its cells could begin."""
        for path in self._new:
            path.unlink(missing_ok=True)
        remove_empty(self.sweep.journal.path.parent)

    def _has_run(self) -> bool:
        return self.sweep.run not in ("", UNTRACKED)

    def _end_run(self, ended: dict[str, Ended], found: "list[Record]", *, failed: bool) -> None:
        """Log the records that are missing and end the sweep's MLflow run; on failure, print how to do it later."""
        from ofa_bench.commands.cli.terminal import report_unsent

        unsent = [cell.address for cell in ended.values() if cell.code == 0 and not cell.sent]

        def end(tracker: "Tracker") -> bool:
            from ofa_bench.tracking.sending import present, send  # only now, since it imports MLflow

            run = self.sweep.run if self._has_run() else self._open_run(tracker)
            if unsent:
                list(send(tracker, present(self.sweep.output, unsent), run))
            tracker.close_sweep(run, found, failed=failed)
            return True

        if not try_log(self.tracking, end, patience=None) and self.tracking.uri:
            report_unsent(f"{len(unsent)} records and the end of this sweep", self.sweep.output, self.tracking)

    def _bring_back(self, tracker: "Tracker") -> bool:
        """Copy the records of cells on other machines from MLflow, and note these cells as ended."""
        from ofa_bench.records.attempts import attempt_address, split_attempt
        from ofa_bench.tracking.sending import bring_back

        latest = dict(sorted(map(split_attempt, bring_back(tracker, self.sweep.run, self.sweep.output))))
        noted = {split_attempt(address)[0] for address in self.sweep.ended()}
        for address, number in latest.items():
            if address not in noted:
                self.sweep.end(attempt_address(address, number), 0, sent=True)
        return True


class SweepCallback(Callback):
    """Hydra's callback that opens the sweep in the parent process before any cell starts."""

    current: OpenSweep | None = None
    there: Path | None = None
    """The deepest folder of the output path that existed before the command."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Note which folders existed before Hydra makes those of a cell."""
        with contextlib.suppress(Exception):  # Hydra raises errors of the folder's name later
            try:
                check_settings(config)
            except InputError as error:  # Hydra would only warn about an error and continue
                sys.exit(report_error(error))
            output = Path(config.output).absolute()
            SweepCallback.there = next(folder for folder in (output, *output.parents) if folder.exists())

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Publish the sweep to its cells; if they run in other processes, create the MLflow store and run."""
        HydraConfig.instance().set_config(config)  # Hydra does so only for jobs; our config reads ${hydra:runtime.cwd}
        try:
            self.on_run_start(config)
            SweepCallback.current = _open(config)
        except Exception as error:  # Hydra would only warn about an error and continue
            sys.exit(report_error(error))


def check_swept(overrides: Sequence[str]) -> None:
    """Check that no key is swept that the cells of a sweep share.

    Raises:
        InputError: one is.
    """
    for override in map(parse_override, overrides):
        key = str(override.key_or_group).split(".")[0]
        if override.is_sweep_override() and key in NO_RESULT:
            raise InputError(f"{key}: cannot be swept; the cells of a sweep share one")


def _open(config: DictConfig) -> OpenSweep:
    check_swept(config.hydra.overrides.task)
    cells = count_cells(config, parse_overrides(swept_words(config)))
    overrides = [text for text in config.hydra.overrides.task if text.split("=")[0].split(".")[0] not in NO_RESULT]
    name = " ".join(overrides) or DEFAULTS
    output, tracking = Path(config.output).absolute(), resolve_tracking(config)
    sweep = Sweep(output, sweep_id(output, overrides), "", "")
    elsewhere = config.hydra.launcher["_target_"] != ONE_AFTER_ANOTHER
    opened = OpenSweep(sweep, tracking, elsewhere=elsewhere, cells=cells)
    opened.begin(name)
    return opened


def sweep_id(output: Path, overrides: Sequence[str]) -> str:
    """Return the id of a sweep: a hash of output folder and overrides, or its old id if the folder was moved."""
    hashed = hashlib.sha256(" ".join([str(output), *sorted(overrides)]).encode()).hexdigest()[:12]
    if (output / FOLDER / f"{hashed}.jsonl").is_file():
        return hashed
    words = sorted((" ".join(overrides) or DEFAULTS).split())
    for path in sorted((output / FOLDER).glob("*.jsonl")):
        first = Journal(path).first()
        if first and sorted(first[0].split()) == words:
            return path.stem
    return hashed


def keep_out_of_git(output: Path) -> None:
    """Make git ignore the output folder if this command created it."""
    if SweepCallback.there and output != SweepCallback.there:
        ignore_in_git(output)


def remove_empty(folder: Path) -> None:
    """Remove a folder and its parents while they are empty and did not exist before the command."""
    with contextlib.suppress(OSError):
        while SweepCallback.there and folder != SweepCallback.there:
            folder.rmdir()
            folder = folder.parent
