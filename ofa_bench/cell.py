"""Runs one composed cell: searches, writes its record, then shows it in MLflow; in whatever process Hydra calls it."""

import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ofa_bench import interrupts
from ofa_bench.config import (
    GROUPS,
    ONE_AFTER_ANOTHER,
    Config,
    TrackingConfig,
    address,
    register,
    resolve_tracking,
    result_config,
)
from ofa_bench.results.delivery import UNTRACKED, insisted, tracked
from ofa_bench.sweep import Sweep, SweepCallback, remove_empty
from ofa_bench.words import say
from ofa_bench.writing import remove_leftovers

if TYPE_CHECKING:
    from ofa_bench.results.records import Record
    from ofa_bench.results.tracking import Tracker

__all__ = ["exit_codes", "run_cell"]

register()  # here, because a launcher's worker processes import this module
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
        code = say(error, f"{name}: " if sweep else "")
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
    from ofa_bench.results.sending import bring_back

    run = sweep.run if sweep else ""
    if tracking.uri and run not in ("", UNTRACKED):
        insisted(tracking, lambda tracker: [*bring_back(tracker, run, output, name)], output / name, run=run)


def _recorded(config: DictConfig, output: Path, name: str) -> "Record":
    """Give the cell's record: the one on disk, or a new one after running it."""
    from ofa_bench.engine import build, run_repeats
    from ofa_bench.results import attempts, frontiers, records
    from ofa_bench.results.progress import Progress

    typed = OmegaConf.to_object(config)
    assert isinstance(typed, Config)
    context = HydraConfig.get()
    if typed.threads is None and context.mode == RunMode.MULTIRUN and context.launcher["_target_"] != ONE_AFTER_ANOTHER:
        typed.threads = 1  # parallel cells share the cores
    cell = build(typed)
    wanted = result_config(config)
    identity = records.identity(wanted, cell.problem, cell.strategy)
    if typed.rerun:
        name = attempts.attempt(name, max(attempts.attempts(output / name), default=0) + 1)
    elif (there := attempts.existing(output / name, identity)) is not None:
        remove_leftovers(output / there["address"])
        print(f"{there['address']}: already there, skipped", file=sys.stderr)
        return there
    choices = {group: str(context.runtime.choices[group]) for group in GROUPS}
    frontier = frontiers.find(cell.problem)
    with Progress(choices["strategy"], cell, shown=typed.progress) as progress:
        repeats = list(run_repeats(cell, progress.report))
    record = records.make_record(
        cell, repeats, address=name, choices=choices, identity=identity, config=wanted, frontier=frontier
    )
    record = records.write(output / name, record, OmegaConf.to_yaml(config, resolve=True))
    _tell_if_beaten(record, typed.output)
    return record


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
        return bool(insisted(tracking, log, folder, run=run or ""))
    return run != UNTRACKED and bool(tracked(tracking, log))


def _show(record: "Record", output: Path, tracking: TrackingConfig, *, sent: bool) -> None:
    from ofa_bench.results.terminal import say_unsent, show

    if tracking.uri and not sent:
        say_unsent("this record", output / record["address"], tracking)
    show([record], output, tracking)


def _tell_if_beaten(record: "Record", output: str) -> None:
    """Say where results are better than the best known, and by which command these become the best known."""
    from ofa_bench.results.regret import beaten

    number, most = beaten(record)
    if number:
        device = record["config"]["device"].get("device", record["choices"]["device"])  # the path of a user's table
        path = record["config"]["predictor"].get("path")  # likewise
        given = [text for text in HydraConfig.get().overrides.task if re.match(r"(space|predictor)[.=]", text)]
        given = [f"predictor={path}" if path and text.startswith("predictor=") else text for text in given]
        command = " ".join(["python -m ofa_bench.frontier", f"device={device}", *given, f"records={output}"])
        print(
            f"{record['address']}: {number} results beat the best-known frontier, by up to {100 * most:.3f} points; "
            f"raise it: {command}",
            file=sys.stderr,
        )
