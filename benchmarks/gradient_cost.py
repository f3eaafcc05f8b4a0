"""The cost of a gradient in evaluations: ``python benchmarks/gradient_cost.py [--quick] [--new] [--shares] [--out F]``.

For each predictor of the package, a run of ``strategy=joint`` is recorded: the architectures that it evaluated in each
call, and those at which it took the gradient and the gains of all single changes. The calls are then made again, in
rounds and in the run's order: gradients and evaluations in the run's own batches, and in between the same evaluations
in batches of 100, as ``nsga2`` makes them. Seconds are of the processor, on one core. The ``cost`` of a gradient is its
seconds divided by those of an evaluation in the run's own batches; ``cost_by_batches_of_100`` is larger, because
evaluations are cheaper there. OFA's official files are needed. The file has all rounds, their median,
least and most; by default it is the one that tables, figures and ``strategy.gradient_cost=measured`` read. ``--new``
measures only predictors that it does not have, and adds them; one that the package had earlier stays for its records.

``--shares`` measures instead what part of the seconds of a whole run goes to evaluations, gradients, cost look-ups in
calls of their own, and the rest, for ``joint`` and, for comparison, ``vanilla`` and ``nsga2``.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, figure, machine, markdown, ratio, show, table, versions
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import ofa_bench as ob
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.predictors.gradient_costs import FILE
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import Genes
from ofa_bench.strategies import NSGA2, Budget, Joint, Strategy, Vanilla

HEAD = ("predictor", "cost of a gradient, evaluations", "in batches of 100", "a gradient, µs", "an evaluation, µs")

BATCH = 100
EVALUATIONS = 6000
ROUNDS = 15


def problems(*, quick: bool) -> Iterator[tuple[str, Problem]]:
    """Yield each predictor's name and a problem with it, on the space's default device."""
    if quick:
        yield "mbv3, embedded", ob.problem("mbv3", predictor="embedded")
        return
    for space in ("mbv3", "mbv3_w1.0"):
        yield f"{space}, measured", ob.problem(space, predictor="measured")
    yield "proxyless, embedded and measured", ob.problem("proxyless", predictor="measured")
    for space in ("mbv3", "resnet50d"):
        yield f"{space}, embedded", ob.problem(space, predictor="embedded")
        yield f"{space}, official", ob.problem(space, predictor="official")
        for member in (1, 2, 3, 4):
            yield f"{space}, member {member}", ob.problem(space, predictor="member", member=member)
    for predictor in ("embedded", "official"):
        yield f"compofa (elastic), {predictor}", ob.problem("compofa", kernels="elastic", predictor=predictor)


class Timed:
    """Sums up the processor's seconds of calls, and the rows of their first arguments."""

    seconds, rows = 0.0, 0

    def __call__(self, call: Callable[..., Any], *arguments: Genes) -> Any:
        """Make a call."""
        began = time.thread_time()
        made = call(*arguments)
        self.seconds += time.thread_time() - began
        self.rows += len(arguments[0])
        return made


class Recorder(AccuracyPredictor):
    """Keeps the arguments of the calls that a search makes of a predictor, and their seconds."""

    def __init__(self, predictor: AccuracyPredictor) -> None:
        self.predictor, self.name, self.sha256 = predictor, predictor.name, predictor.sha256
        self.order: list[tuple[str, tuple[Genes, ...]]] = []
        self.evaluations, self.gradients = Timed(), Timed()

    def rows(self, method: str) -> list[Genes]:
        """Return the architectures of each call of a method."""
        return [rows[0] for called, rows in self.order if called == method]

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Predict as the recorded predictor does."""
        self.order.append(("accuracy", (genes,)))
        return self.evaluations(self.predictor.accuracy, genes)

    def single_gains(self, genes: Genes) -> NDArray[np.float32] | None:
        """Estimate as the recorded predictor does."""
        if self.predictor.single_gains(genes[:0]) is None:
            return None
        self.order.append(("single_gains", (genes,)))
        return self.gradients(self.predictor.single_gains, genes)

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32] | None:
        """Estimate as the recorded predictor does."""
        self.order.append(("linearised", (genes, changed)))
        return self.gradients(self.predictor.linearised, genes, changed)


def recorded(problem: Problem, strategy: Strategy, budget: Budget, seed: int = 0) -> tuple[Recorder, float]:
    """Run a strategy on the device's own targets; return its calls and its seconds."""
    recorder = Recorder(problem.predictor)
    watched = Problem(problem.space, recorder, problem.cost, problem.keep)
    began = time.thread_time()
    for _ in strategy.search(watched, problem.cost.targets, budget, np.random.default_rng(seed)):
        pass
    return recorder, time.thread_time() - began


def cost_of(name: str, problem: Problem, rounds: int) -> dict[str, Any]:
    """Measure the cost of a predictor's gradient."""
    calls, _ = recorded(problem, Joint(evaluations=EVALUATIONS), Budget(1, 1))
    predictor, rows = problem.predictor, np.concatenate(calls.rows("accuracy"))
    seconds: dict[str, list[float]] = {"gradient": [], "evaluation": [], "evaluation_in_batches_of_100": []}
    for _ in range(rounds):
        gradient, own, hundred = (Timed() for _ in range(3))
        done = 0
        for method, rows_of_call in calls.order:
            if method != "accuracy":
                gradient(getattr(predictor, method), *rows_of_call)
                continue
            own(predictor.accuracy, *rows_of_call)
            while done + BATCH <= own.rows:
                hundred(predictor.accuracy, rows[done : done + BATCH])
                done += BATCH
        for key, timed in zip(seconds, (gradient, own, hundred), strict=True):
            seconds[key].append(timed.seconds / timed.rows)
    return {
        "title": name,
        "space": problem.space.name,
        "predictor": predictor.name,
        "sha256": predictor.sha256,
        "gradients_in_a_call": calls.gradients.rows / (len(calls.order) - len(calls.rows("accuracy"))),
        "evaluations_in_a_call": calls.evaluations.rows / len(calls.rows("accuracy")),
        "seconds": {key: rounded(np.median(runs)) for key, runs in seconds.items()},
        "cost": costs(seconds["gradient"], seconds["evaluation"]),
        "cost_by_batches_of_100": costs(seconds["gradient"], seconds["evaluation_in_batches_of_100"]),
    }


def costs(above: Sequence[float], below: Sequence[float]) -> Figure:
    """Sum up the ratios of all rounds."""
    return figure(rounded(run) for run in ratio(above, below)["runs"])


def rounded(value: float) -> float:
    """Return four significant digits."""
    return float(f"{value:.4g}")


def shares(problem: Problem, strategy: Strategy, seed: int) -> dict[str, float]:
    """Measure the parts of a run at the default budget: seconds in all, and of them those of each kind of call."""
    timed, cost = Timed(), problem.cost
    look_up = cost.cost
    cost.cost = lambda genes: timed(look_up, genes)  # type: ignore[method-assign]
    try:
        calls, seconds = recorded(problem, strategy, Budget(500, 23), seed)
    finally:
        del cost.cost
    parts = {"evaluations": calls.evaluations.seconds, "gradients": calls.gradients.seconds, "costs": timed.seconds}
    return {"seconds": seconds, **parts, "rest": seconds - sum(parts.values())}


def show_shares(*, quick: bool) -> str:
    """Lay out where the seconds of strategies go: medians of repeats that took turns."""
    rows = []
    for name in ("mbv3", "resnet50d", "proxyless")[: 1 if quick else None]:
        problem = ob.problem(name, predictor="embedded" if quick or name == "proxyless" else "official")
        strategies = {"vanilla": Vanilla(Evolution()), "nsga2": NSGA2(), "joint": Joint()}
        runs: dict[str, list[dict[str, float]]] = {key: [] for key in strategies}
        for seed in range(1 if quick else 3):
            for key, strategy in strategies.items():
                runs[key].append(shares(problem, strategy, seed))
        for key, made in runs.items():
            parts = [np.median([100 * one[part] / one["seconds"] for one in made]) for part in list(made[0])[1:]]
            seconds = np.median([one["seconds"] for one in made])
            rows.append([f"{name}, {key}", f"{seconds:.2f}", *(f"{part:.0f} %" for part in parts)])
    return table("seconds", ["", "s", "evaluations", "gradients", "costs", "rest"], rows)


def rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the texts of the JSON's predictors under ``HEAD``."""
    return [
        [
            one["title"],
            *(show(one[key]) for key in ("cost", "cost_by_batches_of_100")),
            f"{1e6 * one['seconds']['gradient']:.0f}",
            f"{1e6 * one['seconds']['evaluation']:.1f}",
        ]
        for one in content["predictors"]
    ]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure the cost of gradients.")
    parser.add_argument("--quick", action="store_true", help="try it out; written only with --out")
    parser.add_argument("--new", action="store_true", help="add the predictors that the file does not have")
    parser.add_argument("--shares", action="store_true", help="show where seconds go instead")
    parser.add_argument("--out", type=Path, help=f"the JSON file to write ({FILE.name} of the package)")
    given = parser.parse_args()
    with threadpool_limits(1):
        if given.shares:
            print(show_shares(quick=given.quick))
            return
        found = json.loads(FILE.read_text())["predictors"] if given.new else []
        known = {(one["space"], one["sha256"]) for one in found}
        for name, problem in problems(quick=given.quick):
            if (problem.space.name, problem.predictor.sha256) in known:
                continue
            found.append(cost_of(name, problem, 2 if given.quick else ROUNDS))
            print(f"{name}: {show(found[-1]['cost'])}", file=sys.stderr, flush=True)
    out = given.out or (None if given.quick else FILE)
    content = {"quick": given.quick, "machine": machine(), "versions": versions(), "predictors": found}
    if out:
        out.write_text(json.dumps(content, indent=1) + "\n")
    print(markdown(HEAD, rows(content)))


if __name__ == "__main__":
    main()
