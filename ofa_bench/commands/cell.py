"""Runs one composed cell: searches, writes its record and logs it to MLflow. Hydra calls it, in any process."""

import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import explain, report_error, show_logs
from ofa_bench.commands.sweep import Sweep, SweepCallback, keep_out_of_git, remove_empty
from ofa_bench.config.address import address
from ofa_bench.config.hydra_private import ONE_AFTER_ANOTHER
from ofa_bench.config.registration import register
from ofa_bench.config.schema import CHANGED, TrackingConfig
from ofa_bench.config.shell import command_line, option, override
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import resolve_tracking
from ofa_bench.experiment.fleet import is_fleet
from ofa_bench.files.writing import remove_leftovers
from ofa_bench.records.model import Record
from ofa_bench.tracking.delivery import UNTRACKED, log_with_retries, try_log

if TYPE_CHECKING:
    from ofa_bench.experiment.running import PreparedCell
    from ofa_bench.tracking.tracker import Tracker

__all__ = ["PlannedCell", "exit_codes", "plan", "report_once", "report_repeated_errors", "run_cell"]

register()  # here, because a launcher's worker processes import this module
show_logs()
# Our configs of launchers are merged over those of the plugins, as intended.
warnings.filterwarnings("ignore", r"\s*'hydra/launcher/", UserWarning)


exit_codes: list[int] = []
"""The exit codes of cells that failed outside a sweep, in this process; those of a sweep are in its journal."""

_failed = Counter[str]()
"""How many cells failed with the same message, in this process."""


def run_cell(config: DictConfig) -> None:
    """Run one composed cell, unless its record already exists; Hydra calls it.

    An error is printed in one line and kept for the exit code, so that a sweep's other cells still run.

    Raises:
        Exception: an error on another machine, which cannot write the sweep's journal.
    """
    if interrupts.arrived():
        raise KeyboardInterrupt
    context = HydraConfig.get()
    output, name = Path(config.output).absolute(), address(context.runtime.choices, context.overrides.task, config.seed)
    sweep, tracking = Sweep.of_this_cell(output), TrackingConfig()
    if sweep is None and context.mode == RunMode.MULTIRUN:
        raise InputError("hydra.callbacks.sweep: is needed in a sweep; a config must not change it")
    here = sweep is None or sweep.is_here()
    try:
        tracking = resolve_tracking(config)
        if not here:
            for one in _addresses(config, output, name):
                _bring_back(one, output, tracking, sweep)
        found = list[tuple[Record, bool]]()
        for record in _find_or_run(config, output, name):
            sent = _log(record, output, tracking, sweep, here=here)
            found.append((record, sent))
            if sweep:
                sweep.end(record.address, 0, sent=sent)
    except Exception as error:
        if interrupts.arrived():
            raise KeyboardInterrupt from error
        if not here:
            raise
        if sweep:
            sweep.end(name, report_once(error, f"{name}: "))
        else:
            remove_empty(output / name)
            exit_codes.append(report_error(error))
        return
    if not any((output / name).glob("*")):
        remove_empty(output / name)  # which Hydra made for a fleet
    if not sweep:
        _show(found, output, tracking)


def report_once(error: Exception, where: str) -> int:
    """Print the error of a cell, and which cell it is, unless another cell had the same; return its exit code."""
    line, code = explain(error)
    _failed[line] += 1
    return report_error(error, where) if _failed[line] == 1 else code


def report_repeated_errors() -> None:
    """Print how many more cells failed with each message that ``report_once`` printed, and forget them."""
    for line, count in _failed.items():
        if count > 1:
            print(f"ofa_bench: {count - 1} more {'cell' if count == 2 else 'cells'}: {line}", file=sys.stderr)
    _failed.clear()


def _addresses(config: DictConfig, output: Path, name: str) -> list[str]:
    """Return the addresses of a cell's first attempts: one, or one for each device of a fleet."""
    from ofa_bench.records.attempts import split_attempt

    return [split_attempt(one.address)[0] for one in plan(config, output, name)] if is_fleet(config) else [name]


def _bring_back(name: str, output: Path, tracking: TrackingConfig, sweep: Sweep | None) -> None:
    """Copy a cell's records of other machines from MLflow to this machine's disk."""
    from ofa_bench.tracking.sending import bring_back

    run = sweep.run if sweep else ""
    if tracking.uri and run not in ("", UNTRACKED):
        log_with_retries(tracking, lambda tracker: [*bring_back(tracker, run, output, name)], output / name, run=run)


@dataclass(frozen=True)
class PlannedCell:
    """A cell, the address of its record (that of a new attempt with ``rerun``), and the record if it exists."""

    prepared: "PreparedCell"
    address: str
    record: Record | None = None


def plan(config: DictConfig, output: Path, name: str) -> list[PlannedCell]:
    """Build a composed cell, or one for each device of a fleet, and look for records; nothing is searched or written.

    Raises:
        InputError: a value is not allowed, or a cell's folder has only other records.
    """
    from ofa_bench.experiment.running import address_on_device, prepare_cells
    from ofa_bench.records.attempts import attempt_address, attempts

    context = HydraConfig.get()
    parallel = context.mode == RunMode.MULTIRUN and context.launcher["_target_"] != ONE_AFTER_ANOTHER
    made = prepare_cells(config, context.runtime.choices, threads=1 if parallel else None)  # they share the cores
    if len(made) == 1 and made[0].choices["device"] == context.runtime.choices["device"]:
        return [_plan_cell(made[0], output, name)]
    choices, words = context.runtime.choices, context.overrides.task
    names = [address_on_device(one, choices, words) for one in made]
    planned = [_plan_cell(one, output, each) for one, each in zip(made, names, strict=True)]
    if made[0].fleet and made[0].config.rerun and any(one.record is None for one in planned):
        number = 1 + max(max(attempts(output / each), default=0) for each in names)  # the same for all
        planned = [PlannedCell(one, attempt_address(each, number)) for one, each in zip(made, names, strict=True)]
    return planned


def _plan_cell(made: "PreparedCell", output: Path, name: str) -> PlannedCell:
    from ofa_bench.records import record as records
    from ofa_bench.records.attempts import attempt_address, attempts, find_existing

    existing, rerun = None, made.config.rerun
    if rerun is not True:
        existing = find_existing(
            output / name,
            made.identity,
            changes=lambda record: records.changes(record, made.described, made.cell.problem),
            changed=rerun == CHANGED,
        )
    if rerun and existing is None:
        name = attempt_address(name, max(attempts(output / name), default=0) + 1)
    return PlannedCell(made, existing.address if existing else name, existing)


def _find_or_run(config: DictConfig, output: Path, name: str) -> Iterator[Record]:
    """Yield the cell's record, or those of a fleet: the ones on disk, or new ones after running the cells."""
    planned = plan(config, output, name)
    if planned[0].prepared.fleet:
        yield from _find_or_run_together(planned, output)
    else:
        for one in planned:
            yield from _find_or_run_together([one], output)


def _find_or_run_together(planned: Sequence[PlannedCell], output: Path) -> Iterator[Record]:
    """Yield the records of cells that are searched together; if one is missing, all are searched."""
    from ofa_bench.commands.cli.progress import Progress
    from ofa_bench.experiment.running import run_cells
    from ofa_bench.records import record as records
    from ofa_bench.spaces import ChosenSpace, whole_space

    cells, made = [one.prepared for one in planned], planned[0].prepared
    if all(one.record for one in planned):
        for one in planned:
            assert one.record is not None
            remove_leftovers(output / one.address)
            print(f"{one.address}: already there, skipped", file=sys.stderr)
            yield one.record
        return
    for cell in cells:
        cost = cell.cell.problem.cost
        for target in cell.cell.targets:
            if target > cost.maximum:
                _report_loose_target(f"{target:g} {cost.unit}", f"{cost.maximum:.4g} {cost.unit} on {cost.name}")
    if isinstance(space := whole_space(made.cell.problem.space), ChosenSpace):
        for cell in cells:
            if cell.frontier is None and cell.config.limits is None:
                _report_missing_frontier(space.name, *_paths(cell.described, cell.choices["device"]))
    of_predictor = made.config.predictor.get("progress", False)  # one bar at a time
    shown = made.config.progress and not of_predictor
    with Progress(made.choices["strategy"], [cell.cell for cell in cells], shown=shown) as progress:
        found = run_cells(cells, [one.address for one in planned], progress.report)
    for cell, (new, _) in zip(cells, found, strict=True):
        record = records.write(output / new.address, new, cell.yaml)
        keep_out_of_git(output)
        _report_better_results(record, cell.config.output)
        yield record


@cache
def _report_loose_target(target: str, maximum: str) -> None:
    """Print, once in a process, that every architecture meets a target."""
    print(f"targets: {target} limits nothing; the most expensive architecture costs {maximum}", file=sys.stderr)


@cache
def _report_missing_frontier(name: str, device: str, path: str | None) -> None:
    """Print, once in a process, that a subspace has no regret: the best of the whole space may lie outside it."""
    print(
        f"{name}: no regret, because this subspace has no best-known frontier; "
        f"this makes one: {_frontier_command(device, path)}",
        file=sys.stderr,
    )


def _log(record: Record, output: Path, tracking: TrackingConfig, sweep: Sweep | None, *, here: bool) -> bool:
    """Log a record to MLflow, below its sweep's run; return whether that succeeded.

    Raises:
        Exception: it failed on another machine, which can deliver the record in no other way.
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


def _show(found: Sequence[tuple[Record, bool]], output: Path, tracking: TrackingConfig) -> None:
    """Print records, and which of them were not sent to MLflow."""
    from ofa_bench.commands.cli.terminal import report_unsent, show

    for record, sent in found:
        if tracking.uri and not sent:
            report_unsent("this record", output / record.address, tracking)
    show([record for record, _ in found], output, tracking)


def _paths(config: Mapping[str, Any], device: str) -> tuple[str, str | None]:
    """Return the path or name of a cell's device, and the path of its predictor (None for the package's own)."""
    return str(config["device"].get("device", device)), config["predictor"].get("path")


def _frontier_command(device: str, path: str | None, *more: str) -> str:
    """Return the command that makes or improves the best-known frontier of this cell's problem."""
    task = HydraConfig.get().overrides.task
    given = [text for text in task if re.match(r"\+*(space|predictor)[.=]|\+*device\.(?!devices|synthetic|seed)", text)]
    given = [override("predictor", path) if path and text.startswith("predictor=") else text for text in given]
    return command_line(["ofa_bench", "frontier", override("device", device), *given, *more])


def _report_better_results(record: Record, output: str) -> None:
    """Print how many results are better than the best known, and the command that adds them to the frontier."""
    from ofa_bench.records.regret import beaten

    number, most = beaten(record)
    if number:
        command = _frontier_command(*_paths(record.config, record.choices.device), option("records", output))
        beat = "result beats" if number == 1 else "results beat"
        print(
            f"{record.address}: {number} {beat} the best-known frontier, by up to {100 * most:.3f} points. "
            f"To measure later regrets against them (optional): {command}",
            file=sys.stderr,
        )
