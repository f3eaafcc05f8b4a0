"""What are a hundred more measurements worth? Writes ``benchmarks/studies/more_measurements.json`` in 8 CPU minutes.

The networks that were measured on OFA's MobileNetV3 supernet of width 1.0 at 224 px are split by architecture: a fifth
is held out. A Gaussian process (``gaussian_process``) is fitted to random parts of the rest, its kernel too, and guides
a search of that supernet (``joint``, ten targets in MACs, 224 px). The held-out networks tell how far it errs; what is
found is written, as a digit for each gene, and judged where the table is made (``measurements_table``). Beside them
stands OFA's official predictor, which needs no measurement of one's own.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gaussian_process import describe, fit_kernel, log_size, posterior
from measured_rows import Rows, read_measured
from measured_teachers import CENTRE, SCALE
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ofa_bench.engine import Cell, run_repeats
from ofa_bench.predictors import (
    AccuracyPredictor,
    SubspacePredictor,
    latency_table,
    official_predictor,
)
from ofa_bench.search import Problem
from ofa_bench.spaces import Genes, MobileNetV3Space, hold
from ofa_bench.strategies import Budget, Joint

__all__ = ["Process", "held_out_error", "main", "search"]

OUT = Path(__file__).parents[1] / "benchmarks" / "studies" / "more_measurements.json"
SPACE = MobileNetV3Space(1.0)
PART = hold(SPACE, {"r": [224]})
SIZES, SEEDS = (50, 100, 200, 400, 800), 10
EVALUATIONS, TARGETS = 3_000, tuple(float(one) for one in range(150, 376, 25))
HELD_OUT = 0.2

Floats = NDArray[np.float64]


class Process(AccuracyPredictor):
    """The mean of a Gaussian process on measured networks, at 224 px, as a predictor."""

    def __init__(self, rows: Rows) -> None:
        x, t = describe(rows.genes), log_size(rows.size)
        y = torch.tensor((rows.top1 - CENTRE) / SCALE)
        part, repeats = torch.tensor(rows.part), torch.tensor(rows.repeats)
        self.kernel = fit_kernel(x, t, y, part, repeats)
        noise = self.kernel.noise_of(part, repeats)
        self.forms = posterior(self.kernel, (x, t, y), noise, None, samples=0, seed=0)
        self.name = f"process {len(rows)}"
        self.sha256 = hashlib.sha256(self.forms.square.numpy().tobytes()).hexdigest()
        self.sources = ("ofa_w1.0",)

    def _mean(self, x: torch.Tensor) -> torch.Tensor:
        return (CENTRE + SCALE * self.forms(x, torch.zeros(len(x), dtype=torch.float64))[:, 0]) / 100

    def accuracy(self, genes: Genes) -> Floats:
        """Predict accuracy as a fraction of 1: int8 [n, n_genes] to float64 [n]."""
        return np.asarray(self._mean(describe(genes)).numpy())

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32]:
        """Estimate to first order how changes of architectures change their accuracy: float32 [n, m]."""
        x = describe(genes).requires_grad_()
        [gradient] = torch.autograd.grad(self._mean(x).sum(), x)
        steps = describe(changed.reshape(-1, changed.shape[2])).reshape(*changed.shape[:2], -1) - x.detach()[:, None]
        return np.asarray((steps @ gradient[:, :, None])[:, :, 0].numpy(), np.float32)


def held_out_error(predictor: AccuracyPredictor, rows: Rows) -> dict[str, float]:
    """Return how far a predictor errs on measured networks, its mean error aside: points, and its rank correlation."""
    genes = rows.genes.copy()
    genes[:, 0] = SPACE.resolutions.index(224)
    error = 100 * predictor.accuracy(genes) - rows.top1
    rank = spearmanr(100 * predictor.accuracy(genes), rows.top1).statistic
    return {"error": float(error.std()), "bias": float(error.mean()), "rank": float(rank)}


def search(predictor: AccuracyPredictor, seed: int) -> dict[str, Any]:
    """Return the networks that a search finds, and their mean accuracy by its guide, percent."""
    problem = Problem(PART, SubspacePredictor(PART, predictor), latency_table(PART, "macs"))
    cell = Cell(problem, Joint(evaluations=EVALUATIONS), TARGETS, Budget(1, 1), seed, 1, threads=1)
    [repeat] = run_repeats(cell, lambda *_: None)
    winners = PART.to_parent(np.array([one.genes for one in repeat.results]))
    digits = ["".join(map(str, row)) for row in winners.tolist()]
    return {"guide": float(100 * predictor.accuracy(winners).mean()), "winners": digits}


def main() -> None:
    """Fit, search and write the results, after each number of measurements; those that are there are kept."""
    torch.set_num_threads(1)
    rows = read_measured(SPACE)
    rows = rows.take(rows.size == 224)
    held = (np.random.default_rng(0).random(rows.block.max() + 1) < HELD_OUT)[rows.block]
    test, rest = rows.take(held), rows.take(~held)
    about = {"held_out": len(test), "evaluations": EVALUATIONS, "targets": list(TARGETS), "searches": SEEDS}
    known = json.loads(OUT.read_text()) if OUT.is_file() else {}
    found = known.pop("by_measurements", {})
    if known != about:
        found = {}
    for size in (0, *SIZES, len(rest)):
        if str(size) not in found:
            found[str(size)] = _rounded(list(_results(size, rest, test)))
            OUT.write_text(json.dumps({**about, "by_measurements": found}, indent=1) + "\n")


def _results(size: int, rest: Rows, test: Rows) -> Iterator[dict[str, Any]]:
    """Yield the results of guides that know so many measured networks, 0: of the official predictor."""
    guide: AccuracyPredictor = official_predictor(MobileNetV3Space()) if not size else Process(_some(rest, size, 0))
    for seed in range(SEEDS):
        if seed and 0 < size < len(rest):
            guide = Process(_some(rest, size, seed))
        yield {**held_out_error(guide, test), **search(guide, seed)}
        print(f"{size} measurements, {seed + 1} of {SEEDS}", flush=True)


def _some(rest: Rows, size: int, seed: int) -> Rows:
    return rest.take(np.sort(np.random.default_rng([seed, size]).choice(len(rest), size, replace=False)))


def _rounded(node: Any) -> Any:
    """Return the same with floats of four digits."""
    if isinstance(node, dict):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_rounded(value) for value in node]
    return round(node, 4) if isinstance(node, float) else node


if __name__ == "__main__":
    main()
