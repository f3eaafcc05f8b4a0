"""What a command says on the terminal when it ends."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.config import TrackingConfig
from ofa_bench.results.delivery import tracked
from ofa_bench.results.mlflow_view import runs_page, save_view
from ofa_bench.results.records import Record

if TYPE_CHECKING:
    from ofa_bench.results.tracking import Tracker

__all__ = ["mlflow_lines", "say_unsent", "show"]

LOCAL = "http://127.0.0.1:5000"
"""Where ``mlflow ui`` serves a store, unless it is told otherwise."""


def show(found: Sequence[Record], output: Path, tracking: TrackingConfig) -> None:
    """Print the tables, and where the results and the MLflow UI are."""
    from rich.console import Console

    from ofa_bench.results.tables import print_tables

    console = Console()
    print_tables(found, console)
    console.print(f"results: {output}", soft_wrap=True, highlight=False)
    for line in mlflow_lines(tracking):
        console.print(f"MLflow:  {line}", soft_wrap=True, highlight=False, markup=False)


def mlflow_lines(tracking: TrackingConfig) -> list[str]:
    """Return the command that serves a store on this disk, and the address of the table of runs, as far as there are.

    The address is left out where the store cannot be used now.
    """
    uri = tracking.uri or ""
    served = uri.startswith(("http://", "https://"))
    local = uri.startswith("sqlite:")
    lines = [shlex.join(["mlflow", "ui", "--host", "127.0.0.1", "--backend-store-uri", uri])] if local else []
    if served or local:
        experiment = tracked(tracking, _with_view)
        lines += [runs_page(uri if served else LOCAL, experiment)] if experiment else [uri] if served else []
    elif uri:
        lines = [uri]
    return lines


def _with_view(tracker: "Tracker") -> str:
    """Save our view with the experiment, and return the experiment's id."""
    save_view(tracker.client, tracker.experiment)
    return tracker.experiment


def say_unsent(what: str, output: Path, tracking: TrackingConfig) -> None:
    """Say what MLflow lacks, and how it gets it."""
    words = ["python", "-m", "ofa_bench.sync", str(output), f"uri={tracking.uri}"]
    if tracking.experiment != TrackingConfig.experiment:
        words.append(f"experiment={tracking.experiment}")
    if tracking.artifacts and Path(tracking.artifacts).name != "mlartifacts":
        words.append(f"artifacts={tracking.artifacts}")
    print(f"ofa_bench: MLflow lacks {what}; this sends it: {shlex.join(words)}", file=sys.stderr)
