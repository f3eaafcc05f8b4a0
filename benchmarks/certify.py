"""Prove how accurate an architecture can be at most: ``python benchmarks/certify.py space=resnet50d device=macs``.

For each target, the most accurate architecture by a small predictor is the optimum of a mixed-integer program, which
HiGHS solves (``scipy.optimize.milp``): once for each resolution, the most promising first, each time asking for more
than the best so far, which starts from the best-known frontier. Hidden units are first pruned to within ``BUDGET``.

Options, ``key=value``: ``space``, ``device``, ``predictor``; ``targets=default`` (the device's own), ``grid`` (those of
``ofa_bench frontier``) or numbers (``targets=[531,747]``); ``seconds`` for each resolution of each target.
Better architectures are evaluated by the predictor and raise the frontier, which must be there. In its file, ``bounds``
has by target the proven ``upper`` bound of accuracy (a fraction of 1; to the solver's tolerance of 1e-6), and whether
the best known is ``certified``: within ``GAP`` of it. One JSON line is printed a target.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from certify_network import Attempt, Columns, Part

from ofa_bench.commands.cli.main import run_module
from ofa_bench.commands.cli.registry import Command
from ofa_bench.errors import InputError
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import OneHotMLP, embedded_predictor, latency_table, official_predictor
from ofa_bench.predictors.pruning import ExactLayer, first_interval, prune
from ofa_bench.records import frontiers
from ofa_bench.records.frontiers import Frontier, confirm
from ofa_bench.records.improve_frontier import fine_grid, improve_frontier, improvements
from ofa_bench.search import Problem
from ofa_bench.spaces import DesignSpace

GAP = 1e-5
"""A best known accuracy this close to its bound is certified: 0.001 points."""


@dataclass
class Options:
    """What can be set on the command line."""

    space: str = "resnet50d"
    device: str = "cpu_onnx"
    predictor: str = "official"
    targets: Any = "default"
    seconds: float = 600.0


def network(space: DesignSpace, predictor: str) -> tuple[OneHotMLP, Columns, list[ExactLayer]]:
    """Load a predictor: itself, its columns, and its layers in float64 without units that are constant.

    Raises:
        InputError: it is no perceptron over the space's own genes.
    """
    made = (official_predictor if predictor == "official" else embedded_predictor)(space)
    if not isinstance(made, OneHotMLP):
        raise InputError(f"space={space.name}: its predictor is another space's")
    columns = made.columns
    layers = [(weight.astype(np.float64), bias.astype(np.float64)) for weight, bias in made.layers]
    distinct = {name: [at[i] for i in space.genes[space.index[name]].distinct] for name, at in columns.items()}
    return made, columns, prune(first_interval(space, distinct, layers[0]), layers)[0]


def certify(
    problem: Problem, parts: Sequence[Part], target: float, known: Frontier, seconds: float
) -> tuple[float, Frontier]:
    """Bound the accuracy within a target (a fraction of 1), and give the frontier with what was found on the way."""
    best = known.best_known(target)
    assert best is not None
    attempts = [Attempt(part, problem, target, 100 * best) for part in parts]
    promising = sorted(((attempt.relaxed(), i) for i, attempt in enumerate(attempts)), reverse=True)
    upper = 100 * best
    for bound, i in promising:
        best = known.best_known(target) or 0.0
        if bound <= 100 * best:
            continue
        bound, genes = Attempt(parts[i], problem, target, 100 * best).solve(seconds)
        upper = max(upper, bound)
        if genes is not None:
            known = improve_frontier(problem, known, genes[None])
    return max(upper / 100, known.best_known(target) or 0.0), known


def noted(known: Frontier, before: Frontier, target: float, upper: float) -> Frontier:
    """Return a frontier with one more bound, and its next version if it rose above what it was."""
    uppers = {one["target"]: one["upper"] for one in known.about.get("bounds", ())} | {target: upper}
    bounds = [
        {"target": at, "upper": bound, "certified": bound - (known.best_known(at) or 0.0) <= GAP}
        for at, bound in sorted(uppers.items())
    ]
    about = {**known.about, "bounds": bounds}
    if improvements(before, known).size and known.version == before.version:
        made_by = " ".join(["python benchmarks/certify.py", *sys.argv[1:]])
        card = {**about["card"], "made": [*about["card"]["made"], {"version": known.version + 1, "by": made_by}]}
        about |= {"date": date.today().isoformat(), "card": card}
        return replace(known, version=known.version + 1, about=about)
    return replace(known, about=about)


def run(options: Options, _: Sequence[str]) -> Iterator[str]:
    """Certify each target, from the greatest down, and write the frontier's file after each; yield a line for each.

    Raises:
        InputError: an option is wrong, or there is no frontier.
    """
    space = load_space(options.space)
    predictor, columns, layers = network(space, options.predictor)
    problem = Problem(space, predictor, latency_table(space, options.device))
    path = frontiers.FOLDER / space.name / options.device / f"{options.predictor}.json"
    known = before = confirm(frontiers.read(path, space), problem)
    targets = {"default": problem.cost.targets, "grid": fine_grid(problem.cost, 250)}.get(
        str(options.targets), options.targets
    )
    if not isinstance(targets, Sequence) or isinstance(targets, str):
        raise InputError(f"targets={options.targets}: must be default, grid or a list, such as [25]")
    gene = space.genes[0]  # the resolution, on which all costs depend
    parts = [Part.of(space, columns, layers, gene.name, choice) for choice in sorted(set(gene.distinct))]
    upper = 1.0
    for target in sorted(map(float, targets), reverse=True):
        began = time.monotonic()
        if upper - (known.best_known(target) or 0.0) > GAP:  # what bounds a greater target bounds this one
            upper, known = certify(problem, parts, target, known, options.seconds)
        known = noted(known, before, target, upper)
        frontiers.write(path, known)
        bound = next(one for one in known.about["bounds"] if one["target"] == target)
        message = {**bound, "best_known": known.best_known(target), "seconds": round(time.monotonic() - began, 1)}
        yield json.dumps(message)


if __name__ == "__main__":
    run_module(sys.modules["__main__"], sys.argv[1:], Command("", ""))
