"""Hypervolume beside OFA²'s published figures: ``python benchmarks/hypervolume.py [--quick] [--out FILE]``.

OFA² (Ito & Von Zuben, arXiv 2303.13683) searches this very problem: MobileNetV3 of width 1.2, latencies of the Note10,
OFA's official predictor, 100,000 evaluations, populations of 100. It reports the hypervolume of latency and error
against the point of 100 ms and 25 %, for one seed. Here are ours by the same definition (pymoo's), of ten seeds each
and three sets of networks:

- *front*: all evaluated architectures that no other dominates;
- *100*: of these, the most accurate below each of 100 evenly spaced latencies, as many as OFA²'s population;
- *10*: what the searches report, the winners of the ten default targets.

OFA's official files are needed (see README.md). It takes a few minutes.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import figure, machine, show, table, versions
from numpy.typing import NDArray
from pymoo.indicators.hv import HV
from threadpoolctl import threadpool_limits

import ofa_bench as ob
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.records import frontiers
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import Genes
from ofa_bench.strategies import NSGA2, Budget, Joint, Strategy, Vanilla

Floats = NDArray[np.float64]

REFERENCE = (100.0, 25.0)
"""Latency in ms and error in percent, as in OFA²."""

PUBLISHED = {"NSGA-II": 751.6, "SMS-EMOA": 722.0, "SPEA2": 758.3}
"""OFA²'s hypervolumes, one seed each (notebook ``ofa2.ipynb`` of ito-rafael/once-for-all-3)."""

DEFAULT = Path(__file__).with_name("hypervolume.json")
WANTED = 100


class Recorder(AccuracyPredictor):
    """Keeps all architectures that a search evaluates, with their accuracies."""

    def __init__(self, predictor: AccuracyPredictor) -> None:
        self.predictor, self.name, self.sha256 = predictor, predictor.name, predictor.sha256
        self.genes: list[Genes] = []
        self.accuracies: list[Floats] = []

    def accuracy(self, genes: Genes) -> Floats:
        """Predict as the recorded predictor does."""
        self.genes.append(genes.copy())
        self.accuracies.append(self.predictor.accuracy(genes))
        return self.accuracies[-1]

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32] | None:
        """Estimate as the recorded predictor does."""
        return self.predictor.linearised(genes, changed)


def strategies(problem: Problem, *, quick: bool) -> dict[str, tuple[Strategy, Sequence[float], int]]:
    """Return by title the strategies, with their targets and generations."""
    evaluations, default = 2_000 if quick else 100_000, problem.cost.targets
    whole = np.linspace(problem.cost.minimum, problem.cost.maximum, WANTED).tolist()
    charged = Joint(evaluations=evaluations, gradient_cost="measured")
    return {
        "nsga2": (NSGA2(evaluations=evaluations), default, 1),
        "joint": (Joint(evaluations=evaluations), default, 1),
        "joint, gradients charged": (charged, default, 1),
        "joint, gradients charged, 100 targets over all latencies": (charged, whole, 1),
        "vanilla, as many evaluations": (Vanilla(Evolution()), default, evaluations // 1000 - 1),
        "vanilla": (Vanilla(Evolution()), default, 10 if quick else 500),
    }


def hypervolume(cost: Floats, accuracy: Floats) -> float:
    """Return the area that architectures dominate up to ``REFERENCE``, in ms times percent."""
    return float(HV(ref_point=np.array(REFERENCE))(np.stack([cost, 100 - 100 * accuracy], axis=1)))


def front(cost: Floats, accuracy: Floats) -> tuple[Floats, Floats]:
    """Return cost and accuracy of those that no other dominates, by ascending cost."""
    kept = frontiers.staircase(cost, accuracy)
    return cost[kept], accuracy[kept]


def below(cost: Floats, accuracy: Floats, latencies: Floats) -> tuple[Floats, Floats]:
    """Return those of a front that are the most accurate below each latency."""
    places = np.searchsorted(cost, latencies, side="right") - 1
    kept = np.unique(places[places >= 0])
    return cost[kept], accuracy[kept]


def searched(problem: Problem, strategy: Strategy, targets: Sequence[float], n: int, seed: int) -> dict[str, float]:
    """Run a search; return its hypervolumes, evaluations, gradients and seconds."""
    recorder = Recorder(problem.predictor)
    watched = Problem(problem.space, recorder, problem.cost, problem.keep)
    began = time.perf_counter()
    results = [result for _, result in strategy.search(watched, targets, Budget(n, 1), np.random.default_rng(seed))]
    seconds = time.perf_counter() - began
    accuracy = np.concatenate(recorder.accuracies)
    found = front(problem.cost.cost(np.concatenate(recorder.genes)), accuracy)
    latencies = np.linspace(problem.cost.minimum, problem.cost.maximum, WANTED)
    ten = below(*found, np.array(problem.cost.targets))
    counted = {key: sum(getattr(one.counts, key) for one in results) for key in ("evaluations", "gradients")}
    sets = {"front": found, "100": below(*found, latencies), "10": ten}
    areas = {key: hypervolume(*one) for key, one in sets.items()}
    return {**areas, **counted, "size": len(found[0]), "seconds": seconds}


def main() -> None:
    """Search, print and write."""
    parser = argparse.ArgumentParser(description="Compare hypervolumes with OFA²'s.")
    parser.add_argument("--quick", action="store_true", help="try it out; written only with --out")
    parser.add_argument("--out", type=Path, help=f"the JSON file to write ({DEFAULT.name} beside this script)")
    given = parser.parse_args()
    problem, rows = ob.problem("mbv3", predictor="official"), []
    made: dict[str, Any] = {}
    with threadpool_limits(1):
        for name, (strategy, targets, n) in strategies(problem, quick=given.quick).items():
            runs = [searched(problem, strategy, targets, n, seed) for seed in range(2 if given.quick else 10)]
            made[name] = {key: figure(run[key] for run in runs) for key in runs[0]}
            print(f"{name}: {show(made[name]['front'])}", file=sys.stderr, flush=True)
    for name, one in made.items():
        counts = [f"{one[key]['median']:,.0f}" for key in ("evaluations", "gradients", "size")]
        rows.append([name, *(show_two(one[key]) for key in ("front", "100", "10")), *counts])
    best = frontiers.find(problem)
    if best:
        known = hypervolume(np.array(best.cost), np.array(best.accuracy))
        made["best known"] = known
        rows.append(["best known", f"{known:.1f}", "", "", "", "", f"{len(best.cost):,}"])
    rows += [
        [f"OFA², {name} (published)", "", f"{area:.1f}", "", "100,000", "", ""] for name, area in PUBLISHED.items()
    ]
    out = given.out or (None if given.quick else DEFAULT)
    if out:
        about = {"quick": given.quick, "machine": machine(), "versions": versions(), "reference": REFERENCE}
        out.write_text(json.dumps({**about, "published": PUBLISHED, "found": made}, indent=1) + "\n")
    print(table("", ["", "front", "100", "10", "evaluations", "gradients", "networks in the front"], rows))


def show_two(found: dict[str, Any]) -> str:
    """Write the median, the least and the most, with one decimal."""
    return f"{found['median']:.1f} ({found['low']:.1f} to {found['high']:.1f})"


if __name__ == "__main__":
    main()
