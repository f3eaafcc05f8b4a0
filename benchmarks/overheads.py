"""Section ``overheads``: what the command takes besides searching, each time in an empty directory of its own.

Commands, with ``tracking=none`` and with the default (MLflow in a local database, which is thus created each time):
one cell; one cell where the user's cache is empty too (what is compiled once on a machine is then compiled; on Linux);
one cell where another was run before, untimed (so MLflow's database exists); a sweep of one cell; a sweep of several
cells that differ in their seed; the README's sweep of three strategies in three spaces. All but the last have
``budget=quick``. One cell is run before the clock starts, so that files have been read from the disk once. Of each
command:

- ``to first generation``: from the start of the process to the first population's accuracies (``first_generation.py``);
- ``whole command``: from its start to its end;
- ``searching``: the seconds in its records;
- ``besides``: whole command less searching.

``a further cell`` is (besides of the sweep of several - besides of the sweep of one) / (cells - 1), round by round:
what a cell adds to a sweep besides its own search. And help, an error, ``import ofa_bench``, the bare interpreter, and
the libraries that a cell with MLflow has to import, which no such cell can beat.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import Figure, figure, show, table
from first_generation import MARK

__all__ = ["run", "tables"]

ROUNDS = 5
CELLS = 10
PLAIN = {
    "--help": ("-m", "ofa_bench", "--help"),
    "report --help": ("-m", "ofa_bench", "report", "--help"),
    "an unknown strategy": ("-m", "ofa_bench", "strategy=vanila"),
    "import of MLflow's SQL store": ("-c", "import mlflow.store.tracking.sqlalchemy_store"),
    "import ofa_bench": ("-c", "import ofa_bench"),
    "the bare interpreter": ("-c", "pass"),
}
TRACKING: Mapping[str, Sequence[str]] = {"none": ("tracking=none",), "MLflow": ()}
QUICK = ("predictor=embedded", "budget=quick")
EMPTY_CACHE = "one cell, empty cache"
EXISTING = "one cell, existing database"
README = ("-m", "strategy=vanilla,top_down,bottom_up", "space=mbv3,resnet50d,proxyless", "predictor=embedded")


def run(*, quick: bool) -> dict[str, Any]:
    """Run all commands in turn, round after round."""
    rounds, cells = (1, 3) if quick else (ROUNDS, CELLS)
    commands = {
        "one cell": QUICK,
        EMPTY_CACHE: QUICK,
        EXISTING: QUICK,
        "sweep of 1 cell": ("-m", *QUICK, "seed=0"),
        f"sweep of {cells} cells": ("-m", *QUICK, f"seed={','.join(map(str, range(cells)))}"),
    } | ({} if quick else {"README's sweep of 9 cells": README})
    _command(QUICK)
    plain: dict[str, list[float]] = {name: [] for name in PLAIN}
    tracked: dict[str, list[dict[str, dict[str, float]]]] = {name: [] for name in TRACKING}
    for number in range(rounds):
        for name, words in PLAIN.items():
            code = 2 if name == "an unknown strategy" else 0
            plain[name].append(_started([sys.executable, *words], code=code)[0])
        for tracking, option in TRACKING.items():
            tracked[tracking].append({name: _command([*command, *option], name) for name, command in commands.items()})
            message = ", ".join(f"{name} {made['whole command']:.2f} s" for name, made in tracked[tracking][-1].items())
            print(f"overheads: round {number + 1} of {rounds}, {tracking}: {message}", file=sys.stderr, flush=True)
    return {
        "cells": cells,
        "plain": {name: figure(runs) for name, runs in plain.items()},
        "tracking": {name: _figures(runs, cells) for name, runs in tracked.items()},
    }


def _started(
    command: Sequence[str], *, empty_cache: bool = False, before: Sequence[str] = (), code: int = 0
) -> tuple[float, str, float, float]:
    """Run a command in an empty directory: seconds, what it said, the clock at its start, seconds of search.

    ``before`` is a command that is run in the directory first, ``code`` the exit code of the command that is timed.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | ({"XDG_CACHE_HOME": f"{folder}/cache"} if empty_cache else {})
        if before:
            subprocess.run(before, cwd=folder, env=environment, capture_output=True, check=True)
        there = set(Path(folder).rglob("record.json"))
        began, ticked = time.time(), time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - ticked
        if done.returncode != code or "MLflow at" in done.stderr:  # goes on without MLflow, if it cannot be used
            raise RuntimeError(f"{' '.join(command[1:])} failed: {done.stderr}")
        records = [json.loads(path.read_text()) for path in {*Path(folder).rglob("record.json")} - there]
    searching = sum(repeat["seconds"] for record in records for repeat in record["repeats"])
    return seconds, done.stderr, began, searching


def _command(words: Sequence[str], name: str = "") -> dict[str, float]:
    started = [sys.executable, str(Path(__file__).with_name("first_generation.py")), *words]
    before = [*started, "seed=1"] if name == EXISTING else ()
    seconds, message, began, searching = _started(started, empty_cache=name == EMPTY_CACHE, before=before)
    first, *_ = [float(line.removeprefix(MARK)) for line in message.splitlines() if line.startswith(MARK)]
    return {
        "to first generation": first - began,
        "whole command": seconds,
        "searching": searching,
        "besides": seconds - searching,
    }


def _figures(runs: list[dict[str, dict[str, float]]], cells: int) -> dict[str, Any]:
    commands: dict[str, dict[str, Figure]] = {
        name: {key: figure(made[name][key] for made in runs) for key in runs[0][name]} for name in runs[0]
    }
    one, several = "sweep of 1 cell", f"sweep of {cells} cells"
    further = figure((made[several]["besides"] - made[one]["besides"]) / (cells - 1) for made in runs)
    return {"commands": commands, "a further cell": further}


def tables(found: dict[str, Any]) -> str:
    """Lay out one table of commands and one of the rest."""
    keys = ("to first generation", "whole command", "searching", "besides")
    rows = [
        (name, tracking, made[keys[0]]["n"], *(show(made[key]) for key in keys))
        for tracking, figures in found["tracking"].items()
        for name, made in figures["commands"].items()
    ]
    commands = table("overheads: seconds", ("command", "tracking", "runs", *keys), rows)
    rest = {
        f"a further cell of a sweep, tracking {name}": made["a further cell"]
        for name, made in found["tracking"].items()
    }
    rest = found["plain"] | rest
    rows = [(name, one["n"], show(one)) for name, one in rest.items()]
    return "\n".join([commands, table("overheads: seconds", ("", "runs", "median (range)"), rows)])
