"""Tables of strategies, from the results of benchmarks."""

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from earlier_predictors import with_note

from ofa_bench.predictors.gradient_costs import FILE
from ofa_bench.records.tables import Table, markdown

__all__ = ["gradient_costs", "hypervolumes", "many_targets", "peers", "strategies", "untuned"]

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))

SPACES = ("mbv3", "resnet50d", "proxyless")
ORDER = ("vanilla", "top_down", "bottom_up", "tpe", "random", "local_search", "nsga2", "joint")

Cell = dict[str, Any]


def _cells() -> list[Cell]:
    found: list[Cell] = json.loads((BENCHMARKS / "strategies.json").read_text())["cells"]
    return found


def _chosen(keep: Callable[[Cell], bool]) -> list[Cell]:
    """Return the cells of ten targets to show, by space, strategy and evaluations."""
    found = [cell for cell in _cells() if cell["k"] == 10 and cell["n"] == 500 and keep(cell)]

    def order(cell: Cell) -> tuple[int, int, float]:
        return SPACES.index(cell["space"]), ORDER.index(cell["strategy"]), cell["evaluations"]["mean"]

    return sorted(found, key=order)


def _table(cells: Sequence[Cell]) -> str:
    from strategies import HEAD, row

    rows = []
    for cell in cells:
        chosen = f", {cell['chosen']:,}" if cell["chosen"] else ""
        rows.append((f"`{cell['space']}`", f"`{cell['strategy']}`{chosen}", *row(cell)[1:]))
    table = markdown(Table("", ("space", *HEAD), tuple(rows), left=2))
    return with_note(table, {cell["predictor_sha256"] for cell in cells})


def strategies() -> str:
    """Return all strategies at their default budgets and others."""
    shared = ("nsga2", "joint")
    return _table(_chosen(lambda cell: not cell["chosen"] or cell["strategy"] in shared))


def many_targets() -> str:
    """Return accuracy, regret, evaluations and seconds by the number of targets."""
    cells = [cell for cell in _cells() if cell["space"] == "mbv3" and cell["n"] == 500 and not cell["chosen"]]
    numbers = sorted({cell["k"] for cell in cells})
    names = [name for name in ORDER if len({cell["k"] for cell in cells if cell["strategy"] == name}) == len(numbers)]
    rows = []
    for name in names:
        of_k = {cell["k"]: cell for cell in cells if cell["strategy"] == name}
        shown = [f"{of_k[k]['accuracy']['mean']:.2f} ({of_k[k]['regret']['mean']:.2f})" for k in numbers]
        evaluations = " / ".join(f"{of_k[k]['evaluations']['mean']:,.0f}" for k in numbers)
        seconds = " / ".join(f"{of_k[k]['seconds']['mean']:.2f}" for k in numbers)
        repeats = " / ".join(str(of_k[k]["repeats"]) for k in numbers)
        rows.append((f"`{name}`", *shown, evaluations, seconds, repeats))
    heads = ("strategy", *(f"k={k:,}" for k in numbers), "evaluations", "seconds", "repeats")
    return markdown(Table("", heads, tuple(rows)))


def untuned() -> str:
    """Return ``joint`` beside ``nsga2`` and ``vanilla`` on problems it was not made on."""
    path = BENCHMARKS / "untuned.json"
    used = {problem["predictor_sha256"] for problem in json.loads(path.read_text())["problems"]}
    return with_note(_laid_out("untuned", path), used)


def gradient_costs() -> str:
    """Return the cost of gradients by predictor."""
    return _laid_out("gradient_cost", FILE)


def hypervolumes() -> str:
    """Return hypervolumes beside those of OFA²."""
    return _laid_out("hypervolume", BENCHMARKS / "hypervolume.json")


def peers() -> str:
    """Return all searches of many targets beside ``vanilla``."""
    return _laid_out("peers", BENCHMARKS / "peers.json")


def _laid_out(benchmark: str, path: Path) -> str:
    """Return the table that a benchmark makes of its results."""
    figures, made = importlib.import_module("figures"), importlib.import_module(benchmark)
    text: str = figures.markdown(made.HEAD, made.rows(json.loads(path.read_text())))
    return text
