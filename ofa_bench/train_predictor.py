"""``python -m ofa_bench.train_predictor``: train, judge and write the embedded accuracy predictor of a space.

Keys are given as ``key=value``: ``space``, ``device``, ``hidden``, ``seconds``, ``repeats``, ``seed``, ``threads``,
``out``. It needs OFA's official predictor as the teacher. The card written beside the weights says how far the student
is off on uniform samples and on the frontier, and what a search on it loses when the teacher scores what it found.
"""

import json
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.config import load_space
from ofa_bench.errors import InputError
from ofa_bench.limits import REPEATS, THREADS, check_range
from ofa_bench.predictors import AccuracyPredictor, CostTable, OneHotMLP, latency_table, official_predictor
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.words import check_folder, ending, heed_full_error, options_of, show_help

__all__ = ["Options", "main", "train"]

SAMPLES = 50_000

WIDEST = 10_000
"""The widest hidden layer."""


@dataclass
class Options:
    """What can be set on the command line. Training lasts ``seconds``, so that its bytes depend on the machine."""

    space: str = "mbv3"
    device: str = "note10"
    hidden: list[int] = field(default_factory=lambda: [256, 256])
    seconds: float = 2400.0
    repeats: int = 10
    seed: int = 0
    threads: int = 1
    out: str = str(Path(__file__).parent / "data" / "predictors")

    def check(self) -> None:
        """Raise InputError where a value is out of range."""
        check_range("seconds", self.seconds, 1, 10**7)
        check_range("repeats", self.repeats, 2, REPEATS)
        check_range("seed", self.seed, 0, np.inf)
        check_range("threads", self.threads, 1, THREADS)
        check_folder("out", Path(self.out))
        if not self.hidden or min(self.hidden) < 1 or max(self.hidden) > WIDEST:
            raise InputError(f"hidden={self.hidden}: must be one or more layer widths of 1 to {WIDEST:,}")


SEARCHES = {"vanilla": (Evolution(), 500), "stronger": (Evolution(population_size=500), 250)}
"""Searches by which a student is judged, with their generations: OFA's own, and one of larger populations."""


def judge(
    teacher: AccuracyPredictor, student: OneHotMLP, cost: CostTable, space: DesignSpace, repeats: int, seed: int
) -> dict[str, Any]:
    """Compare a student with its teacher; errors, losses and overestimates are in percentage points of accuracy.

    The same searches, for the device's default targets, run on both from the same random streams. ``loss`` is the
    teacher's accuracy of what a search on the teacher found, less that of what the search on the student found;
    ``overestimate`` is the student's accuracy of what it found, less the teacher's.
    """
    uniform = space.sample(SAMPLES, np.random.default_rng([seed, 1]))
    frontier: list[Genes] = []
    searches = {}
    for name, (evolution, generations) in SEARCHES.items():
        loss, over = np.zeros((2, len(cost.targets), repeats))
        for i, repeat in np.ndindex(loss.shape):
            of_teacher, of_student = (
                evolution.search(
                    Problem(space, guide, cost).evaluator(),
                    cost.targets[i],
                    generations,
                    np.random.default_rng([seed, round(cost.targets[i]), repeat]),
                )
                for guide in (teacher, student)
            )
            true = teacher.accuracy(of_student.genes[None])[0]
            loss[i, repeat] = 100 * ((of_teacher.accuracy or 0.0) - true)
            over[i, repeat] = 100 * ((of_student.accuracy or 0.0) - true)
            frontier += [found.population[:25] for found in (of_teacher, of_student) if found.population is not None]
        searches[name] = {
            "population_size": evolution.population_size,
            "generations": generations,
            "repeats": repeats,
            "targets": list(cost.targets),
            "mean_loss": round(float(loss.mean()), 4),
            "mean_loss_standard_error": round(float(loss.std(ddof=1) / np.sqrt(loss.size)), 4),
            "loss_by_target": np.round(loss.mean(axis=1), 4).tolist(),
            "mean_overestimate": round(float(over.mean()), 4),
        }
    met = np.unique(space.canonical(np.concatenate(frontier)), axis=0)
    return {
        "uniform_samples": _errors(teacher, student, uniform),
        "frontier": _errors(teacher, student, met),
        "searches": searches,
    }


def _errors(teacher: AccuracyPredictor, student: AccuracyPredictor, genes: Genes) -> dict[str, float]:
    from scipy.stats import spearmanr

    wanted, given = teacher.accuracy(genes), student.accuracy(genes)
    off = 100 * (given - wanted)
    return {
        "architectures": len(genes),
        "rmse": round(float(np.sqrt(np.mean(off**2))), 4),
        "bias": round(float(off.mean()), 4),
        "largest": round(float(np.abs(off).max()), 4),
        "rank_correlation": round(float(spearmanr(wanted, given).statistic), 5),
    }


def main() -> None:
    """Read the options, train, and write ``<space>.npz`` and ``<space>.json`` into ``out``."""
    show_help(__doc__, Options())
    heed_full_error()
    with ending():
        options = options_of(Options, sys.argv[1:])
        options.check()
        print(json.dumps(train(options), indent=1))


def train(options: Options) -> dict[str, Any]:
    """Train, judge and write a predictor; return its errors.

    Raises:
        InputError: there is no such space or device, or no official predictor of the space.
        OSError: the folder cannot be written.
    """
    space = load_space(options.space)
    cost, teacher, out = latency_table(space, options.device), official_predictor(space), Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    import torch
    from threadpoolctl import threadpool_limits

    from ofa_bench.distill import Distillation

    torch.set_num_threads(options.threads)
    with threadpool_limits(options.threads):
        training = Distillation(
            space, teacher, cost, hidden=options.hidden, seconds=options.seconds, seed=options.seed, report=_report
        )
        student = training.run().predictor()
        errors = judge(teacher, student, cost, space, options.repeats, options.seed + 1)
    card = {
        "title": f"Accuracy predictor of space {space.name}, distilled from OFA's official one",
        "note": "It repeats the official predictor, not ImageNet accuracy; errors are in percentage points against it",
        "teacher": {"name": teacher.name, "sha256": teacher.sha256},
        "hidden": list(options.hidden),
        "parameters": sum(weight.size + bias.size for weight, bias in student.layers),
        "made_by": " ".join(["python -m ofa_bench.train_predictor", *_asked()]),
        "training": {"seconds": options.seconds, "batches": training.steps, "batch": training.batch},
        "date": date.today().isoformat(),
        "errors": errors,
    }
    arrays: dict[str, Any] = {}
    for i, (weight, bias) in enumerate(student.layers):
        arrays |= {f"weight{i}": weight, f"bias{i}": bias}
    np.savez_compressed(out / f"{space.name}.npz", **arrays)
    (out / f"{space.name}.json").write_text(json.dumps(card, indent=1) + "\n")
    return errors


def _asked() -> list[str]:
    """Give the options of the command line that change the weights."""
    return [option for option in sys.argv[1:] if not option.startswith("out=")]


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
