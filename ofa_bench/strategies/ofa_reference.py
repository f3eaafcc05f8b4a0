"""Runs ``ofa.nas.search_algorithm.EvolutionFinder`` itself, the reference, on our predictor and our cost model."""

import contextlib
import io
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.search import Counts, Evolution, Problem, SearchResult
from ofa_bench.search.alternatives import distinct_best_first, next_best
from ofa_bench.search.problem import CurvePoint
from ofa_bench.search.repair import MAX_SAMPLES
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.strategies.base import Budget, Strategy
from ofa_bench.strategies.shared import check_evolution, count_evaluations
from ofa_bench.supernets.ofa_package import import_ofa

__all__ = ["OFAReference"]

Arch = dict[str, Any]

_FINDER, _ENCODERS = "ofa.nas.search_algorithm", "ofa.nas.accuracy_predictor"


class OFAReference(Strategy):
    """Search each target from random architectures, n generations each, with the code of the ``ofa`` package.

    For parity tests and benchmarks; ``Vanilla`` with ``reference_compat`` does the same over arrays. ``ofa`` remembers
    no accuracy, so every evaluation is a unique one, and never considers the children of the last generation. Its loops
    have no end of their own: after ``MAX_SAMPLES`` misses in a row a search ends with the best considered so far.

    Args:
        evolution: sizes, ratios and probability of mutation, also of the resolution's; its ``reference_compat`` is
            always on here.

    Raises:
        InputError: ``evolution`` is not a search of one target, no parent would be left, or it has a setting that
            ``ofa`` lacks.
    """

    def __init__(self, evolution: Evolution) -> None:
        check_evolution(evolution)
        if round(evolution.parent_ratio * evolution.population_size) < 1:
            raise InputError(
                f"evolution.parent_ratio={evolution.parent_ratio}: of population_size={evolution.population_size} ofa "
                f"would keep no parent; must be {1 / evolution.population_size:.3g} or more"
            )
        for key in ("constraint", "initial_ratio"):
            value, ours = getattr(evolution, key), getattr(Evolution, key)
            if value != ours:
                raise InputError(f"evolution.{key}={value}: strategy ofa_reference has {ours} only")
        self.evolution = evolution
        for module in (_FINDER, _ENCODERS):  # they load torch, which must not count in the time of a search
            import_ofa(module)

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int | None:
        """Return those of a search from scratch for each feasible target."""
        met = sum(target >= problem.cost.minimum for target in targets)
        return count_evaluations(self.evolution, met * [budget.generations])

    def search(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Iterator[tuple[int, SearchResult]]:
        """Yield the results in the order of the targets."""
        for i, (target, stream) in enumerate(zip(targets, rng.spawn(len(targets)), strict=True)):
            yield i, self._search(problem, target, budget.generations, stream)

    def _search(self, problem: Problem, target: float, generations: int, rng: np.random.Generator) -> SearchResult:
        if problem.cost.minimum > target:
            return SearchResult.infeasible(problem, target)
        with _global_chance(rng), contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(_ExhaustedError):
            adapter = _Adapter(problem, target, generations)
            finder = import_ofa(_FINDER).EvolutionFinder(
                adapter,
                adapter,
                arch_mutate_prob=self.evolution.mutate_prob,
                resolution_mutate_prob=self.evolution.mutate_prob,
                population_size=self.evolution.population_size,
                max_time_budget=generations,
                parent_ratio=self.evolution.parent_ratio,
                mutation_ratio=self.evolution.mutation_ratio,
            )
            finder.run_evolution_search(target)
        return adapter.result()


@contextlib.contextmanager
def _global_chance(rng: np.random.Generator) -> Iterator[None]:
    """Seed the global random states, which ``ofa`` uses, from a stream, and restore them afterwards."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    seeds = rng.integers(2**32, size=2).tolist()
    try:
        random.seed(seeds[0])
        np.random.seed(seeds[1])  # noqa: NPY002
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002


class _ExhaustedError(Exception):
    """Too many candidates in a row missed the target."""


class _Adapter:
    """Our problem, as both the efficiency predictor and the accuracy predictor of ``ofa``."""

    def __init__(self, problem: Problem, target: float, generations: int) -> None:
        self._problem, self._target, self._generations = problem, target, generations
        self.arch_encoder, self._to_row = _codec(problem.space)
        self._counts = Counts()
        self._misses = 0
        self._populations = 0
        self._curve: list[CurvePoint] = []
        self._row: Genes = problem.cost.cheapest
        self._considered: list[tuple[Genes, NDArray[np.float64]]] = []

    def get_efficiency(self, arch: Arch) -> float:
        """Return the cost of one architecture, in the cost model's unit."""
        self._counts.proposals += 1
        self._counts.cost_lookups += 1
        cost = float(self._problem.cost.cost(self._to_row(arch)[None])[0])
        self._misses = 0 if cost <= self._target else self._misses + 1
        if self._misses >= MAX_SAMPLES:
            raise _ExhaustedError
        return cost

    def predict_acc(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Return the accuracy of the first population, then of each generation's children: float64 [n]."""
        genes = np.stack([self._to_row(arch) for arch in archs])
        accuracy = self._evaluate(genes)
        generation, self._populations = self._populations, self._populations + 1
        if generation < self._generations:  # ofa looks at a population when it makes the next one
            self._consider(generation, genes, accuracy)
        return accuracy

    def result(self) -> SearchResult:
        """Return the best architecture that was considered; if there is none, the cheapest."""
        if not self._curve:
            cheapest = self._problem.cost.cheapest[None]
            self._consider(0, cheapest, self._evaluate(cheapest))
        row = self._problem.space.canonical(self._row[None])
        genes, values = map(np.concatenate, zip(*self._considered, strict=True))
        rows, places, equal = self._problem.space.canonical(genes), np.arange(len(genes)), np.zeros(len(genes))
        ordered = distinct_best_first(rows, values, equal, places)
        batches = ((rows[some], values[some], self._problem.cost.cost(rows[some])) for some in ordered)
        return SearchResult(
            target=self._target,
            feasible=True,
            genes=row[0],
            accuracy=self._curve[-1][-1],
            cost=float(self._problem.cost.cost(row)[0]),
            counts=self._counts,
            curve=tuple(self._curve),
            generations=max(0, self._populations - 1),
            alternatives=next_best(self._problem.keep, self._target, row[0], self._curve[-1][-1], batches),
        )

    def _evaluate(self, genes: Genes) -> NDArray[np.float64]:
        accuracy = self._problem.predictor.accuracy(genes)
        if not np.isfinite(accuracy).all():
            name = self._problem.predictor.name
            raise ValueError(f"predictor {name} gave an accuracy that is not a finite number")
        accuracy = self._problem.measure(accuracy, genes, np.zeros(len(genes), np.int64))
        self._counts.evaluations += len(genes)
        self._counts.unique_evaluations += len(genes)
        return accuracy

    def _consider(self, generation: int, genes: Genes, accuracy: NDArray[np.float64]) -> None:
        self._considered.append((genes, accuracy))
        top = len(accuracy) - 1 - int(np.argmax(accuracy[::-1]))  # of equal ones the last, as ofa's order has it
        if not self._curve or accuracy[top] > self._curve[-1][-1]:
            self._row = genes[top]
            counts = self._counts
            self._curve.append((generation, counts.evaluations, counts.unique_evaluations, float(accuracy[top])))


Codec = tuple[Any, Callable[[Arch], Genes]]
"""An encoder for ``ofa``, and a function that converts its dict to a row (int8 [n_genes])."""


def _codec(space: DesignSpace) -> Codec:
    declared = space.ofa_encoder
    if declared is None:
        return _PositionsEncoder(space), lambda arch: space.snap(_PositionsEncoder.row(arch)[None])[0]
    encoder = type("Encoder", (getattr(import_ofa(_ENCODERS), declared.name),), dict(declared.attributes))
    return encoder(image_size_list=list(space.genes[space.index["r"]].choices)), space.from_ofa


class _PositionsEncoder:
    """An encoder for other spaces: its dict has one position for each gene, so that crossover stays in the space."""

    def __init__(self, space: DesignSpace) -> None:
        self._space, self._rng = space, np.random.default_rng(random.getrandbits(128))

    @staticmethod
    def row(arch: Arch) -> Genes:
        return np.array(arch["genes"], dtype=np.int8)

    def random_sample_arch(self) -> Arch:
        return {"genes": self._space.sample(1, self._rng)[0].tolist()}

    def mutate_resolution(self, arch: Arch, _prob: float) -> Arch:
        return arch  # a gene like any other

    def mutate_arch(self, arch: Arch, prob: float) -> Arch:
        arch["genes"] = self._space.mutate(self.row(arch)[None], prob, self._rng)[0].tolist()
        return arch
