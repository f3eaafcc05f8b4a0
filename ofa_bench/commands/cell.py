"""Runs one composed cell: searches, writes its record, then shows it in MLflow; in whatever process Hydra calls it."""

import re
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import report_error, show_logs
from ofa_bench.commands.sweep import Sweep, SweepCallback, keep_out_of_git, remove_empty
from ofa_bench.config.address import address
from ofa_bench.config.hydra_private import ONE_AFTER_ANOTHER
from ofa_bench.config.registration import register
from ofa_bench.config.schema import CHANGED, GROUPS, Config, TrackingConfig
from ofa_bench.config.shell import command_line, option, override
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import resolve_tracking, result_config
from ofa_bench.files.writing import remove_leftovers
from ofa_bench.tracking.delivery import UNTRACKED, log_with_retries, try_log

if TYPE_CHECKING:
    from ofa_bench.engine import Cell
    from ofa_bench.records.record import Record
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
        sweep.end(record["address"], 0, sent=sent)
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
    """A cell that is built and checked: its address (of a further attempt, where it is one), and what identifies it.

    ``there`` is the record that is there already, if there is one.
    """

    cell: "Cell"
    config: Config
    address: str
    identity: str
    wanted: dict[str, Any]
    there: "Record | None" = None


def prepare(config: DictConfig, output: Path, name: str) -> Prepared:
    """Build a composed cell and look for its record; nothing is searched or written.

    Raises:
        InputError: a value is not allowed, or the cell's folder holds other records only.
    """
    from ofa_bench.experiment.build import build
    from ofa_bench.records import attempts
    from ofa_bench.records import record as records

    typed = OmegaConf.to_object(config)
    assert isinstance(typed, Config)
    context = HydraConfig.get()
    if typed.threads is None and context.mode == RunMode.MULTIRUN and context.launcher["_target_"] != ONE_AFTER_ANOTHER:
        typed.threads = 1  # parallel cells share the cores
    cell = build(typed)
    wanted = result_config(config)
    identity = records.identity(wanted, cell.problem, cell.strategy)
    there = None
    if typed.rerun is not True:
        there = attempts.existing(
            output / name,
            identity,
            changes=lambda record: records.changes(record, wanted, cell.problem),
            changed=typed.rerun == CHANGED,
        )
    if typed.rerun and there is None:
        name = attempts.attempt(name, max(attempts.attempts(output / name), default=0) + 1)
    return Prepared(cell, typed, there["address"] if there else name, identity, wanted, there)


def _recorded(config: DictConfig, output: Path, name: str) -> "Record":
    """Return the cell's record: the one on disk, or a new one after running it."""
    from ofa_bench.commands.cli.progress import Progress
    from ofa_bench.engine import run_repeats
    from ofa_bench.records import frontiers
    from ofa_bench.records import record as records
    from ofa_bench.spaces import ChosenSpace

    prepared = prepare(config, output, name)
    if prepared.there is not None:
        remove_leftovers(output / prepared.address)
        print(f"{prepared.address}: already there, skipped", file=sys.stderr)
        return prepared.there
    cell, typed, name = prepared.cell, prepared.config, prepared.address
    choices = {group: str(HydraConfig.get().runtime.choices[group]) for group in GROUPS}
    frontier = frontiers.find(cell.problem)
    space = cell.problem.space
    if isinstance(space, ChosenSpace):  # what belongs to the part is not compared with what belongs to the whole
        choices["space"] = f"{choices['space']},{space.held}"
        if frontier is None:
            _say_of_part(space.name, *_paths(prepared.wanted, choices))
    with Progress(choices["strategy"], cell, shown=typed.progress) as progress:
        repeats = list(run_repeats(cell, progress.report))
    record = records.make_record(
        cell,
        repeats,
        address=name,
        choices=choices,
        identity=prepared.identity,
        config=prepared.wanted,
        frontier=frontier,
    )
    record = records.write(output / name, record, OmegaConf.to_yaml(config, resolve=True))
    keep_out_of_git(output)
    _tell_if_beaten(record, typed.output)
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
    run, folder = None, output / record["address"]
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
        report_unsent("this record", output / record["address"], tracking)
    show([record], output, tracking)


def _paths(config: dict[str, Any], choices: dict[str, str]) -> tuple[str, str | None]:
    """Return the path or name of a cell's device, and the path of its predictor, None for one of the package's."""
    return str(config["device"].get("device", choices["device"])), config["predictor"].get("path")


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
        command = _frontier_command(*_paths(record["config"], record["choices"]), option("records", output))
        print(
            f"{record['address']}: {number} results beat the best-known frontier, by up to {100 * most:.3f} points; "
            f"raise it: {command}",
            file=sys.stderr,
        )
