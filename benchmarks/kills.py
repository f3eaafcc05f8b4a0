"""Kills a sweep of nine cells at random moments (SIGKILL), resumes it, and compares with an undisturbed one.

    python benchmarks/kills.py [kills=50] [seed=0] [launcher=basic|joblib] [out=kills.json]

Each trial begins in an empty folder. The sweep's command is killed at a moment drawn evenly from the time that it
takes undisturbed, every other time with all of its processes; half of the resumed commands are killed in the same way.
What is on disk after a kill must be whole records or none. The command that ends at last must leave the same records,
to the last digit of what was found, and the same runs in MLflow as an undisturbed one: none lost, none twice, none
other.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.commands.cli.options import read_options
from ofa_bench.records.record import CONFIG, RECORD, read
from ofa_bench.tracking.client import open_store

SWEEP = ("-m", "strategy=vanilla,top_down,bottom_up", "space=mbv3,resnet50d,proxyless", "predictor=embedded")


@dataclass
class Options:
    """What can be set on the command line."""

    kills: int = 50
    seed: int = 0
    launcher: str = "basic"
    out: str = ""


@dataclass
class Kill:
    """When a command was killed, in seconds, how, and what was there: whole records, a database, runs in MLflow."""

    after: float
    whole_group: bool
    records: int
    database: bool


def command(options: Options) -> list[str]:
    """Return the sweep's command."""
    return [sys.executable, "-m", "ofa_bench", *SWEEP, f"hydra/launcher={options.launcher}"]


def finished(options: Options, folder: Path) -> float:
    """Run the command to its end; give the seconds it took."""
    began = time.perf_counter()
    ran = subprocess.run(command(options), cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"exit code {ran.returncode}: {ran.stderr}")
    return time.perf_counter() - began


def killed(options: Options, folder: Path, after: float, *, whole_group: bool) -> Kill | None:
    """Run the command and kill it at a moment; None where it had ended before."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(options), cwd=folder, start_new_session=True, **quiet)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        whole = [read(path.parent) for path in (folder / "multirun").rglob(RECORD)]
        return Kill(after, whole_group, len(whole), (folder / "mlflow.db").exists())
    return None


def on_disk(folder: Path) -> dict[str, Any]:
    """Return what was found, by address: without seconds and without what is of the machine."""
    found = {}
    for path in (folder / "multirun").rglob(RECORD):
        record = read(path.parent)
        results = [[_timeless(vars(result)) for result in repeat.results] for repeat in record.repeats]
        same = ("identity", "config", "targets", "budget", "predictor", "device")
        found[record.address] = [getattr(record, key) for key in same] + [results, (path.parent / CONFIG).is_file()]
        assert path.parent == folder / "multirun" / record.address
    return found


def in_mlflow(folder: Path) -> Counter[str]:
    """Return the runs: kind, name, parent, status, what they say but for times, and the names of their files."""
    client = open_store(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("ofa_bench")
    runs = client.search_runs([experiment.experiment_id])
    names = {run.info.run_id: run.info.run_name for run in runs}
    return Counter(
        json.dumps(
            [
                run.data.tags["ofa_bench.kind"],
                run.info.run_name,
                names.get(run.data.tags.get("mlflow.parentRunId", "")),
                run.info.status,
                _timeless(run.data.params),
                _timeless(run.data.metrics),
                sorted(item.path for item in client.list_artifacts(run.info.run_id)),
            ],
            sort_keys=True,
        )
        for run in runs
    )


def _timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if "seconds" not in key}


def trial(options: Options, folder: Path, length: float, rng: np.random.Generator) -> list[Kill]:
    """Kill a sweep once or more often, then let it end."""
    kills: list[Kill] = []
    again = True
    while again:
        kill = killed(options, folder, float(rng.uniform(0, length)), whole_group=bool(rng.integers(2)))
        kills += [kill] if kill else []
        again = kill is not None and bool(rng.integers(2))
    finished(options, folder)
    return kills


def main() -> None:
    """Run the command line; exit code 1 where anything was lost, doubled or different."""
    options = read_options(Options, sys.argv[1:])
    rng, kills, wrong, trials = np.random.default_rng(options.seed), list[Kill](), list[str](), 0
    with tempfile.TemporaryDirectory() as name:
        undisturbed = Path(name) / "undisturbed"
        undisturbed.mkdir()
        length = finished(options, undisturbed)
        disk, mlflow = on_disk(undisturbed), in_mlflow(undisturbed)
        while len(kills) < options.kills:
            trials += 1
            folder = Path(name) / f"trial{trials}"
            folder.mkdir()
            kills += trial(options, folder, length, rng)
            if on_disk(folder) != disk:
                wrong.append(f"trial {trials}: records")
            if in_mlflow(folder) != mlflow:
                wrong.append(f"trial {trials}: MLflow")
            if stray := [path.name for path in folder.rglob(".*")]:
                print(f"trial {trials}: left by killed processes: {stray}")
            print(f"{len(kills)} kills in {trials} sweeps; wrong: {wrong or 'nothing'}", flush=True)
    cells, runs = len(disk), sum(mlflow.values())
    print(f"undisturbed: {cells} records, {runs} runs in MLflow, {length:.1f} s; launcher {options.launcher}")
    print(f"records at the kills: {sorted(Counter(kill.records for kill in kills).items())}")
    print(f"before there was a database: {sum(not kill.database for kill in kills)} of {len(kills)}")
    if options.out:
        result = {"options": asdict(options), "seconds": length, "trials": trials, "wrong": wrong}
        Path(options.out).write_text(json.dumps(result | {"kills": [asdict(kill) for kill in kills]}, indent=1))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
