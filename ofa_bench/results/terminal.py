"""What a command says on the terminal when it ends."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config import TrackingConfig
from ofa_bench.results.records import Record
from ofa_bench.shell import command_line, option

__all__ = ["say_unsent", "show"]


def show(found: Sequence[Record], output: Path, tracking: TrackingConfig) -> None:
    """Print the tables, and where the results and the MLflow UI are."""
    from ofa_bench.results.console import make_console
    from ofa_bench.results.tables import print_tables

    console = make_console()
    print_tables(found, console)
    _show_networks(found, output)
    console.print(f"results: {output}", soft_wrap=True)
    if tracking.uri and tracking.uri.startswith("sqlite:"):
        command = command_line(["mlflow", "ui", "--host", "127.0.0.1", "--backend-store-uri", tracking.uri])
        console.print(f"MLflow:  {command}", soft_wrap=True)
    elif tracking.uri:
        console.print(f"MLflow:  {tracking.uri}", soft_wrap=True)


def _show_networks(found: Sequence[Record], output: Path) -> None:
    """Print the networks of a single cell, to copy; of several, the command that shows them."""
    from ofa_bench.results.networks import best_networks, describe_networks
    from ofa_bench.results.tables import MOST_TARGETS

    folder = output / found[0]["address"] if len(found) == 1 else output
    words = ["python", "-m", "ofa_bench.show", str(folder)]
    if len(found) == 1 and len(found[0]["targets"]) <= MOST_TARGETS:
        networks = best_networks(found[0])
        print("\n".join(describe_networks(networks)))
        words.append("top=10")
    print(f"networks: {command_line(words)}")


def say_unsent(what: str, output: Path, tracking: TrackingConfig) -> None:
    """Say what MLflow lacks, and how it gets it."""
    words = ["python", "-m", "ofa_bench.sync", str(output), option("uri", tracking.uri)]
    if tracking.experiment != TrackingConfig.experiment:
        words.append(option("experiment", tracking.experiment))
    if tracking.artifacts and Path(tracking.artifacts).name != "mlartifacts":
        words.append(option("artifacts", tracking.artifacts))
    print(f"ofa_bench: MLflow lacks {what}; this sends it: {command_line(words)}", file=sys.stderr)
