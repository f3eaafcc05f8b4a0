"""All searches of many targets beside ``vanilla``: ``python benchmarks/peers.py [--quick] [--out FILE]``.

MobileNetV3 on the Note10 with OFA's official predictor and the ten default targets, five seeds. Those that search all
targets at once have n·P = 500 · 100 evaluations in all; ``vanilla`` has as many, and as many for each target. Seconds
are of the processor, on one core, one search after another. OFA's official files are needed. It takes a
few minutes.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from figures import figure, machine, markdown, show, versions
from threadpoolctl import threadpool_limits

import ofa_bench as ob
from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.search import Evolution, Problem
from ofa_bench.strategies import (
    NSGA2,
    SMSEMOA,
    SPEA2,
    Budget,
    Differentiable,
    Joint,
    LocalSearch,
    MAPElites,
    RandomSearch,
    Strategy,
    Vanilla,
)

HEAD = ("search", "mean accuracy %", "evaluations", "unique", "gradients", "evaluations, gradients charged", "seconds")

COUNTS = ("evaluations", "unique_evaluations", "gradients")

DEFAULT = Path(__file__).with_name("peers.json")


def strategies(n: int, k: int) -> dict[str, tuple[Strategy, int]]:
    """Return by title the strategies and their generations; n generations, k targets."""
    return {
        "random": (RandomSearch(), n),
        "local_search": (LocalSearch(), n),
        "map_elites": (MAPElites(), n),
        "nsga2": (NSGA2(), n),
        "sms_emoa": (SMSEMOA(), n),
        "spea2": (SPEA2(), n),
        "differentiable": (Differentiable(), n),
        "differentiable, gradients charged": (Differentiable(gradient_cost="measured"), n),
        "joint": (Joint(), n),
        "joint, gradients charged": (Joint(gradient_cost="measured"), n),
        "vanilla, as many evaluations": (Vanilla(Evolution()), n // k - 1),
        "vanilla, n for each target": (Vanilla(Evolution()), n),
    }


def searched(problem: Problem, strategy: Strategy, n: int, seed: int) -> dict[str, float]:
    """Run a search; return its mean accuracy in percent, what it counted, and its seconds."""
    began = time.thread_time()
    found = strategy.search(problem, problem.cost.targets, Budget(n, 1), np.random.default_rng(seed))
    results = [result for _, result in found]
    seconds = time.thread_time() - began
    counted = {key: sum(getattr(one.counts, key) for one in results) for key in COUNTS}
    cost = gradient_cost(problem.space.name, problem.predictor.sha256)
    charged = counted["evaluations"] + counted["gradients"] * cost
    mean = 100 * float(np.mean([one.accuracy for one in results]))
    return {"accuracy": mean, **counted, "charged": charged, "seconds": seconds}


def main() -> None:
    """Search, print and write."""
    parser = argparse.ArgumentParser(description="Compare all searches of many targets.")
    parser.add_argument("--quick", action="store_true", help="try it out; written only with --out")
    parser.add_argument("--out", type=Path, help=f"the JSON file to write ({DEFAULT.name} beside this script)")
    given = parser.parse_args()
    problem = ob.problem("mbv3", predictor="official")
    made: dict[str, Any] = {}
    with threadpool_limits(1):
        for name, (strategy, n) in strategies(20 if given.quick else 500, len(problem.cost.targets)).items():
            runs = [searched(problem, strategy, n, seed) for seed in range(2 if given.quick else 5)]
            made[name] = {key: figure(run[key] for run in runs) for key in runs[0]}
            print(f"{name}: {show(made[name]['accuracy'])}", file=sys.stderr, flush=True)
    out = given.out or (None if given.quick else DEFAULT)
    content = {"quick": given.quick, "machine": machine(), "versions": versions(), "found": made}
    if out:
        out.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown(HEAD, rows(content)))


def rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the texts of the JSON's searches under ``HEAD``, the least accurate first; accuracies are means."""

    def mean(found: dict[str, Any]) -> float:
        return float(np.mean(found["accuracy"]["runs"]))

    return [
        [
            name,
            f"{mean(one):.3f} ± {np.std(one['accuracy']['runs'], ddof=1):.3f}",
            *(f"{one[key]['median']:,.0f}" for key in (*COUNTS, "charged")),
            f"{one['seconds']['median']:.1f}",
        ]
        for name, one in sorted(content["found"].items(), key=lambda item: mean(item[1]))
    ]


if __name__ == "__main__":
    main()
