"""``ofa_bench run``: search, one cell, or with ``-m`` a sweep of cells; Hydra composes and runs them."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import hydra
from omegaconf import DictConfig

from ofa_bench.commands.cell import exit_codes, report_repeated_errors, run_cell
from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import report_error, show_logs
from ofa_bench.commands.cli.streams import ignore_broken_pipe
from ofa_bench.commands.dry_run import DRY_RUN, DryRun
from ofa_bench.commands.experiments import commands
from ofa_bench.commands.sweep import SweepCallback
from ofa_bench.config.hydra_private import compose_each_cell_once
from ofa_bench.config.schema import SWEEP_VARIABLE, conf_dir
from ofa_bench.config.store_uri import unused_variable

__all__ = ["main"]


def main() -> None:
    """Run the search in ``sys.argv``. Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted."""
    show_logs()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises errors instead of printing them
    os.environ[SWEEP_VARIABLE] = ""
    interrupts.install_handlers()
    compose_each_cell_once()
    unused = unused_variable()
    if unused and not any(word.startswith(("tracking=none", "tracking.experiment=")) for word in sys.argv):
        print(f"ofa_bench: {unused} or tracking.experiment=", file=sys.stderr)
    with _report_errors():
        arguments = [word for word in sys.argv[1:] if word != DRY_RUN]
        if DRY_RUN in sys.argv[1:]:
            _plan(arguments)
        else:
            _run(arguments)
    sys.exit(max(exit_codes, default=0))


def _run(arguments: Sequence[str]) -> None:
    """Run each cell or sweep of a command."""
    for words in commands(arguments):
        sys.argv[1:] = words
        _run_hydra()
        if interrupts.arrived():
            break


def _plan(arguments: Sequence[str]) -> None:
    """List what a command would run."""
    with DryRun() as dry_run:
        for words in commands(arguments):
            sys.argv[1:] = dry_run.redirect(words)
            with _report_errors():
                _compose(dry_run.plan)
        exit_codes.extend(dry_run.codes)
        dry_run.show()


@contextlib.contextmanager
def _report_errors() -> Iterator[None]:
    """Print a line and keep an exit code for an error; for an interrupt only once."""
    try:
        with ignore_broken_pipe():
            yield
    except KeyboardInterrupt:
        interrupts.note()
    except Exception as error:
        if not interrupts.arrived():
            exit_codes.append(report_error(error))
    if interrupts.arrived() and interrupts.EXIT_CODE not in exit_codes:
        print("ofa_bench: interrupted; finished cells are kept, the same command continues", file=sys.stderr)
        exit_codes.append(interrupts.EXIT_CODE)


def _run_hydra() -> None:
    """Run the cell or sweep that ``sys.argv`` describes, and close the sweep."""
    failed = len(exit_codes)
    with _report_errors():
        _compose(run_cell)
    sweep, SweepCallback.current = SweepCallback.current, None
    report_repeated_errors()
    if sweep:
        with _report_errors():
            exit_codes.extend(sweep.close(failed=len(exit_codes) > failed))


def _compose(task: Callable[[DictConfig], None]) -> None:
    """Let Hydra compose each cell that ``sys.argv`` describes, and call a function with it."""
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(task)()
