"""Distils a large accuracy predictor into a small one, with emphasis on architectures that searches visit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostTable
from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.testing import CountingPredictor
from ofa_bench.training.fitting import Student

__all__ = ["Distillation", "judge"]

SAMPLES = 50_000


class _Pool:
    """Architectures that searches evaluated, with the teacher's labels; once full, new ones replace random ones."""

    def __init__(self, n_genes: int, size: int, rng: np.random.Generator) -> None:
        self.genes = np.empty((size, n_genes), np.int8)
        self.labels = np.empty(size)
        self.filled = 0
        self._rng = rng

    def add(self, genes: Genes, labels: NDArray[np.float64]) -> None:
        room = min(len(genes), len(self.genes) - self.filled)
        places = np.concatenate(
            [
                np.arange(self.filled, self.filled + room),
                self._rng.choice(len(self.genes), size=len(genes) - room, replace=False),
            ]
        )
        self.genes[places], self.labels[places] = genes, labels
        self.filled += room

    def draw(self, n: int) -> tuple[Genes, NDArray[np.float64]]:
        places = self._rng.integers(self.filled, size=n)
        return self.genes[places], self.labels[places]


@dataclass
class Distillation:
    """A training of a student on the teacher's labels for ``seconds``.

    A quarter of every batch is uniform samples, a half is architectures that searches evaluated, and a quarter is
    mutants of those. First, searches on the teacher fill the pool. Then, every ``search_every`` steps, a search on the
    student adds the architectures that it evaluated, labelled by the teacher, which corrects the student where its own
    errors lead a search. Targets are log-uniform over the range of the cost; a third of the searches scale the terms of
    the cost by random factors, so that the student suits other devices too.
    """

    space: DesignSpace
    teacher: AccuracyPredictor
    cost: CostTable
    hidden: Sequence[int] = (256, 256)
    seconds: float = 3600.0
    batch: int = 2048
    learning_rate: float = 2e-3
    first_searches: int = 100
    search_every: int = 25
    pool: int = 1_500_000
    seed: int = 0
    report: Callable[[str], None] = print
    steps: int = field(default=0, init=False)

    def run(self) -> Student:
        """Return the trained student; the learning rate falls along a half cosine over time."""
        self._rng = np.random.default_rng(self.seed)
        pool = _Pool(self.space.n_genes, self.pool, self._rng)
        for _ in range(self.first_searches):
            self._search(self.teacher, pool)
        labels = pool.labels[: pool.filled]
        student = Student(self.space, self.hidden, float(labels.mean()), float(labels.std()), self.seed)
        optimizer = torch.optim.Adam(student.net.parameters(), lr=self.learning_rate)
        began = time.perf_counter()
        recent = 0.0
        while (done := (time.perf_counter() - began) / self.seconds) < 1:
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * max(0.001, (1 + np.cos(np.pi * done)) / 2)
            loss = self._step(student, optimizer, pool)
            recent += 0.01 * (loss - recent)
            self.steps += 1
            if self.steps % self.search_every == 0 and done > 0.02:
                self._search(student.predictor(), pool)
            if self.steps % 1000 == 0:
                self.report(f"{done:4.0%} batch {self.steps}: error {100 * student.std * recent**0.5:.3f} points")
        return student

    def _step(self, student: Student, optimizer: torch.optim.Optimizer, pool: _Pool) -> float:
        quarter = self.batch // 4
        met, met_labels = pool.draw(2 * quarter)
        mutated = self.space.mutate(pool.draw(quarter)[0], self._rng.choice([0.03, 0.1]), self._rng)
        fresh = np.concatenate([self.space.sample(quarter, self._rng), mutated])
        genes = np.concatenate([met, fresh])
        labels = np.concatenate([met_labels, self.teacher.accuracy(fresh)])
        return student.step(optimizer, student.features(genes), student.standardise(labels)).item()

    def _search(self, guide: AccuracyPredictor, pool: _Pool) -> None:
        """Run one search on a predictor at a random target; add every architecture that it evaluated to the pool."""
        cost = self.cost if self._rng.random() < 2 / 3 else self.cost.rescaled(self._rng)
        target = float(np.exp(self._rng.uniform(np.log(1.1 * cost.minimum), np.log(0.9 * cost.maximum))))
        recorder = CountingPredictor(guide)
        generations = int(self._rng.choice([50, 200, 500]))
        Evolution().search(Problem(self.space, recorder, cost).evaluator(), target, generations, self._rng)
        genes = self.space.canonical(np.concatenate(recorder.asked))
        pool.add(genes, self.teacher.accuracy(genes))


SEARCHES = {"vanilla": (Evolution(), 500), "stronger": (Evolution(population_size=500), 250)}
"""The searches that judge a student, with their generations: OFA's own, and one with a larger population."""


def judge(
    teacher: AccuracyPredictor, student: OneHotMLP, cost: CostTable, space: DesignSpace, repeats: int, seed: int
) -> dict[str, Any]:
    """Return the differences between a student and its teacher, in percentage points of accuracy.

    Both are searched for the device's default targets, with the same random streams. ``loss`` is the teacher's accuracy
    of the network found on the teacher, minus that of the network found on the student; ``overestimate`` is the
    student's accuracy of the network found on it, minus the teacher's.
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
