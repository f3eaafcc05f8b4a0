"""Section ``time_to_quality``: seconds until the networks are as good as those that ``ofa``'s own searches find.

MobileNetV3, OFA's official predictor of accuracy. ``ofa`` searches the ten targets 15, 20, ... 60 ms of the Note10, one
after another, with its own predictor and costs, P=100, n=500: once with as many threads as torch takes, once with one.
*As good* is the higher of both mean accuracies of the round, by our predictor, which must agree with ``ofa``'s on every
network found. ``joint`` (one core) searches until the mean accuracy of the best networks found so far is as high:

- ``10 targets``: the same ten;
- ``100 targets``: evenly from 15 to 60 ms, until the mean over those ten of them that ``ofa`` searched is as high;
- ``100 targets, all``: until the mean over all is as high as that of ``vanilla``, whose algorithm is ``ofa``'s
  (``reference_compat``, as many generations);
- ``8 devices``: all measured in milliseconds, ten targets each, together; until the mean over all 80 is as high
  as ``vanilla``'s (on the Note10, as ``ofa``'s);
- ``8 devices, one by one``: one search for each, until its mean is as high; the sum.

``ofa``'s seconds of 100 and 80 targets are not measured: they are 10 and 8 times those of its ten. ``devices`` has the
evaluations after which the mean of each device was as high, in searches together and one by one; and the costs that
``vanilla`` looks up there, and so about ``ofa``, whose other work is the same on all devices.

Seconds are from the call to the results; loading is not in them, on neither side. ``processes`` are from the start of a
process: interpreter, imports and loading (of ``ofa``: its loading, plus its seconds of the round); for ``joint`` also
with an empty cache, so that its loops are compiled. ``whole`` are the same searches of ``joint``, not stopped.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from cells import Timed, make_problem, time_cell
from ofa_finders import FINDERS, Finding, Search, time_ofa
from quality_figures import sum_up
from quality_figures import tables as tables
from quality_plot import draw
from quality_process import time_process
from stopped import reached, search_until

from ofa_bench.config.limits import available_cores
from ofa_bench.devices.tables import devices_of
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import Budget, Vanilla

__all__ = ["plot", "run", "tables"]

EVOLUTION = Evolution(reference_compat=True)
TARGETS = tuple(float(target) for target in range(15, 61, 5))
MANY = tuple(15 + 5 * i / 11 for i in range(100))
"""A hundred from 15 to 60 ms; every eleventh is one of the ten."""

GENERATIONS, ROUNDS, SEARCHES = 500, 5, 5
"""``SEARCHES`` of ``joint`` in each round, with different seeds, because they need very different evaluations."""

EVALUATIONS, FLEET_EVALUATIONS = 3000, 7000
"""The most that ``joint`` may make."""

EVERY = slice(None)

Goals = Mapping[str, float]
"""Mean accuracies (fractions of 1) by device, and of the hundred targets (``100``)."""


def run(*, quick: bool) -> dict[str, Any]:
    """Run all sides in turn, round after round."""
    import torch

    generations, rounds, searches = (10, 1, 1) if quick else (GENERATIONS, ROUNDS, SEARCHES)
    threads = {"ofa": torch.get_num_threads(), "ofa, one thread": 1}
    problems, finder = _problems(), FINDERS["mbv3"]()
    time_ofa(finder, TARGETS[-2:], 3, 0)
    made: dict[str, list[Any]] = {"ofa": [], "vanilla": [], "joint": [], "processes": []}
    for number in range(rounds):
        ofa = {side: _ofa(finder, problems["note10"], one, generations, number) for side, one in threads.items()}
        vanilla = _vanilla(problems, generations, number)
        goals = vanilla["accuracy"] | {"note10": max(side["accuracy"] for side in ofa.values())}
        found = [_joint(problems, goals, number * searches + i) for i in range(searches)]
        made["ofa"].append(ofa)
        made["vanilla"].append(vanilla)
        made["joint"].append(found)
        ten = [one["rows"]["10 targets"] for one in found]
        made["processes"].append(_processes(ten[0], ofa["ofa"]["seconds"], number * searches))
        seconds = ", ".join(f"{one['seconds']:.3g}" for one in ten if one["seconds"])
        message = f"ofa {ofa['ofa']['seconds']:.3g} s, joint {seconds} s"
        print(f"time_to_quality: round {number + 1} of {rounds}: {message}", file=sys.stderr, flush=True)
    about = {"generations": generations, "evaluations": EVALUATIONS, "fleet_evaluations": FLEET_EVALUATIONS}
    return {**about, "torch_threads": threads["ofa"], **sum_up(made)}


def _problems() -> dict[str, Problem]:
    """Build the problem on each device; they share space and predictor."""
    first = make_problem("mbv3", "note10", official=True)
    names = [name for name, unit in devices_of(first.space).items() if unit.startswith("ms")]
    costs = {name: make_problem("mbv3", name, official=True).cost for name in names}
    return {name: Problem(first.space, first.predictor, cost) for name, cost in costs.items()}


def _ofa(finder: Search, problem: Problem, threads: int, generations: int, seed: int) -> dict[str, Any]:
    """Run ``ofa``'s ten searches; accuracies are fractions of 1.

    Raises:
        RuntimeError: our predictor or costs differ from ``ofa``'s for a network that it found.
    """
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    seconds, found = time_ofa(finder, TARGETS, generations, seed)
    torch.set_num_threads(usual)
    genes = np.stack([problem.space.from_ofa(one.network) for one in found])
    accuracy, cost = problem.predictor.accuracy(genes), problem.cost.cost(genes)
    difference = float(np.abs(accuracy - [one.accuracy for one in found]).max())
    if difference > 1e-5 or (cost > np.array(TARGETS) + 1e-6).any():
        raise RuntimeError(f"accuracies differ by {difference:g}; the networks cost {cost.tolist()}")
    return {
        "seconds": seconds, "accuracy": float(accuracy.mean()), "difference": difference, "curve": _curve(found)
    }  # fmt: skip


def _curve(found: Sequence[Finding]) -> list[tuple[float, float]]:
    """Return seconds and mean accuracy, had all ten searches ended after as many generations."""
    best = np.mean([one.best for one in found], axis=0)
    seconds = np.sum([one.seconds[: len(best)] for one in found], axis=0)
    return list(zip(seconds.tolist(), best.tolist(), strict=True))


def _vanilla(problems: Mapping[str, Problem], generations: int, seed: int) -> dict[str, dict[str, Any]]:
    """Search with ``vanilla``: mean accuracies (fractions of 1) and cost look-ups by device, and of the hundred."""

    def timed(problem: Problem, targets: Sequence[float]) -> Timed:
        budget, cores = Budget(generations, 1), available_cores()
        return time_cell(problem, Vanilla(EVOLUTION), targets, budget, seed, lockstep=True, threads=cores)

    found = {name: timed(one, one.cost.targets) for name, one in problems.items()}
    found["100"] = timed(problems["note10"], MANY)
    return {
        "accuracy": {name: one.accuracy / 100 for name, one in found.items()},
        "lookups": {name: one.total("cost_lookups") for name, one in found.items()},
    }


def _joint(problems: Mapping[str, Problem], goals: Goals, seed: int) -> dict[str, Any]:
    """Search with ``joint``: numbers by row, evaluations by device, and the curve of the ten targets."""
    note10, goal = problems["note10"], goals["note10"]
    members = {name: (one, one.cost.targets) for name, one in problems.items()}
    fleet = mean(goals[name] for name in members)
    ten = search_until([(note10, TARGETS)], EVALUATIONS, seed, [(EVERY, goal)])
    many = search_until([(note10, MANY)], EVALUATIONS, seed, [(slice(0, None, 11), goal)])
    every = search_until([(note10, MANY)], EVALUATIONS, seed, [(EVERY, goals["100"])])
    together = search_until(list(members.values()), FLEET_EVALUATIONS, seed, [(EVERY, fleet)])
    alone = {
        name: search_until([one], EVALUATIONS, seed, [(EVERY, goals[name])]).numbers for name, one in members.items()
    }
    parts = {name: slice(10 * i, 10 * i + 10) for i, name in enumerate(members)}
    return {
        "rows": {
            "10 targets": ten.numbers,
            "100 targets": many.numbers,
            "100 targets, all": every.numbers,
            "8 devices": together.numbers,
            "8 devices, one by one": _total(list(alone.values())),
        },
        "devices": {
            name: {
                "together": reached(together.whole, [(part, goals[name])]),
                "one by one": alone[name]["evaluations"],
            }
            for name, part in parts.items()
        },
        "curve": ten.curve,
    }


def _total(searches: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Add up numbers, of which None is none; accuracies are averaged."""
    known = {key: [value for one in searches if (value := one[key]) is not None] for key in searches[0]}
    sums = {key: sum(values) if len(values) == len(searches) else None for key, values in known.items()}
    return sums | {"whole accuracy": mean(known["whole accuracy"])}


def _processes(joint: Mapping[str, float | None], ofa: float, seed: int) -> dict[str, float]:
    """Time processes from their start; ``joint``'s only if its search was as good."""
    seconds = {"ofa": time_process(["ofa"]) + ofa}
    if joint["evaluations"]:
        words = ["joint", seed, EVALUATIONS, joint["evaluations"], *TARGETS]
        seconds |= {"joint": time_process(words), "joint, empty cache": time_process(words, empty_cache=True)}
    return seconds


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw accuracy against seconds."""
    draw(found, path)
