"""Section ``compiled_loops``: searches with compiled loops beside the same with NumPy's, on one core.

Both take turns, with the same seed and the embedded predictor, and must find the same. Targets lie evenly between a
tenth and seven tenths of the way from the least to the largest cost. Seconds are of the processor.
"""

import sys
import time
from math import ceil, sqrt
from typing import Any

import numpy as np
from cells import make_problem, time_cell
from figures import figure, ratio, show, table

from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import NSGA2, Budget, Chain, Joint, RandomSearch, Strategy, Vanilla

__all__ = ["run", "tables"]

ROUNDS = 5
SPACES = (("mbv3", "note10", 10, 500), ("resnet50d", "cpu_onnx", 2, 50))
"""Space, device, number of targets, generations."""

STRATEGIES: dict[str, Strategy] = {
    "vanilla": Vanilla(Evolution()),
    "top_down": Chain(Evolution(), "descending"),
    "bottom_up": Chain(Evolution(), "ascending"),
    "joint": Joint(evaluations=20_000),
    "nsga2": NSGA2(evaluations=20_000),
    "random": RandomSearch(evaluations=20_000),
}


def run(*, quick: bool) -> dict[str, Any]:
    """Time all searches, round after round."""
    cases = []
    for space, device, k, n in SPACES:
        generations = 5 if quick else n
        problems = _problems(space, device)
        cost, budget = problems["NumPy"].cost, Budget(generations, ceil(sqrt(generations)))
        targets = cost.minimum + np.linspace(0.1, 0.7, k) * (cost.maximum - cost.minimum)
        for name, strategy in STRATEGIES.items():
            seconds: dict[str, list[float]] = {side: [] for side in problems}
            evaluations = 0
            for _ in range(1 if quick else ROUNDS):
                found = set[tuple[tuple[bytes, float | None], ...]]()
                for side, problem in problems.items():
                    began = time.process_time()
                    timed = time_cell(problem, strategy, targets.tolist(), budget, 0, lockstep=True, threads=1)
                    seconds[side].append(time.process_time() - began)
                    found.add(tuple((one.genes.tobytes(), one.accuracy) for one in timed.results))
                    evaluations = timed.total("evaluations")
                assert len(found) == 1
            cases.append({
                "space": space, "k": k, "generations": generations, "strategy": name, "evaluations": evaluations,
                "seconds": {side: figure(runs) for side, runs in seconds.items()},
                "ratio": ratio(seconds["NumPy"], seconds["compiled"]),
            })  # fmt: skip
    return {"cases": cases}


def _problems(space: str, device: str) -> dict[str, Problem]:
    """Return the problem with compiled loops and with NumPy's."""
    compiled, plain = (make_problem(space, device, official=False) for _ in range(2))
    if compiled.kernels is None:
        sys.exit("there are no compiled loops here")
    vars(plain)["kernels"] = None
    return {"compiled": compiled, "NumPy": plain}


def tables(results: dict[str, Any]) -> str:
    """Lay out the results."""
    rows = [
        [
            f"{one['space']}, {one['k']} targets: {one['strategy']}, {one['evaluations']:,}",
            *(show(one["seconds"][side]) for side in ("compiled", "NumPy")),
            show(one["ratio"]),
        ]
        for one in results["cases"]
    ]
    return table("compiled_loops", ["search, evaluations", "compiled, s", "NumPy, s", "NumPy / compiled"], rows)
