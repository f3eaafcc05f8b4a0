"""Hypervolume beside OFA²'s published figures: ``python benchmarks/hypervolume.py [--quick] [--out FILE]``.

OFA² (Ito & Von Zuben, arXiv 2303.13683) searches this very problem: MobileNetV3 of width 1.2, latencies of the Note10,
OFA's official predictor, 100,000 evaluations, populations of 100. It reports the hypervolume of latency and error
against the point of 100 ms and 25 %, for one seed. Here are ours by the same definition (pymoo's), of five seeds each
and three sets of networks:

- *front*: all evaluated architectures that no other dominates;
- *100*: of these, the most accurate below each of 100 evenly spaced latencies, as many as OFA²'s population;
- *10*: of these, the most accurate below each of the ten default targets.

OFA's official files are needed (see docs/spaces.md). It takes a few minutes.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import figure, machine, markdown, show, versions
from numpy.typing import NDArray
from pymoo.indicators.hv import HV
from threadpoolctl import threadpool_limits

import ofa_bench as ob
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.records import frontiers
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import Genes
from ofa_bench.strategies import NSGA2, SMSEMOA, SPEA2, Budget, Joint, MAPElites, Strategy, Vanilla

Floats = NDArray[np.float64]

REFERENCE = (100.0, 25.0)
"""Latency in ms and error in percent, as in OFA²."""

PUBLISHED = {"NSGA-II": 751.6, "SMS-EMOA": 722.0, "SPEA2": 758.3}
"""OFA²'s hypervolumes, one seed each (notebook ``ofa2.ipynb`` of ito-rafael/once-for-all-3)."""

SETS = ("front", "100", "10")
HEAD = ("search", *SETS, "evaluations", "gradients", "networks in the front", "seconds")

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
        "sms_emoa": (SMSEMOA(evaluations=evaluations), default, 1),
        "spea2": (SPEA2(evaluations=evaluations), default, 1),
        "map_elites": (MAPElites(evaluations=evaluations), default, 1),
        "map_elites, 100 targets over all latencies": (MAPElites(evaluations=evaluations), whole, 1),
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
    began = time.thread_time()
    results = [result for _, result in strategy.search(watched, targets, Budget(n, 1), np.random.default_rng(seed))]
    seconds = time.thread_time() - began
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
    problem = ob.problem("mbv3", predictor="official")
    made: dict[str, Any] = {}
    with threadpool_limits(1):
        for name, (strategy, targets, n) in strategies(problem, quick=given.quick).items():
            runs = [searched(problem, strategy, targets, n, seed) for seed in range(2 if given.quick else 5)]
            made[name] = {key: figure(run[key] for run in runs) for key in runs[0]}
            print(f"{name}: {show(made[name]['front'])}", file=sys.stderr, flush=True)
    best = frontiers.find(problem)
    known = best and {"front": hypervolume(best.cost, best.accuracy), "size": len(best.cost)}
    out = given.out or (None if given.quick else DEFAULT)
    about = {"quick": given.quick, "machine": machine(), "versions": versions(), "reference": REFERENCE}
    content = {**about, "published": PUBLISHED, "best known": known, "found": made}
    if out:
        out.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown(HEAD, rows(content)))


def rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the texts of the JSON's searches under ``HEAD``."""
    laid_out = [
        [
            name,
            *(f"{one[key]['median']:.1f} ({one[key]['low']:.1f} to {one[key]['high']:.1f})" for key in SETS),
            *(f"{one[key]['median']:,.0f}" for key in ("evaluations", "gradients", "size")),
            f"{one['seconds']['median']:.1f}",
        ]
        for name, one in content["found"].items()
    ]
    if content["best known"]:
        known = content["best known"]
        laid_out.append(["best known", f"{known['front']:.1f}", "", "", "", "", f"{known['size']:,}", ""])
    for name, area in content["published"].items():
        laid_out.append([f"OFA², {name} (published)", "", f"{area:.1f}", "", "100,000", "", "", ""])
    return laid_out


if __name__ == "__main__":
    main()
