"""Writes and reads ``benchmarks/studies/fleet_scale.csv``: seconds and memory of a search of many devices.

``python tools/fleet_scale.py``: synthetic devices, mixed of the measured ones of ``mbv3``, with ten targets each. Each
number of devices is searched in a process of its own, on one core.
"""

import io
import json
import resource
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import ofa_bench as ob
from ofa_bench.devices.synthetic import synthetic_devices
from ofa_bench.devices.tables import devices_of
from ofa_bench.engine import Cell, run_fleet, run_repeats
from ofa_bench.files.writing import write_whole
from ofa_bench.predictors import latency_table
from ofa_bench.records.tables import Table, markdown
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import Budget, Chain, Joint, Vanilla

__all__ = ["FILE", "fleet_scale", "main"]

FILE = Path(__file__).parents[1] / "benchmarks" / "studies" / "fleet_scale.csv"

DEVICES = (1, 8, 50, 200, 500)
STRATEGIES = {
    "joint": Joint(),
    "bottom_up, across": Chain(Evolution(), "ascending", across="similarity"),
    "vanilla": Vanilla(Evolution()),
}
MOST = {"vanilla": 50}
"""The most devices that a strategy searches here; beyond, its time is a multiple."""


def _measure(devices: int, name: str) -> dict[str, object]:
    """Search a fleet; return seconds of the search, evaluations, and the peak of memory in MiB."""
    base = ob.problem("mbv3")
    real = [latency_table(base.space, one) for one, unit in devices_of(base.space).items() if unit.startswith("ms")]
    cells = [
        Cell(
            Problem(base.space, base.predictor, table), STRATEGIES[name], tuple(table.targets), Budget(500, 22), 0, 1, 1
        )
        for table in synthetic_devices(real, devices, 0)
    ]
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


def main() -> None:
    """Write the file."""
    rows = []
    for name in STRATEGIES:
        for devices in (one for one in DEVICES if one <= MOST.get(name, 500)):
            made = subprocess.run(
                [sys.executable, __file__, str(devices), name], capture_output=True, text=True, check=True
            )
            rows.append(json.loads(made.stdout))
            print(rows[-1], flush=True)
    write_whole(FILE, pd.DataFrame(rows).to_csv(index=False))


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
