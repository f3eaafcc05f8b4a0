"""Prints results, and where they are, when a search ends."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.shell import command_line, option
from ofa_bench.config.store_uri import EXPERIMENT, artifacts_beside, default_experiment, sqlite_path
from ofa_bench.records.model import Record
from ofa_bench.tracking.delivery import try_log, was_refused
from ofa_bench.tracking.view import runs_page, save_view

if TYPE_CHECKING:
    from ofa_bench.tracking.tracker import Tracker

__all__ = ["mlflow_lines", "report_unsent", "show", "store_lines"]

LOCAL = "http://127.0.0.1:5000"
"""The default address of ``mlflow ui``."""


def show(found: Sequence[Record], output: Path, tracking: TrackingConfig) -> None:
    """Print the tables, the folder of the results and the address of the MLflow UI."""
    from ofa_bench.commands.cli.console import make_console
    from ofa_bench.commands.cli.tables import print_tables

    console = make_console()
    print_tables(found, console)
    _show_networks(found, output)
    console.print(f"results: {output}", soft_wrap=True)
    if tracking.uri and was_refused(tracking.uri):
        return
    for line in store_lines(tracking):
        console.print(line, soft_wrap=True)


def _show_networks(found: Sequence[Record], output: Path) -> None:
    """Print the networks of a single cell, and the command that shows all networks."""
    from ofa_bench.commands.cli.tables import MAX_TARGETS
    from ofa_bench.records.networks import best_networks, describe_networks

    folder = output / found[0].address if len(found) == 1 else output
    words = ["ofa_bench", "show", str(folder)]
    if len(found) == 1 and len(found[0].targets) <= MAX_TARGETS:
        networks = best_networks(found[0])
        print("\n".join(describe_networks(networks)))
        words.append("top=10")
    print(f"networks: {command_line(words)}")


def store_lines(tracking: TrackingConfig) -> list[str]:
    """Return the lines that say how to open a store."""
    return [f"{head}{line}" for head, line in zip(("MLflow:  ", "runs:    "), mlflow_lines(tracking), strict=False)]


def mlflow_lines(tracking: TrackingConfig) -> list[str]:
    """Return the command that serves a local store, and the address of the table of runs.

    The address is left out if the store cannot be used now.
    """
    uri = tracking.uri or ""
    served = uri.startswith(("http://", "https://"))
    database = sqlite_path(uri)
    local = uri.startswith("sqlite:")
    lines = [command_line(["mlflow", "ui", "--host", "127.0.0.1", "--backend-store-uri", uri])] if local else []
    if served or (database and database.is_file()):
        experiment = try_log(tracking, _save_view)
        lines += [runs_page(uri if served else LOCAL, experiment)] if experiment else [uri] if served else []
    elif uri and not local:
        lines = [uri]
    return lines


def _save_view(tracker: "Tracker") -> str:
    """Save the project's view of runs in the experiment, and return the experiment's id."""
    save_view(tracker.client, tracker.experiment)
    return tracker.experiment


def report_unsent(what: str, output: Path, tracking: TrackingConfig) -> None:
    """Print what MLflow lacks, and the command that sends it."""
    words = ["ofa_bench", "sync", str(output), option("uri", tracking.uri)]
    if {tracking.experiment, default_experiment()} != {EXPERIMENT}:  # the default may differ in another shell
        words.append(option("experiment", tracking.experiment))
    if tracking.artifacts and tracking.artifacts != artifacts_beside(tracking.uri, Path.cwd()):
        words.append(option("artifacts", tracking.artifacts))
    print(f"ofa_bench: MLflow lacks {what}; this sends it: {command_line(words)}", file=sys.stderr)
