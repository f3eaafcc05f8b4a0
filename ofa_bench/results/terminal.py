"""What a command says on the terminal when it ends."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config import TrackingConfig
from ofa_bench.results.delivery import was_refused
from ofa_bench.results.records import Record
from ofa_bench.store_uri import EXPERIMENT, artifacts_beside, default_experiment

__all__ = ["say_unsent", "show"]


def show(found: Sequence[Record], output: Path, tracking: TrackingConfig) -> None:
    """Print the tables, and where the results and the MLflow UI are."""
    from rich.console import Console

    from ofa_bench.results.tables import print_tables

    console = Console()
    print_tables(found, console)
    console.print(f"results: {output}", soft_wrap=True, highlight=False)
    if tracking.uri and was_refused(tracking.uri):
        return
    if tracking.uri and tracking.uri.startswith("sqlite:"):
        command = f"mlflow ui --host 127.0.0.1 --backend-store-uri {tracking.uri}"
        console.print(f"MLflow:  {command}", soft_wrap=True, highlight=False)
    elif tracking.uri:
        console.print(f"MLflow:  {tracking.uri}", soft_wrap=True, highlight=False)


def say_unsent(what: str, output: Path, tracking: TrackingConfig) -> None:
    """Say what MLflow lacks, and how it gets it."""
    words = ["python", "-m", "ofa_bench.sync", str(output), f"uri={tracking.uri}"]
    if {tracking.experiment, default_experiment()} != {EXPERIMENT}:  # in another shell, the default may be another
        words.append(f"experiment={tracking.experiment}")
    if tracking.artifacts != artifacts_beside(tracking.uri, Path.cwd()):
        words.append(f"artifacts={tracking.artifacts}")
    print(f"ofa_bench: MLflow lacks {what}; this sends it: {shlex.join(words)}", file=sys.stderr)
