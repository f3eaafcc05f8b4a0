"""``python -m ofa_bench.train_predictor``: train, judge and write the embedded accuracy predictor of a space.

Keys are given as ``key=value``: ``device``, ``hidden``, ``seconds``, ``repeats``, ``seed``, ``threads``, ``out``. It
needs OFA's official predictor as the teacher. The card written beside the weights says how far the student is off on
uniform samples and on the frontier, and what a search on it loses when the teacher scores what it found.
"""

import json
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from ofa_bench.distill import Distillation
from ofa_bench.predictors import AccuracyPredictor, CostTable, OneHotMLP, latency_table, official_predictor
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import DesignSpace, MobileNetV3Space
from ofa_bench.words import explain

__all__ = ["main"]

TARGETS = tuple(range(15, 61, 5))
SAMPLES = 50_000


@dataclass
class Options:
    """What can be set on the command line; ``seconds`` of training with one of ``threads``."""

    device: str = "note10"
    hidden: list[int] = field(default_factory=lambda: [256, 256])
    seconds: float = 3000.0
    repeats: int = 10
    seed: int = 0
    threads: int = 1
    out: str = str(Path(__file__).parent / "data" / "predictors")


def judge(
    teacher: AccuracyPredictor, student: OneHotMLP, cost: CostTable, space: DesignSpace, repeats: int, seed: int
) -> dict[str, Any]:
    """Compare a student with its teacher; errors, losses and overestimates are in percentage points of accuracy.

    Vanilla searches run on both from the same random streams. ``loss`` is the teacher's accuracy of what a search on
    the teacher found, less that of what the search on the student found.
    """
    from scipy.stats import spearmanr

    rng = np.random.default_rng([seed, 1])
    uniform = space.sample(SAMPLES, rng)
    frontier = []
    loss, over = np.zeros((2, len(TARGETS), repeats))
    for i, target in enumerate(TARGETS):
        for repeat in range(repeats):
            of_teacher, of_student = (
                Evolution().search(
                    Problem(space, guide, cost).evaluator(), target, 500, np.random.default_rng([seed, target, repeat])
                )
                for guide in (teacher, student)
            )
            assert of_student.population is not None
            assert of_teacher.population is not None
            true = teacher.accuracy(of_student.genes[None])[0]
            loss[i, repeat] = 100 * ((of_teacher.accuracy or 0.0) - true)
            over[i, repeat] = 100 * ((of_student.accuracy or 0.0) - true)
            frontier += [of_teacher.population, of_student.population]
    met = np.unique(space.canonical(np.concatenate(frontier)), axis=0)

    def errors(genes: NDArray[np.int8]) -> dict[str, float]:
        wanted, given = teacher.accuracy(genes), student.accuracy(genes)
        off = 100 * (given - wanted)
        return {
            "architectures": len(genes),
            "rmse": round(float(np.sqrt(np.mean(off**2))), 4),
            "bias": round(float(off.mean()), 4),
            "largest": round(float(np.abs(off).max()), 4),
            "rank_correlation": round(float(spearmanr(wanted, given).statistic), 5),
        }

    return {
        "uniform_samples": errors(uniform),
        "frontier": errors(met),
        "search": {
            "targets": list(TARGETS),
            "repeats": repeats,
            "mean_loss": round(float(loss.mean()), 4),
            "mean_loss_standard_error": round(float(loss.std(ddof=1) / np.sqrt(loss.size)), 4),
            "loss_by_target": np.round(loss.mean(axis=1), 4).tolist(),
            "mean_overestimate": round(float(over.mean()), 4),
        },
    }


def main() -> None:
    """Read the options, train, and write ``<space>.npz`` and ``<space>.json`` into ``out``."""
    try:
        options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Options), OmegaConf.from_cli()))
        assert isinstance(options, Options)
        space = MobileNetV3Space()
        teacher, cost = official_predictor(space), latency_table(space, options.device)
    except Exception as error:
        line, code = explain(error)
        print(f"ofa_bench: {line}", file=sys.stderr)
        sys.exit(code)
    import torch
    from threadpoolctl import threadpool_limits

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
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[np.float32]] = {}
    for i, (weight, bias) in enumerate(student.layers):
        arrays |= {f"weight{i}": weight, f"bias{i}": bias}
    np.savez_compressed(out / f"{space.name}.npz", allow_pickle=False, **arrays)
    (out / f"{space.name}.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card["errors"], indent=1))


def _asked() -> list[str]:
    """Give the options of the command line that change the weights."""
    return [option for option in sys.argv[1:] if not option.startswith("out=")]


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
