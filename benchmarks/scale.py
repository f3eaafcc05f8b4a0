"""Section ``scale``: seconds and memory of ``mbv3`` on ``note10`` as targets, or the population, grow.

k targets lie evenly from 15 to 60 ms (one: at 37.5 ms), embedded predictor, n=500 and 23 warm-started, P=100. The
three strategies are timed in one way, one search after another on one core; ``vanilla`` also in lockstep on all cores,
where chains gain nothing. Each run is a process of its own, so that its peak of memory is its own; the clock covers the
search alone. Generations are compared with what the strategies promise: k n, and n + (k - 1) ceil(sqrt n).
"""

import json
import subprocess
import sys
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from figures import figure, show, table
from scale_plot import draw

__all__ = ["plot", "run", "tables"]

STRATEGIES = {"vanilla": False, "top_down": False, "bottom_up": False, "vanilla, lockstep": True}
"""What is timed, and whether in lockstep."""

TARGETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
GENERATIONS = 500
POPULATIONS, POPULATION_TARGET, POPULATION_GENERATIONS = (100, 1000, 10_000), 30.0, 50
ROUNDS = 5
MANY = 200
"""Cells of as many targets, or more, are run once."""

MEASURED = ("seconds", "whole_seconds", "generations", "proposals", "evaluations", "unique_evaluations", "peak_mib")


def run(*, quick: bool) -> dict[str, Any]:
    """Run all cells, round after round."""
    rounds, generations = (1, 10) if quick else (ROUNDS, GENERATIONS)
    counts = [k for k in TARGETS if k <= 10] if quick else TARGETS
    common = {"generations": generations, "warm_generations": ceil(sqrt(generations)), "population": 100}
    by_targets = [
        {"strategy": name, "lockstep": lockstep, "targets": _targets(k), **common}
        for k in counts
        for name, lockstep in STRATEGIES.items()
    ]
    alone = {"strategy": "vanilla", "lockstep": False, "targets": [POPULATION_TARGET], "warm_generations": 1}
    alone["generations"] = generations if quick else POPULATION_GENERATIONS
    by_population = [{**alone, "population": population} for population in POPULATIONS]
    return {
        "generations": generations,
        "warm_generations": common["warm_generations"],
        "targets": [_promised(cell) for cell in _measure(by_targets, rounds)],
        "populations": _measure(by_population, rounds),
    }


def _targets(k: int) -> list[float]:
    return [37.5] if k == 1 else np.linspace(15, 60, k).tolist()


def _promised(cell: dict[str, Any]) -> dict[str, Any]:
    """Add the generations that the strategy promises."""
    n, warm, k = cell["generations_each"], cell["warm_generations"], cell["k"]
    return {**cell, "promised": k * n if cell["strategy"].startswith("vanilla") else n + (k - 1) * warm}


def _measure(cells: list[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """Run every cell in turn, as often as there are rounds (those of many targets once)."""
    runs: list[list[dict[str, float]]] = [[] for _ in cells]
    for number in range(rounds):
        for cell, made in zip(cells, runs, strict=True):
            if number == 0 or len(cell["targets"]) < MANY:
                made.append(_process({**cell, "seed": number}))
                message = (
                    f"{cell['strategy']} k={len(cell['targets'])} P={cell['population']} {made[-1]['seconds']:.3g} s"
                )
                print(f"scale: round {number + 1} of {rounds}: {message}", file=sys.stderr, flush=True)
    return [
        {
            "strategy": cell["strategy"],
            "k": len(cell["targets"]),
            "population": cell["population"],
            "generations_each": cell["generations"],
            "warm_generations": cell["warm_generations"],
            **{key: figure(one[key] for one in made) for key in MEASURED},
        }
        for cell, made in zip(cells, runs, strict=True)
    ]


def _process(cell: dict[str, Any]) -> dict[str, float]:
    script = Path(__file__).with_name("scale_cell.py")
    command = [sys.executable, str(script), json.dumps(cell)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def tables(found: dict[str, Any]) -> str:
    """Lay out one table by targets and one by population."""
    title = f"scale: k targets, mbv3 on note10, embedded predictor, n={found['generations']}, P=100"
    head = ("strategy", "k", "runs", "seconds", "generations", "promised", "evaluations", "unique", "peak MiB")
    by_targets = table(title, head, [_by_targets(cell) for cell in found["targets"]])
    cells = found["populations"]
    title = f"scale: population, vanilla, {POPULATION_TARGET:g} ms, n={cells[0]['generations_each']}"
    head = ("population", "runs", "seconds", "evaluations a second", "peak MiB")
    return "\n".join([by_targets, table(title, head, [_by_population(cell) for cell in cells])])


def _by_targets(cell: dict[str, Any]) -> list[object]:
    counts = [cell["generations"]["median"], cell["promised"]]
    counts += [cell[key]["median"] for key in ("evaluations", "unique_evaluations")]
    shown = (f"{count:,.0f}" for count in counts)
    return [cell["strategy"], cell["k"], cell["seconds"]["n"], show(cell["seconds"]), *shown, show(cell["peak_mib"])]


def _by_population(cell: dict[str, Any]) -> list[object]:
    seconds, rate = cell["seconds"], cell["evaluations"]["median"] / cell["seconds"]["median"]
    return [f"P={cell['population']:,}", seconds["n"], show(seconds), f"{rate:,.0f}", show(cell["peak_mib"])]


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw seconds and memory against k."""
    draw(found["targets"], found["generations"], found["warm_generations"], path)
