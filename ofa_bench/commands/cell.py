"""Runs one composed cell: searches, writes its record, then shows it in MLflow; in whatever process Hydra calls it."""

import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import report_error, show_logs
from ofa_bench.commands.sweep import Sweep, SweepCallback, keep_out_of_git, remove_empty
from ofa_bench.config.address import address
from ofa_bench.config.hydra_private import ONE_AFTER_ANOTHER
from ofa_bench.config.registration import register
from ofa_bench.config.schema import CHANGED, TrackingConfig
from ofa_bench.config.shell import command_line, option, override
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import resolve_tracking
from ofa_bench.files.writing import remove_leftovers
from ofa_bench.tracking.delivery import UNTRACKED, log_with_retries, try_log

if TYPE_CHECKING:
    from ofa_bench.engine import Cell
    from ofa_bench.experiment.running import PreparedCell
    from ofa_bench.records.model import Record
    from ofa_bench.tracking.tracker import Tracker

__all__ = ["Prepared", "exit_codes", "prepare", "run_cell"]

register()  # here, because a launcher's worker processes import this module
show_logs()
warnings.filterwarnings(
    "ignore", r"\s*'hydra/launcher/", UserWarning
)  # ours are merged over the plugins', as they should


exit_codes: list[int] = []
"""Of the cells that failed outside a sweep, in this process; a sweep's are in its journal."""


def run_cell(config: DictConfig) -> None:
    """Run one composed cell, unless its record is already there; Hydra calls it.

    What goes wrong is said in one line and kept for the exit code, so that a sweep's other cells still run.

    Raises:
        Exception: what goes wrong, on a machine that has no other way to tell the sweep's command.
    """
    if interrupts.arrived():
        raise KeyboardInterrupt
    context = HydraConfig.get()
    output, name = Path(config.output).absolute(), address(context.runtime.choices, context.overrides.task, config.seed)
    sweep, tracking = Sweep.of_this_cell(output), TrackingConfig()
    if sweep is None and context.mode == RunMode.MULTIRUN:
        raise InputError("hydra.callbacks.sweep: is needed in a sweep; a config must leave it as it is")
    here = sweep is None or sweep.is_here()
    try:
        tracking = resolve_tracking(config)
        if not here:
            _bring_back(name, output, tracking, sweep)
        record = _recorded(config, output, name)
        sent = _logged(record, output, tracking, sweep, here=here)
    except Exception as error:
        if interrupts.arrived():
            raise KeyboardInterrupt from error
        if not here:
            raise
        code = report_error(error, f"{name}: " if sweep else "")
        if sweep:
            sweep.end(name, code)
        else:
            remove_empty(output / name)
            exit_codes.append(code)
        return
    if sweep:
        sweep.end(record.address, 0, sent=sent)
    else:
        _show(record, output, tracking, sent=sent)


def _bring_back(name: str, output: Path, tracking: TrackingConfig, sweep: Sweep | None) -> None:
    """Copy to this machine's disk what other machines have found for a cell, as far as MLflow has it."""
    from ofa_bench.tracking.sending import bring_back

    run = sweep.run if sweep else ""
    if tracking.uri and run not in ("", UNTRACKED):
        log_with_retries(tracking, lambda tracker: [*bring_back(tracker, run, output, name)], output / name, run=run)


@dataclass(frozen=True)
class Prepared:
    """A cell with its address, of a further attempt where it is one; ``there`` is the record that is there already."""

    prepared: "PreparedCell"
    address: str
    there: "Record | None" = None

    @property
    def cell(self) -> "Cell":
        """What is searched."""
        return self.prepared.cell


def prepare(config: DictConfig, output: Path, name: str) -> Prepared:
    """Build a composed cell and look for its record; nothing is searched or written.

    Raises:
        InputError: a value is not allowed, or the cell's folder holds other records only.
    """
    from ofa_bench.experiment.running import prepare_cell
    from ofa_bench.records import attempts
    from ofa_bench.records import record as records

    context = HydraConfig.get()
    parallel = context.mode == RunMode.MULTIRUN and context.launcher["_target_"] != ONE_AFTER_ANOTHER
    made = prepare_cell(config, context.runtime.choices, threads=1 if parallel else None)  # they share the cores
    there, rerun = None, made.config.rerun
    if rerun is not True:
        there = attempts.find_existing(
            output / name,
            made.identity,
            changes=lambda record: records.changes(record, made.described, made.cell.problem),
            changed=rerun == CHANGED,
        )
    if rerun and there is None:
        name = attempts.attempt_address(name, max(attempts.attempts(output / name), default=0) + 1)
    return Prepared(made, there.address if there else name, there)


def _recorded(config: DictConfig, output: Path, name: str) -> "Record":
    """Return the cell's record: the one on disk, or a new one after running it."""
    from ofa_bench.commands.cli.progress import Progress
    from ofa_bench.experiment.running import run_cell
    from ofa_bench.records import record as records
    from ofa_bench.spaces import ChosenSpace

    cell = prepare(config, output, name)
    folder, made, space = output / cell.address, cell.prepared, cell.cell.problem.space
    if cell.there is not None:
        remove_leftovers(folder)
        print(f"{cell.address}: already there, skipped", file=sys.stderr)
        return cell.there
    if isinstance(space, ChosenSpace) and made.frontier is None:
        _say_of_part(space.name, *_paths(made.described, made.choices["device"]))
    with Progress(made.choices["strategy"], cell.cell, shown=made.config.progress) as progress:
        record, _ = run_cell(made, cell.address, progress.report)
    record = records.write(folder, record, made.yaml)
    keep_out_of_git(output)
    _tell_if_beaten(record, made.config.output)
    return record


@cache
def _say_of_part(name: str, device: str, path: str | None) -> None:
    """Say, once in a process, that a part has no regret, because the best known of the whole may lie outside it."""
    print(
        f"{name}: no regret, as no best-known frontier is of this part; "
        f"this makes one: {_frontier_command(device, path)}",
        file=sys.stderr,
    )


def _logged(record: "Record", output: Path, tracking: TrackingConfig, sweep: Sweep | None, *, here: bool) -> bool:
    """Log a record to MLflow, below its sweep's run; tell whether it was.

    Raises:
        Exception: it was not, on a machine that has no other way to give it away.
    """
    run, folder = None, output / record.address
    if sweep:
        opened = SweepCallback.current  # in the process that opened the sweep
        run = opened.open_run() if opened else sweep.run

    def log(tracker: "Tracker") -> str:
        return tracker.log_cell(record, folder, run)

    if not here:
        return bool(log_with_retries(tracking, log, folder, run=run or ""))
    return run != UNTRACKED and bool(try_log(tracking, log))


def _show(record: "Record", output: Path, tracking: TrackingConfig, *, sent: bool) -> None:
    from ofa_bench.commands.cli.terminal import report_unsent, show

    if tracking.uri and not sent:
        report_unsent("this record", output / record.address, tracking)
    show([record], output, tracking)


def _paths(config: Mapping[str, Any], device: str) -> tuple[str, str | None]:
    """Return the path or name of a cell's device, and the path of its predictor, None for one of the package's."""
    return str(config["device"].get("device", device)), config["predictor"].get("path")


def _frontier_command(device: str, path: str | None, *more: str) -> str:
    """Return the command that makes or raises the best-known frontier of this cell's problem, to paste."""
    task = HydraConfig.get().overrides.task
    given = [text for text in task if re.match(r"\+*(space|predictor)[.=]|\+*device\.", text)]
    given = [override("predictor", path) if path and text.startswith("predictor=") else text for text in given]
    return command_line(["ofa_bench", "frontier", override("device", device), *given, *more])


def _tell_if_beaten(record: "Record", output: str) -> None:
    """Describe where results are better than the best known, and by which command these become the best known."""
    from ofa_bench.records.regret import beaten

    number, most = beaten(record)
    if number:
        command = _frontier_command(*_paths(record.config, record.choices.device), option("records", output))
        print(
            f"{record.address}: {number} results beat the best-known frontier, by up to {100 * most:.3f} points; "
            f"raise it: {command}",
            file=sys.stderr,
        )
