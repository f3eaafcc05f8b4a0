"""The command: reads the command line, has Hydra compose and run cells, and gives the exit code."""

import contextlib
import os
import sys
from collections.abc import Iterator

import hydra

from ofa_bench import interrupts
from ofa_bench.cell import exit_codes, run_cell
from ofa_bench.config import SWEEP_VARIABLE, conf_dir
from ofa_bench.experiments import commands
from ofa_bench.own_tables import with_own_tables
from ofa_bench.store_uri import unused_variable
from ofa_bench.sweep import SweepCallback
from ofa_bench.words import heed_full_error, say, unread

__all__ = ["main"]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted."""
    heed_full_error()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what is wrong with the command line instead of printing it
    os.environ[SWEEP_VARIABLE] = ""
    interrupts.heed()
    unused = unused_variable()
    if unused and not any(word.startswith(("tracking=none", "tracking.experiment=")) for word in sys.argv):
        print(f"ofa_bench: {unused} or tracking.experiment=", file=sys.stderr)
    with _told():
        for words in commands(with_own_tables(sys.argv[1:])):
            sys.argv[1:] = words
            _run_hydra()
            if interrupts.arrived():
                break
    if interrupts.arrived():
        interrupts.leave()
    sys.exit(max(exit_codes, default=0))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Make a line and an exit code of what is raised; of an interrupt once."""
    try:
        with unread():
            yield
    except KeyboardInterrupt:
        interrupts.note()
    except Exception as error:
        if not interrupts.arrived():
            exit_codes.append(say(error))
    if interrupts.arrived() and interrupts.EXIT_CODE not in exit_codes:
        print("ofa_bench: interrupted; finished cells are kept, the same command goes on", file=sys.stderr)
        exit_codes.append(interrupts.EXIT_CODE)


def _run_hydra() -> None:
    """Run one cell or one sweep, as ``sys.argv`` says, and close the sweep."""
    failed = len(exit_codes)
    with _told():
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(run_cell)()
    sweep, SweepCallback.current = SweepCallback.current, None
    if sweep:
        with _told():
            exit_codes.extend(sweep.close(failed=len(exit_codes) > failed))
