"""Section ``speed``: vanilla searches beside those of ``ofa``, on the same targets, generations and population.

Sides of a round, run one after another, round after round:

- ``ofa``: its ``EvolutionFinder`` with its own predictor and cost classes, with as many threads as torch takes;
- ``ofa on ours``: its finder on our predictor and costs (``strategy=ofa_reference``), on one core, in fewer rounds;
- ``ours``: ``strategy=vanilla`` through the engine, all targets in lockstep on all cores, in lockstep on one, and one
  target after another (``alone``) on one;
- ``floor``: what the predictor alone takes for as many random architectures as ours evaluated, in one call.

Our side runs with ``reference_compat``, as ``ofa`` never considers its last generation. Seconds are of the searches;
what is built once (tables, predictors, supernets) is not in them. Every side is run once before, with few generations.
"""

import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from cells import Timed, make_problem, time_cell
from figures import figure, ratio, show, table
from ofa_finders import FINDERS, mean_accuracy, time_ofa
from threadpoolctl import threadpool_limits

from ofa_bench.config.limits import available_cores
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import Budget, OFAReference, Vanilla

__all__ = ["run", "tables"]

EVOLUTION = Evolution(reference_compat=True)
WARM_UP = 3
"""Generations of the run before the clock starts."""


@dataclass(frozen=True)
class Case:
    """What is searched and how often; ``adapted_rounds`` are those in which ``ofa on ours`` takes part."""

    space: str
    device: str
    targets: tuple[float, ...]
    generations: int
    rounds: int = 5
    adapted_rounds: int = 2


CASES = (
    Case("mbv3", "note10", tuple(range(15, 61, 5)), 500),
    # ofa takes minutes a target here with 500 generations: two of the ten default targets, a tenth of the generations.
    Case("resnet50d", "macs", (1180.0, 2040.0), 50),
)

MODES = {"ours": (True, 0), "ours, one core": (True, 1), "ours, alone, one core": (False, 1)}
"""Whether in lockstep, and on how many threads; 0 for all cores."""

FLOORS = {"floor": "ours", "floor, one core": "ours, one core"}
"""Whose unique evaluations each floor makes, on as many threads."""

RATIOS = (
    *(("ofa", mode) for mode in MODES),
    ("ofa on ours, one core", "ours"),
    ("ofa on ours, one core", "ours, one core"),
    ("ours", "floor"),
    ("ours, one core", "floor, one core"),
    ("ours, alone, one core", "floor, one core"),
)


def run(*, quick: bool) -> dict[str, Any]:
    """Run all cases."""
    import torch

    small = [replace(case, targets=case.targets[-2:], generations=10, rounds=1, adapted_rounds=1) for case in CASES]
    found = [_case(case) for case in (small if quick else CASES)]
    return {"torch_threads": torch.get_num_threads(), "population_size": EVOLUTION.population_size, "cases": found}


def _case(case: Case) -> dict[str, Any]:
    search, problem = FINDERS[case.space](), make_problem(case.space, case.device, official=True)
    _round(replace(case, generations=WARM_UP, targets=case.targets[-2:]), search, problem, 0)
    runs: dict[str, list[dict[str, float]]] = {}
    for number in range(case.rounds):
        for side, made in _round(case, search, problem, number).items():
            runs.setdefault(side, []).append(made)
        message = ", ".join(
            f"{side} {made[number]['seconds']:.3g} s" for side, made in runs.items() if len(made) > number
        )
        print(f"speed: {case.space} round {number + 1} of {case.rounds}: {message}", file=sys.stderr, flush=True)
    seconds = {side: [made["seconds"] for made in all_made] for side, all_made in runs.items()}
    return {
        **asdict(case),
        **{
            key: {side: figure(made[key] for made in all_made) for side, all_made in runs.items() if key in all_made[0]}
            for key in ("seconds", "recorded", "accuracy", "evaluations", "unique_evaluations")
        },
        "ratios": {f"{above} / {below}": ratio(seconds[above], seconds[below]) for above, below in RATIOS},
    }


def _round(case: Case, search: Any, problem: Problem, number: int) -> dict[str, dict[str, float]]:
    """Run every side once; the round's number is the seed."""
    sides: dict[str, dict[str, float]] = {}
    seconds, found = time_ofa(search, case.targets, case.generations, number)
    asked = EVOLUTION.population_size * (case.generations + 1) * len(case.targets)
    sides["ofa"] = {"seconds": seconds, "accuracy": mean_accuracy(found), "evaluations": asked}
    budget = Budget(case.generations, 1)
    if number < case.adapted_rounds:
        timed = time_cell(problem, OFAReference(EVOLUTION), case.targets, budget, number, lockstep=False, threads=1)
        sides["ofa on ours, one core"] = _of(timed)
    for mode, (lockstep, threads) in MODES.items():
        threads = threads or available_cores()
        timed = time_cell(problem, Vanilla(EVOLUTION), case.targets, budget, number, lockstep=lockstep, threads=threads)
        sides[mode] = _of(timed)
    for name, mode in FLOORS.items():
        unique = int(sides[mode]["unique_evaluations"])
        sides[name] = {
            "seconds": _floor(problem, unique, MODES[mode][1] or available_cores(), number),
            "unique_evaluations": unique,
        }
    return sides


def _of(timed: Timed) -> dict[str, float]:
    counts = {count: timed.total(count) for count in ("evaluations", "unique_evaluations")}
    return {"seconds": timed.seconds, "recorded": timed.recorded, "accuracy": timed.accuracy, **counts}


def _floor(problem: Problem, count: int, threads: int, seed: int) -> float:
    """Time one call of the predictor on random architectures, in canonical form."""
    rows = problem.space.canonical(problem.space.sample(count, np.random.default_rng(seed)))
    with threadpool_limits(threads):
        began = time.perf_counter()
        problem.predictor.accuracy(rows)
        return time.perf_counter() - began


def tables(found: dict[str, Any]) -> str:
    """Lay out two tables a case: the sides, and the ratios of their seconds."""
    parts = []
    for case in found["cases"]:
        title = f"speed: {case['space']} on {case['device']}, {len(case['targets'])} targets, n={case['generations']}"
        head = ("side", "runs", "seconds", "accuracy %", "evaluations", "unique")
        parts.append(table(title, head, [_row(case, side) for side in case["seconds"]]))
        ratios = [(name, one["n"], show(one)) for name, one in case["ratios"].items()]
        parts.append(table("ratios of these seconds, made round by round", ("", "rounds", "median (range)"), ratios))
    return "\n".join(parts)


def _row(case: dict[str, Any], side: str) -> list[str]:
    seconds, accuracy = case["seconds"][side], case["accuracy"].get(side)
    counts = [case[key].get(side) for key in ("evaluations", "unique_evaluations")]
    return [
        side,
        str(seconds["n"]),
        show(seconds),
        f"{accuracy['median']:.2f}" if accuracy else "",
        *(f"{count['median']:,.0f}" if count else "" for count in counts),
    ]
