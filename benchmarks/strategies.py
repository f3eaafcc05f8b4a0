"""All strategies side by side: ``python benchmarks/strategies.py [--quick] [--out FOLDER] [--again] [space ...]``.

For each space, the command line runs sweeps of 10 repeats on its default device and ten targets, with OFA's official
predictor where there is one: every strategy at its default budget, those that search all targets at once also with
other numbers of evaluations, those that search one target after another also with fewer generations. On ``mbv3`` there
are also sweeps of 100 and 1,000 targets. Records go to ``<out>/records``; what is there already is not run again.

From the records come ``<out>/strategies.json`` (mean accuracy, regret, hypervolume, evaluations and seconds of every
cell, with standard deviations over repeats; evaluations to the mean accuracy of ``vanilla``), tables,
and ``<out>/strategies.png``, accuracy against evaluations. Regret is against the best known now. ``--quick`` runs 2
repeats of tiny budgets. Seconds are of one search after another on one core. ``--again`` searches nothing: it lays out
``<out>/strategies.json`` anew.

Tables and picture charge gradients: evaluations include those that take as long as the gradients, as measured (see
``gradient_cost.py``); those to the mean accuracy of ``vanilla`` are charged at the mean of their cell. The JSON has
evaluations and gradients apart.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anytime import anytime, draw, evaluations_to
from cells import make_problem
from figures import machine, table, versions

from ofa_bench.predictors.gradient_costs import gradient_cost
from ofa_bench.records import frontiers
from ofa_bench.records.model import RECORD, Record
from ofa_bench.records.record import read
from ofa_bench.records.regret import add_regret

SPACES = {"mbv3": "official", "resnet50d": "official", "proxyless": "embedded"}
"""Each space with its predictor."""

CHAINS, SHARED = "vanilla,top_down,bottom_up", "random,local_search,nsga2,joint"

Cell = dict[str, Any]
"""Of one record: what was run, and mean and standard deviation over its repeats of what came out."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare all strategies.")
    parser.add_argument("spaces", nargs="*", metavar="space", help=f"of {', '.join(SPACES)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="try it out in a minute or two")
    parser.add_argument("--again", action="store_true", help="lay out the JSON that is there")
    parser.add_argument("--out", type=Path, default=Path("comparison"), help="folder for records, JSON and picture")
    given = parser.parse_args()
    unknown = [name for name in given.spaces if name not in SPACES]
    if unknown:
        parser.error(f"there is no space {unknown[0]}, only {', '.join(SPACES)}")
    return given


def sweeps(space: str, *, quick: bool) -> list[list[str]]:
    """Return the overrides of each sweep of a space."""
    n, repeats = (20, 2) if quick else (500, 10)
    many, few = ([300], [5, 10]) if quick else ([3_000, 20_000, 100_000], [10, 25, 50, 100, 200])
    common = [f"space={space}", f"predictor={SPACES[space]}", f"repeats={repeats}", f"budget.generations={n}"]
    made = [[*common, f"strategy={CHAINS},{SHARED}"], [*common, "strategy=tpe"]]
    made += [[*common, f"strategy={SHARED}", f"++strategy.evaluations={evaluations}"] for evaluations in many]
    made += [[*common[:3], f"strategy={CHAINS}", f"budget.generations={generations}"] for generations in few]
    if space == "mbv3":
        for k in (20, 50) if quick else (100, 1000):
            targets = ["targets=range", f"targets.count={k}"]
            made.append([*common[:2], *targets, f"strategy={CHAINS},joint", "repeats=3", common[3]])
    return made


def run(overrides: Sequence[str], records: Path) -> None:
    """Run a sweep as a user would; cells that have a record are skipped.

    Raises:
        subprocess.CalledProcessError: a cell failed.
    """
    fixed = ["lockstep=false", "tracking=none", "progress=false", f"output={records}"]
    command = [sys.executable, "-m", "ofa_bench", "-m", *overrides, *fixed]
    print(" ".join(command[1:]), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def compared(record: Record) -> Cell:
    """Sum a record up, with regret against the frontier that is there now."""
    problem = make_problem(record.choices.space, record.choices.device, official=record.choices.predictor == "official")
    same = problem.predictor.sha256 == record.predictor.sha256
    record = add_regret(record, frontiers.find(problem) if same else None)
    repeats = record.repeats
    series = {
        "accuracy": [100 * np.mean([one.accuracy for one in repeat.results]) for repeat in repeats],
        "seconds": [repeat.seconds for repeat in repeats],
    }
    if record.frontier:
        series["regret"] = [100 * np.mean([one.regret for one in repeat.results]) for repeat in repeats]
        series["hypervolume_ratio"] = [repeat.hypervolume_ratio for repeat in repeats]
    for key in ("generations", "evaluations", "unique_evaluations", "gradients"):
        totals = [[getattr(one, key) for one in repeat.results] for repeat in repeats]
        shared = key == "generations" and repeats[0].results[0].shared > 1
        series[key] = [max(values) if shared else sum(values) for values in totals]
    about = {key: getattr(record.choices, key) for key in ("space", "device", "predictor", "strategy")}
    about |= {
        "predictor_sha256": record.predictor.sha256,
        "k": len(record.targets),
        "n": record.budget.generations,
        "repeats": len(repeats),
    }
    about["chosen"] = record.config["strategy"].get("evaluations")
    found = {key: {"mean": float(np.mean(runs)), "std": _std(runs)} for key, runs in series.items()}
    return {**about, **found, "curve": anytime(record)}


def _std(runs: Sequence[float]) -> float:
    return float(np.std(runs, ddof=1)) if len(runs) > 1 else 0.0


def summarize(folder: Path) -> list[Cell]:
    """Sum up all records below a folder, and say when each reached the mean accuracy of vanilla, where it did."""
    records = [read(path.parent) for path in sorted(folder.rglob(RECORD))]
    cells = [compared(record) for record in records]
    for cell, record in zip(cells, records, strict=True):
        longest = max((one for one in cells if _is_vanilla(one, cell)), key=lambda one: one["n"], default=None)
        cell["to_vanilla"] = longest and evaluations_to(record, longest["accuracy"]["mean"] / 100)
    return cells


def _is_vanilla(one: Cell, other: Cell) -> bool:
    return one["strategy"] == "vanilla" and all(one[key] == other[key] for key in ("space", "predictor", "k"))


def charge(cell: Cell) -> float:
    """Return a cell's evaluations with gradients charged, as a multiple of its evaluations."""
    gradients = cell["gradients"]["mean"]
    if not gradients:
        return 1.0
    return 1 + gradient_cost(cell["space"], cell["predictor_sha256"]) * gradients / cell["evaluations"]["mean"]


HEAD = (
    "strategy", "mean accuracy %", "regret", "hypervolume", "evaluations", "unique", "gradients",
    "evaluations, gradients charged", "seconds", "charged evaluations to vanilla's mean",
)  # fmt: skip


def tables(cells: Sequence[Cell]) -> str:
    """Lay out one table for each space and number of targets, the most accurate last."""
    laid_out = []
    for space, k in sorted(
        {(cell["space"], cell["k"]) for cell in cells}, key=lambda at: (list(SPACES).index(at[0]), at[1])
    ):
        of_one = sorted(
            (cell for cell in cells if (cell["space"], cell["k"]) == (space, k)),
            key=lambda cell: cell["accuracy"]["mean"],
        )
        laid_out.append(table(f"{space}, {k} targets", HEAD, map(row, of_one)))
    return "\n".join(laid_out)


def row(cell: Cell) -> list[str]:
    """Return the texts of a cell under ``HEAD``."""
    name = cell["strategy"] + (f" {cell['chosen']:,}" if cell["chosen"] else f" n={cell['n']}")
    counts = [f"{cell[key]['mean']:,.0f}" for key in ("evaluations", "unique_evaluations", "gradients")]
    reached = cell["to_vanilla"] or {"median": None, "reached": 0}
    charged = charge(cell)
    to_vanilla = f"{charged * reached['median']:,.0f}" if reached["median"] else "never"
    return [
        name,
        f"{cell['accuracy']['mean']:.3f} ± {cell['accuracy']['std']:.3f}",
        *(f"{cell[key]['mean']:.4f}" if key in cell else "unknown" for key in ("regret", "hypervolume_ratio")),
        *counts,
        f"{charged * cell['evaluations']['mean']:,.0f}",
        f"{cell['seconds']['mean']:.2f}",
        f"{to_vanilla} ({reached['reached']} of {cell['repeats']} repeats)",
    ]


def main() -> None:
    """Run what is missing, then sum everything up."""
    given = arguments()
    path = given.out / "strategies.json"
    if not given.again:
        for space in given.spaces or SPACES:
            for overrides in sweeps(space, quick=given.quick):
                run(overrides, given.out / "records")
        about = {"quick": given.quick, "machine": machine(), "versions": versions()}
        cells = summarize(given.out / "records")
        path.write_text(json.dumps({**about, "cells": cells}, indent=1) + "\n")
    cells = json.loads(path.read_text())["cells"]
    draw([{**cell, "charge": charge(cell)} for cell in cells], given.out / "strategies.png")
    print(tables(cells))


if __name__ == "__main__":
    main()
