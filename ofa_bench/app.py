"""The command: composes a cell with Hydra, runs it, writes its record, then shows it in MLflow and on the terminal."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ofa_bench.config import (
    GROUPS,
    ONE_AFTER_ANOTHER,
    SWEEP_VARIABLE,
    Config,
    TrackingConfig,
    address,
    conf_dir,
    register,
    result_config,
)
from ofa_bench.experiments import commands
from ofa_bench.own_tables import with_own_tables
from ofa_bench.sweep import UNTRACKED, Sweep, SweepCallback, tracked
from ofa_bench.words import heed_full_error, say

if TYPE_CHECKING:
    from ofa_bench.results.records import Record

__all__ = ["main", "run_cell"]

INTERRUPTED = 130

_exit_codes: list[int] = []
_interrupts: list[int] = []

register()  # here, because a launcher's worker processes import this module


def run_cell(config: DictConfig) -> None:
    """Run one composed cell, unless its record is already there; Hydra calls it.

    What goes wrong is said in one line and kept for the exit code, so that a sweep's other cells still run.
    """
    if _interrupts:
        raise KeyboardInterrupt
    context = HydraConfig.get()
    output, name = Path(config.output).absolute(), address(context.runtime.choices, context.overrides.task, config.seed)
    folder = output / name
    sweep = Sweep.of_this_cell(output)
    try:
        record = _recorded(config, folder, name)
    except Exception as error:
        if _interrupts:
            raise KeyboardInterrupt from error
        code = say(error, f"{name}: " if sweep else "")
        if sweep:
            sweep.add(name, code)
        else:
            _remove_empty(folder, output)
        _exit_codes.append(code)
        return
    tracking = TrackingConfig(**config.tracking)
    if sweep:
        sweep.add(name)
    run = None
    if sweep:
        opened = SweepCallback.current  # in the process that opened the sweep
        run = opened.open_run() if opened else sweep.run
    if run != UNTRACKED:
        tracked(tracking, lambda tracker: tracker.log_cell(record, folder, run))
    if not sweep:
        show([record], output, tracking)


def _recorded(config: DictConfig, folder: Path, name: str) -> "Record":
    """Give the cell's record: the one on disk, or a new one after running it."""
    from ofa_bench.engine import build, run_repeats
    from ofa_bench.results import frontiers, records
    from ofa_bench.results.progress import Progress

    typed = OmegaConf.to_object(config)
    assert isinstance(typed, Config)
    context = HydraConfig.get()
    if typed.threads is None and context.mode == RunMode.MULTIRUN and context.launcher["_target_"] != ONE_AFTER_ANOTHER:
        typed.threads = 1  # parallel cells share the cores
    cell = build(typed)
    wanted = result_config(config)
    identity = records.identity(wanted, cell.problem, cell.strategy)
    record = records.existing(folder, identity)
    if record is not None:
        print(f"{name}: already there, skipped", file=sys.stderr)
        return record
    choices = {group: str(HydraConfig.get().runtime.choices[group]) for group in GROUPS}
    frontier = frontiers.find(cell.problem)
    with Progress(choices["strategy"], cell, shown=typed.progress) as progress:
        repeats = list(run_repeats(cell, progress.report))
    record = records.make_record(
        cell, repeats, address=name, choices=choices, identity=identity, config=wanted, frontier=frontier
    )
    records.write(folder, record, OmegaConf.to_yaml(config, resolve=True))
    _tell_if_beaten(record, typed.output)
    return record


def _tell_if_beaten(record: "Record", output: str) -> None:
    """Say where results are better than the best known, and by which command these become the best known."""
    from ofa_bench.results.regret import beaten

    number, most = beaten(record)
    if number:
        device = record["config"]["device"].get("device", record["choices"]["device"])  # the path of a user's table
        given = [text for text in HydraConfig.get().overrides.task if re.match(r"(space|predictor)[.=]", text)]
        command = " ".join(["python -m ofa_bench.frontier", f"device={device}", *given, f"records={output}"])
        print(
            f"{record['address']}: {number} results beat the best-known frontier, by up to {100 * most:.3f} points; "
            f"raise it: {command}",
            file=sys.stderr,
        )


def _remove_empty(folder: Path, output: Path) -> None:
    """Remove the folders that Hydra made below the output folder for a cell that did not run, where they are empty."""
    with contextlib.suppress(OSError):
        while folder != output:
            folder.rmdir()
            folder = folder.parent


def show(found: "list[Record]", output: Path, tracking: TrackingConfig) -> None:
    """Print the tables, and where the results and the MLflow UI are."""
    from rich.console import Console

    from ofa_bench.results.tables import print_tables

    console = Console()
    print_tables(found, console)
    console.print(f"results: {output}", soft_wrap=True, highlight=False)
    if tracking.uri and tracking.uri.startswith("sqlite:"):
        command = f"mlflow ui --host 127.0.0.1 --backend-store-uri {tracking.uri}"
        console.print(f"MLflow:  {command}", soft_wrap=True, highlight=False)
    elif tracking.uri:
        console.print(f"MLflow:  {tracking.uri}", soft_wrap=True, highlight=False)


def _interrupt(number: int, _frame: object) -> None:
    """Note the interrupt, then raise it: the library code that it hits may make another error of it, or none."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted."""
    heed_full_error()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what is wrong with the command line instead of printing it
    os.environ[SWEEP_VARIABLE] = ""
    signal.signal(signal.SIGTERM, _interrupt)  # a cluster's or a container's stop is an interrupt too
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # a shell that runs it in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, _interrupt)
    with _told():
        for words in commands(with_own_tables(sys.argv[1:])):
            sys.argv[1:] = words
            _run_hydra()
            if _interrupts:
                break
    sys.exit(max(_exit_codes, default=0))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Make a line and an exit code of what is raised; of an interrupt once."""
    try:
        yield
    except KeyboardInterrupt:
        _interrupts.append(signal.SIGINT)
    except Exception as error:
        if not _interrupts:
            _exit_codes.append(say(error))
    if _interrupts and INTERRUPTED not in _exit_codes:
        print("ofa_bench: interrupted; finished cells are kept, the same command goes on", file=sys.stderr)
        _exit_codes.append(INTERRUPTED)


def _run_hydra() -> None:
    """Run one cell or one sweep, as ``sys.argv`` says, and close the sweep."""
    failed = len(_exit_codes)
    with _told():
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(run_cell)()
    sweep, SweepCallback.current = SweepCallback.current, None
    if sweep:
        try:
            _exit_codes.extend(sweep.close(failed=len(_exit_codes) > failed, show=show))
        except Exception as error:
            _exit_codes.append(say(error))
