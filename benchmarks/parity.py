"""Test that ``strategy=vanilla`` finds what ``ofa`` finds: ``python benchmarks/parity.py [repeats] [generations]``.

In MobileNetV3 (on the Note10) and ResNet50D (multiply-accumulates), with OFA's official predictors and the ten
default targets, ``strategy=ofa_reference`` (the search code of ``ofa`` on our predictor and costs) and
``strategy=vanilla`` with ``evolution.reference_compat=true`` run in turns with the same population and generations.
What is compared is the mean accuracy over the targets of each repeat: two one-sided Welch tests at +-0.1 points, and
the 90 % confidence interval of the difference.
"""

import json
import os
import platform
import sys
import time
from typing import Any

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table, official_predictor
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import Budget, OFAReference, Strategy, Vanilla

MARGIN = 0.1
CASES = (("mbv3", "note10"), ("resnet50d", "macs"))


def run(strategy: Strategy, problem: Problem, generations: int, seed: int) -> tuple[float, list[float]]:
    """Search all default targets: seconds, and the accuracy found for each (%)."""
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    found = dict(strategy.search(problem, problem.cost.targets, Budget(generations, 1), rng))
    seconds = time.perf_counter() - began
    return seconds, [100 * (found[i].accuracy or 0.0) for i in range(len(found))]


def equivalence(first: list[float], second: list[float]) -> dict[str, float]:
    """Two one-sided Welch tests of means within ``MARGIN``: the larger p, the difference, its 90 % interval."""
    a, b = np.array(first), np.array(second)
    p = max(
        stats.ttest_ind(a + MARGIN, b, equal_var=False, alternative="greater").pvalue,
        stats.ttest_ind(a - MARGIN, b, equal_var=False, alternative="less").pvalue,
    )
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    return {"difference": float(a.mean() - b.mean()), "low": interval.low, "high": interval.high, "p": float(p)}


def case(space_name: str, device: str, repeats: int, generations: int) -> dict[str, Any]:
    """Run both in turns on one space."""
    space = load_space(space_name)
    problem = Problem(space, official_predictor(space), latency_table(space, device))
    evolution = Evolution(reference_compat=True)
    strategies = {"ofa_reference": OFAReference(evolution), "vanilla": Vanilla(evolution)}
    runs: dict[str, list[tuple[float, list[float]]]] = {name: [] for name in strategies}
    for repeat in range(repeats):
        for name, strategy in strategies.items():
            runs[name].append(run(strategy, problem, generations, repeat))
        message = ", ".join(f"{name} {runs[name][-1][0]:.2f} s {np.mean(runs[name][-1][1]):.3f} %" for name in runs)
        print(f"{space_name} repeat {repeat + 1} of {repeats}: {message}", file=sys.stderr, flush=True)
    means = {name: [float(np.mean(found)) for _, found in done] for name, done in runs.items()}
    seconds = {name: [taken for taken, _ in done] for name, done in runs.items()}
    ratios = [a / b for a, b in zip(seconds["ofa_reference"], seconds["vanilla"], strict=True)]
    by_target = {name: np.mean([found for _, found in done], axis=0).round(3).tolist() for name, done in runs.items()}
    result = {"space": space_name, "device": device, "targets": list(problem.cost.targets), "accuracy": means}
    result |= {"by_target": by_target, "seconds": seconds, "ratio": ratios}
    return result | {"equivalence": equivalence(means["vanilla"], means["ofa_reference"])}


def main() -> None:
    """Run all cases, print one JSON line and a table."""
    given = [int(word) for word in sys.argv[1:]]
    repeats, generations = [*given, *(10, 500)[len(given) :]]
    with threadpool_limits(1):
        cases = [case(space, device, repeats, generations) for space, device in CASES]
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    about = {"repeats": repeats, "generations": generations, "population_size": Evolution().population_size}
    print(json.dumps({"cases": cases, "margin": MARGIN, **about, **machine}))
    for found in cases:
        print(f"\n{found['space']} on {found['device']}, {repeats} repeats, n={generations}")
        for name in ("ofa_reference", "vanilla"):
            accuracy, taken = np.array(found["accuracy"][name]), np.median(found["seconds"][name])
            error = accuracy.std(ddof=1) / np.sqrt(repeats)
            print(f"  {name:14} {accuracy.mean():.3f} +- {error:.3f} %   {taken:8.2f} s (median)")
        test = found["equivalence"]
        interval = f"90 % interval {test['low']:+.3f} to {test['high']:+.3f}"
        print(f"  vanilla - ofa  {test['difference']:+.3f} points, {interval}")
        print(f"  two one-sided tests at +-{MARGIN} points: p = {test['p']:.2g}")
        print(f"  ofa takes {np.median(found['ratio']):.1f} times as long (median of {repeats})")


if __name__ == "__main__":
    main()
