"""Searches with compiled loops and with NumPy's: ``python benchmarks/without_compiled.py [rounds]`` (10 minutes).

Both take turns on one core, with the same seed and the embedded predictor, and must find the same. Printed are medians
of the processor's seconds, and the ratio of both in each round: median (minimum to maximum).
"""

import statistics
import sys
import time
from math import ceil, sqrt

import numpy as np
from cells import make_problem, time_cell

from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import NSGA2, Budget, Chain, Joint, RandomSearch, Strategy, Vanilla

__all__ = ["main"]

ROUNDS = 5
SPACES = (("mbv3", "note10", 10, 500), ("resnet50d", "cpu_onnx", 2, 50))
"""Space, device, number of targets, generations."""

STRATEGIES: dict[str, Strategy] = {
    "vanilla": Vanilla(Evolution()),
    "top_down": Chain(Evolution(), "descending"),
    "bottom_up": Chain(Evolution(), "ascending"),
    "joint, 20,000 evaluations": Joint(evaluations=20_000),
    "nsga2": NSGA2(),
    "random": RandomSearch(),
}


def _problems(space: str, device: str) -> dict[str, Problem]:
    """Return the problem with compiled loops and with NumPy's."""
    compiled, plain = (make_problem(space, device, official=False) for _ in range(2))
    if compiled.kernels is None:
        sys.exit("there are no compiled loops here")
    vars(plain)["kernels"] = None
    return {"compiled": compiled, "NumPy": plain}


def main(rounds: int) -> None:
    """Print a row for each space and strategy."""
    for space, device, k, generations in SPACES:
        problems = _problems(space, device)
        cost, budget = problems["NumPy"].cost, Budget(generations, ceil(sqrt(generations)))
        targets = cost.minimum + np.linspace(0.1, 0.7, k) * (cost.maximum - cost.minimum)
        for name, strategy in STRATEGIES.items():
            seconds: dict[str, list[float]] = {side: [] for side in problems}
            for _ in range(rounds):
                found = set[tuple[tuple[bytes, float | None], ...]]()
                for side, problem in problems.items():
                    began = time.process_time()
                    timed = time_cell(problem, strategy, targets.tolist(), budget, 0, lockstep=True, threads=1)
                    seconds[side].append(time.process_time() - began)
                    found.add(tuple((one.genes.tobytes(), one.accuracy) for one in timed.results))
                assert len(found) == 1
            ratios = [plain / compiled for compiled, plain in zip(*seconds.values(), strict=True)]
            medians = " | ".join(f"{statistics.median(one):.3g}" for one in seconds.values())
            ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
            print(f"| `{space}`, {k} targets, n={generations}: {name} | {medians} | {ratio} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
