"""One cell of section ``scale`` in a process of its own: takes a JSON object, prints one (see ``scale.py``).

The peak of memory is that of the whole process: interpreter, libraries, tables and search.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

from cells import make_problem, time_cell

from ofa_bench.config.limits import available_cores
from ofa_bench.search import Evolution
from ofa_bench.strategies import Budget, Chain, Strategy, Vanilla


def strategy(name: str, population: int) -> Strategy:
    """Build a strategy from its name on the command line."""
    evolution = Evolution(population_size=population)
    if name.startswith("vanilla"):
        return Vanilla(evolution)
    return Chain(evolution, {"top_down": "descending", "bottom_up": "ascending"}[name])


def peak_mib() -> float:
    """Return the most memory that this process ever had resident, in MiB.

    On Linux from ``VmHWM``: ``ru_maxrss`` of a process is at least that of the process that started it.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return _most(resource.RUSAGE_SELF)


def _most(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def main(asked: dict[str, Any]) -> dict[str, float]:
    """Search once, after a search of one generation that loads and compiles what there is to load and compile."""
    problem = make_problem("mbv3", "note10", official=False)
    chosen, lockstep = strategy(asked["strategy"], asked["population"]), bool(asked["lockstep"])
    threads = available_cores() if lockstep else 1
    time_cell(problem, chosen, [60.0], Budget(1, 1), 0, lockstep=lockstep, threads=threads)
    budget = Budget(asked["generations"], asked["warm_generations"])
    timed = time_cell(problem, chosen, asked["targets"], budget, asked["seed"], lockstep=lockstep, threads=threads)
    counts = {count: timed.total(count) for count in ("proposals", "evaluations", "unique_evaluations")}
    return {
        "seconds": timed.recorded,
        "whole_seconds": timed.seconds,
        "generations": timed.generations,
        **counts,
        # Of searches in processes of their own, the largest is counted for each, shared memory and all.
        "peak_mib": peak_mib() + (threads * _most(resource.RUSAGE_CHILDREN) if lockstep else 0.0),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
