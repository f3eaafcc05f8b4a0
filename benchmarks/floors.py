"""Section ``floors``: whole searches beside what their evaluations and gradients alone take, on one core.

Each search first runs untimed, and what it asks of the predictor is kept. In each round it is then timed, and so are
the same evaluations and gradients, in calls of 1,000 (the floor) and in the search's own calls. Gradients are those
with the gains of all single changes. Ten targets (and 1,000) lie evenly between a tenth and seven tenths of the way
from the least to the largest cost. Seconds are of the processor. OFA's official files are needed.
"""

from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import numpy as np
from cells import make_problem, time_cell
from figures import figure, ratio, show, table
from gradient_cost import Recorder
from threadpoolctl import threadpool_limits

from ofa_bench.search import Problem
from ofa_bench.spaces import Genes
from ofa_bench.strategies import NSGA2, Budget, Joint, LocalSearch, RandomSearch, Strategy

__all__ = ["run", "tables"]

ROUNDS = 5
CALL = 1000
PROBLEMS = {
    "mbv3": ("note10", True),
    "resnet50d": ("cpu_onnx", True),
    "proxyless": ("cpu_onnx", False),
}
"""By space, the device, and whether the predictor is the official one."""


def searches(evaluations: int) -> dict[str, tuple[Strategy, int]]:
    """Return strategies, each with its number of targets."""
    return {
        f"joint, {evaluations:,}": (Joint(evaluations=evaluations), 10),
        f"joint, {evaluations:,}, 1,000 targets": (Joint(evaluations=evaluations), 1000),
        f"joint, {evaluations * 3 // 20:,}": (Joint(evaluations=evaluations * 3 // 20), 10),
        f"nsga2, {evaluations:,}": (NSGA2(evaluations=evaluations), 10),
        f"local_search, {evaluations:,}": (LocalSearch(evaluations=evaluations), 10),
        f"random, {evaluations:,}": (RandomSearch(evaluations=evaluations), 10),
    }


def run(*, quick: bool) -> dict[str, Any]:
    """Time all searches, round after round."""
    cases, evaluations = [], 500 if quick else 20_000
    with threadpool_limits(1):
        for space, (device, official) in PROBLEMS.items():
            problem = make_problem(space, device, official=official)
            for name, (strategy, k) in searches(evaluations).items():
                shares = np.linspace(0.1, 0.7, k)
                targets = problem.cost.minimum + shares * (problem.cost.maximum - problem.cost.minimum)
                found = measure(problem, strategy, targets.tolist(), 1 if quick else ROUNDS)
                cases.append({"space": space, "predictor": problem.predictor.name, "search": name, "k": k} | found)
    return {"evaluations": evaluations, "cases": cases}


def measure(problem: Problem, strategy: Strategy, targets: Sequence[float], rounds: int) -> dict[str, Any]:
    """Time a search, its floor and its own calls of the predictor."""
    recorder = Recorder(problem.predictor)
    search(Problem(problem.space, recorder, problem.cost, problem.keep), strategy, targets)
    evaluated, linearised = recorder.rows("accuracy"), recorder.rows("single_gains")
    seconds: dict[str, list[float]] = {"search": [], "floor": [], "own calls": []}
    for _ in range(rounds):
        seconds["search"].append(timed(lambda: search(problem, strategy, targets)))
        large = timed(lambda: call(problem.predictor.accuracy, divided(evaluated)))
        seconds["floor"].append(large + timed(lambda: call(problem.predictor.single_gains, divided(linearised))))
        own = timed(lambda: call(problem.predictor.accuracy, evaluated))
        seconds["own calls"].append(own + timed(lambda: call(problem.predictor.single_gains, linearised)))
    return {
        "evaluations": sum(map(len, evaluated)),
        "calls": len(evaluated),
        "gradients": sum(map(len, linearised)),
        "seconds": {key: figure(runs) for key, runs in seconds.items()},
        "ratios": {key: ratio(seconds["search"], seconds[key]) for key in ("floor", "own calls")},
    }


def search(problem: Problem, strategy: Strategy, targets: Sequence[float]) -> None:
    """Search once, on one core."""
    time_cell(problem, strategy, targets, Budget(1, 1), 0, lockstep=True, threads=1)


def divided(rows: Sequence[Genes]) -> list[Genes]:
    """Return the same rows in calls of ``CALL``."""
    every = np.concatenate([*rows]) if rows else None
    return [] if every is None else [every[i : i + CALL] for i in range(0, len(every), CALL)]


def call(function: Callable[[Genes], Any], calls: Sequence[Genes]) -> None:
    """Make all calls."""
    for rows in calls:
        function(rows)


def timed(work: Callable[[], None]) -> float:
    """Return the processor's seconds."""
    began = process_time()
    work()
    return process_time() - began


def tables(results: dict[str, Any]) -> str:
    """Lay out the results."""
    rows = [
        [
            f"{one['space']}, {one['search']}",
            *(show(one["seconds"][key]) for key in ("search", "floor", "own calls")),
            *(show(one["ratios"][key]) for key in ("floor", "own calls")),
        ]
        for one in results["cases"]
    ]
    return table("floors", ["search", "s", "floor, s", "own calls, s", "/ floor", "/ own calls"], rows)
