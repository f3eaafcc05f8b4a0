"""Writes and reads ``benchmarks/studies/fleet_scale.csv`` and ``fleet_many.csv``: searches of many devices.

``python tools/fleet_scale.py``: synthetic devices, mixed of the measured ones of ``mbv3``, ten targets each. The first
file has seconds and memory; each number of devices is searched in a process of its own, on one core. The second one has
what ``joint`` finds for 50 devices together and for each of them alone.
"""

import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from intervals import interval_cell

import ofa_bench as ob
from ofa_bench.devices.synthetic import synthetic_devices
from ofa_bench.devices.tables import devices_of
from ofa_bench.engine import Cell, Repeat, run_fleet, run_repeats
from ofa_bench.files.writing import write_whole
from ofa_bench.predictors import latency_table
from ofa_bench.records.tables import Table, markdown
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import Budget, Chain, Joint, Strategy, Vanilla

__all__ = ["FILE", "MANY_FILE", "fleet_many", "fleet_scale", "main"]

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "fleet_scale.csv"

MANY_FILE = FILE.with_name("fleet_many.csv")
MANY, REPEATS = 50, 5
TOGETHER, ALONE = (3000, 5000, 10_000, 20_000, 50_000), (100, 300, 1000, 3000)
NOISES = (0.25, 0.1)

DEVICES = (1, 8, 50, 200, 500)
STRATEGIES = {
    "joint": Joint(),
    "bottom_up, across": Chain(Evolution(), "ascending", across="similarity"),
    "vanilla": Vanilla(Evolution()),
}
MOST = {"vanilla": 50}
"""The most devices that a strategy searches here; beyond, its time is a multiple."""


def _cells(devices: int, strategy: Strategy, repeats: int = 1) -> list[Cell]:
    base = ob.problem("mbv3")
    real = [latency_table(base.space, one) for one, unit in devices_of(base.space).items() if unit.startswith("ms")]
    return [
        Cell(Problem(base.space, base.predictor, one), strategy, tuple(one.targets), Budget(500, 22), 0, repeats, 1)
        for one in synthetic_devices(real, devices, 0)
    ]


def _measure(devices: int, name: str) -> dict[str, object]:
    """Search a fleet; return seconds of the search, evaluations, and the peak of memory in MiB."""
    cells = _cells(devices, STRATEGIES[name])
    began = time.perf_counter()
    if STRATEGIES[name].across_devices and devices > 1:
        (repeats,) = run_fleet(cells, lambda *_: None)
    else:
        repeats = tuple(next(run_repeats(cell, lambda *_: None)) for cell in cells)
    seconds = time.perf_counter() - began
    results = [result for repeat in repeats for result in repeat.results]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {
        "devices": devices, "strategy": name, "targets": len(results), "seconds": round(seconds, 3),
        "evaluations": sum(one.counts.evaluations for one in results), "memory": round(memory),
        "accuracy": round(100 * float(np.mean([one.accuracy for one in results])), 4),
    }  # fmt: skip


def _compare() -> None:
    """Write what is found for many devices together and for each alone."""
    rows = []
    for asked in TOGETHER:
        found = run_fleet(_cells(MANY, Joint(evaluations=asked), REPEATS), lambda *_: None)
        rows += [("all together", asked, asked, i, _mean(repeats)) for i, repeats in enumerate(found)]
    for asked, noise in product(ALONE, NOISES):
        cells = _cells(MANY, Joint(evaluations=asked, noise=noise), REPEATS)
        by_device = [run_repeats(cell, lambda *_: None) for cell in cells]
        rows += [
            (f"each alone, noise {noise}", asked, asked * MANY, i, _mean(repeats))
            for i, repeats in enumerate(zip(*by_device, strict=True))
        ]
    write_whole(
        MANY_FILE, pd.DataFrame(rows, columns=["how", "asked", "evaluations", "repeat", "accuracy"]).to_csv(index=False)
    )


def _mean(repeats: Sequence[Repeat]) -> float:
    return round(100 * float(np.mean([one.accuracy for repeat in repeats for one in repeat.results])), 4)


def main() -> None:
    """Write the files: first what is measured in processes of their own, whose peak of memory begins at this one's."""
    rows = []
    for name in STRATEGIES:
        for devices in (one for one in DEVICES if one <= MOST.get(name, 500)):
            made = subprocess.run(
                [sys.executable, __file__, str(devices), name], capture_output=True, text=True, check=True
            )
            rows.append(json.loads(made.stdout))
            print(rows[-1], flush=True)
    write_whole(FILE, pd.DataFrame(rows).to_csv(index=False))
    _compare()


def fleet_many() -> str:
    """Return what ``joint`` finds for many devices together, and for each alone."""
    if not MANY_FILE.is_file():
        raise FileNotFoundError(f"{MANY_FILE.parent.name}/{MANY_FILE.name}")
    table = pd.read_csv(MANY_FILE)
    rows = [
        (how if asked == evaluations else f"{how}: {asked:,}", f"{evaluations:,}",
         interval_cell(part["accuracy"].to_numpy(np.float64), 3))
        for (how, asked, evaluations), part in table.groupby(["how", "asked", "evaluations"], sort=False)
    ]  # fmt: skip
    return markdown(Table("", ("`joint`", "evaluations in all", "accuracy %"), tuple(rows)))


@cache
def _found() -> pd.DataFrame:
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE.parent.name}/{FILE.name}")
    return pd.read_csv(io.StringIO(FILE.read_text()))


def fleet_scale() -> str:
    """Return seconds, evaluations and memory by strategy and number of devices."""
    table = _found()
    rows = []
    for one in table.itertuples():
        alone = table[(table["strategy"] == one.strategy) & (table["devices"] == 1)]["seconds"].item()
        rows.append(
            (f"`{one.strategy}`", f"{one.devices:,}", f"{one.targets:,}", f"{one.seconds:.1f}",
             f"{one.seconds / alone:.1f}", f"{one.evaluations:,}", f"{one.memory:,}", f"{one.accuracy:.2f}")
        )  # fmt: skip
    heads = ("strategy", "devices", "targets", "seconds", "times one device's", "evaluations", "MiB", "accuracy %")
    return markdown(Table("", heads, tuple(rows)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_measure(int(sys.argv[1]), sys.argv[2])))
    else:
        main()
