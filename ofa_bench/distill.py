"""Train a small accuracy predictor to agree with a larger one, above all where searches look."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP
from ofa_bench.predictors.cost import CostTable
from ofa_bench.predictors.embedded import one_hot_columns
from ofa_bench.search import Evolution, Problem
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.testing import CountingPredictor

__all__ = ["Distillation", "Student"]


class Student:
    """A multi-layer perceptron in training, and the moving average of its weights, which is what is kept."""

    def __init__(self, space: DesignSpace, hidden: Sequence[int], mean: float, std: float, seed: int) -> None:
        sizes = [int(space.cardinality.sum()), *hidden, 1]
        layers: list[torch.nn.Module] = []
        with torch.random.fork_rng():  # leaves the global random state as it was
            torch.manual_seed(seed)
            for before, after in pairwise(sizes):
                layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        self.space, self.mean, self.std = space, mean, std
        self.net = torch.nn.Sequential(*layers[:-1])
        self.average = torch.optim.swa_utils.AveragedModel(
            self.net,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999),  # type: ignore[no-untyped-call]
        )
        self._encoder = self.predictor()

    def features(self, genes: Genes) -> NDArray[np.float32]:
        """Give the input of the network: one-hot features, float32 [n, n_features]."""
        return self._encoder.features(genes)[:, :-1]

    def predictor(self) -> OneHotMLP:
        """Give the averaged weights as a predictor of accuracy (fraction of 1)."""
        linear = [module for module in self.average.module.modules() if isinstance(module, torch.nn.Linear)]
        layers = [(m.weight.detach().numpy().T.copy(), m.bias.detach().numpy().copy()) for m in linear]
        weight, bias = layers[-1]
        layers[-1] = (weight * np.float32(self.std), bias * np.float32(self.std) + np.float32(self.mean))
        return OneHotMLP(self.space, one_hot_columns(self.space), layers, name="student", sha256="")


class _Pool:
    """Architectures met by searches, with the teacher's labels; once full, new ones take random places."""

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
    """Train a student on the teacher's labels for ``seconds``.

    Every batch is a quarter uniform samples, a half architectures that searches met, and a quarter mutants of those.
    Searches on the teacher fill the pool first; from then on every ``search_every`` steps one on the student adds what
    it met, labelled by the teacher, so that the student is corrected where its own errors lead a search. Targets are
    log-uniform over the cost's range; a third of the searches scale the cost's terms by random factors, so that the
    student does not serve one device alone.
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
        """Train; the learning rate falls along a half cosine over the time."""
        self._rng = np.random.default_rng(self.seed)
        pool = _Pool(self.space.n_genes, self.pool, self._rng)
        for _ in range(self.first_searches):
            met = self._searched(self.teacher)
            pool.add(met, self.teacher.accuracy(met))
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
                met = self._searched(student.predictor())
                pool.add(met, self.teacher.accuracy(met))
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
        features = torch.from_numpy(student.features(genes))
        wanted = torch.from_numpy(((labels - student.mean) / student.std).astype(np.float32))
        loss = torch.nn.functional.mse_loss(student.net(features)[:, 0], wanted)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        student.average.update_parameters(student.net)
        return loss.item()

    def _searched(self, guide: AccuracyPredictor) -> Genes:
        """Run one search at a random target and give every architecture that it met: int8 [n, n_genes]."""
        cost = self.cost if self._rng.random() < 2 / 3 else self.cost.rescaled(self._rng)
        target = float(np.exp(self._rng.uniform(np.log(1.1 * cost.minimum), np.log(0.9 * cost.maximum))))
        recorder = CountingPredictor(guide)
        generations = int(self._rng.choice([50, 200, 500]))
        Evolution().search(Problem(self.space, recorder, cost).evaluator(), target, generations, self._rng)
        return self.space.canonical(np.concatenate(recorder.asked))
