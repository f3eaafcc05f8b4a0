"""Time ten vanilla searches beside those of ``ofa``: ``python benchmarks/vs_ofa.py [pairs] [generations]``.

Both search MobileNetV3 on the Note10 for 15 to 60 ms with OFA's official predictor, P=100 and the same number of
generations, on one thread, in turns: ofa, ours, ofa, ours, ... Each pair gives one ratio. ``ofa`` runs as its users
run it, with its own predictor and latency classes; it needs OFA's official files (see README.md).
"""

import contextlib
import io
import json
import os
import platform
import random
import sys
import time
from statistics import median

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from ofa_bench.ofa_package import import_ofa, ofa_accuracy_predictor, ofa_latency_table
from ofa_bench.predictors import latency_table, official_predictor
from ofa_bench.predictors.assets import asset_path
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.spaces.mobile import RESOLUTIONS
from ofa_bench.strategies import Budget, Vanilla

TARGETS = tuple(range(15, 61, 5))


def time_ofa(generations: int, seed: int) -> tuple[float, list[float]]:
    """Return the seconds that ``ofa`` takes for all targets, and the accuracies it finds."""
    predictor = ofa_accuracy_predictor(asset_path("ofa/acc_predictor.pth"))
    table = ofa_latency_table({r: asset_path(f"ofa/note10/{r}_lookup_table.yaml") for r in RESOLUTIONS})
    finder_class = import_ofa("ofa.tutorial").EvolutionFinder
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # ofa draws from the global state
    found, began = [], time.perf_counter()
    for target in TARGETS:
        finder = finder_class("note10", target, table, predictor, max_time_budget=generations)
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            found.append(float(finder.run_evolution_search()[1][0]))
    return time.perf_counter() - began, found


def time_ours(generations: int, seed: int) -> tuple[float, list[float]]:
    """Return the seconds that ``strategy=vanilla`` takes for all targets, and the accuracies it finds."""
    space = MobileNetV3Space()
    problem = Problem(space, official_predictor(space), latency_table(space, "note10"))
    strategy = Vanilla(Evolution(reference_compat=True))
    began = time.perf_counter()
    results = list(strategy.search(problem, TARGETS, Budget(generations, 1), np.random.default_rng(seed)))
    return time.perf_counter() - began, [result.accuracy or 0.0 for _, result in results]


def main() -> None:
    """Run the pairs, print one JSON line and a table."""
    pairs, generations = (int(given) for given in (*sys.argv[1:], "3", "500")[:2])
    torch.set_num_threads(1)
    runs = []
    with threadpool_limits(1):
        for seed in range(pairs):
            (theirs, their_found), (ours, our_found) = time_ofa(generations, seed), time_ours(generations, seed)
            runs.append({"ofa_seconds": theirs, "seconds": ours, "ratio": theirs / ours})
            runs[-1] |= {"ofa_accuracy": float(np.mean(their_found)), "accuracy": float(np.mean(our_found))}
            print(f"pair {seed + 1} of {pairs}: ofa {theirs:.1f} s, ours {ours:.2f} s", file=sys.stderr, flush=True)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    versions = {"numpy": np.__version__, "torch": torch.__version__}
    print(json.dumps({"pairs": runs, "generations": generations, "targets": TARGETS, **machine, **versions}))
    print(f"\n{'':18}{'median':>10}{'least':>10}{'most':>10}")
    for key in ("ofa_seconds", "seconds", "ratio", "ofa_accuracy", "accuracy"):
        values = [run[key] for run in runs]
        print(f"{key:18}{median(values):10.4g}{min(values):10.4g}{max(values):10.4g}")


if __name__ == "__main__":
    main()
