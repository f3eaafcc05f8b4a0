"""OFA's evolutionary search (Cai et al., ICLR 2020, section 3.4; ``ofa.tutorial.EvolutionFinder``), over arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.limits import check_range
from ofa_bench.errors import InputError, suggestion
from ofa_bench.search import repair
from ofa_bench.search.problem import CurvePoint, EvaluationRequest, Evaluator, Problem, SearchResult, drive
from ofa_bench.spaces import Genes

__all__ = ["Evolution"]

CONSTRAINTS = ("hard", "soft")


@dataclass(frozen=True)
class Evolution:
    """Search for the best architecture under one target.

    Each generation keeps the best ``parent_ratio`` of the population and fills it up with children: ``mutation_ratio``
    of ``population_size`` are mutants (each gene group redrawn with ``mutate_prob``), the others uniform crossovers of
    two parents. With ``reference_compat`` the children of the last generation are evaluated but not considered, as in
    ``ofa``.

    The first population meets the target; it has ``initial_ratio`` of ``population_size`` (``ofa.tutorial`` has 0.5:
    as many as there are mutants), or as many as there are seeds, if these are more.

    Under a ``hard`` constraint a child that misses the target is redrawn. Under a ``soft`` one no child is, but parents
    are chosen by MnasNet's reward, accuracy (cost / target) ^ ``reward_exponent`` (Tan et al., CVPR 2019, equations 2
    and 3); the result is the most accurate evaluated architecture that meets the target.

    Without ``memo`` an architecture is predicted each time it is evaluated, like in ``ofa``: results are the same.

    Raises:
        InputError: a size is below 1 or too large, a ratio or probability is not from 0 to 1, or the constraint is
            unknown.
    """

    fork_safe: ClassVar[bool] = True

    population_size: int = 100
    parent_ratio: float = 0.25
    mutation_ratio: float = 0.5
    mutate_prob: float = 0.1
    reference_compat: bool = False
    initial_ratio: float = 1.0
    constraint: str = "hard"
    reward_exponent: float = -0.07
    memo: bool = True

    def __post_init__(self) -> None:
        check_range("evolution.population_size", self.population_size, 1)
        for key in ("parent_ratio", "mutation_ratio", "mutate_prob"):
            value = getattr(self, key)
            if not 0 <= value <= 1:
                raise InputError(f"evolution.{key}={value}: must be from 0 to 1")
        if not 0 < self.initial_ratio <= 1:
            raise InputError(f"evolution.initial_ratio={self.initial_ratio}: must be above 0 and at most 1")
        if self.constraint not in CONSTRAINTS:
            near = suggestion(str(self.constraint), CONSTRAINTS)
            raise InputError(f"evolution.constraint={self.constraint}: must be {' or '.join(CONSTRAINTS)}{near}")
        if not -np.inf < self.reward_exponent <= 0:
            raise InputError(f"evolution.reward_exponent={self.reward_exponent}: must be a number of 0 or less")

    @property
    def initial_size(self) -> int:
        """Size of a first population, unless there are more seeds."""
        return max(1, round(self.initial_ratio * self.population_size))

    def search(
        self,
        evaluator: Evaluator,
        target: float,
        generations: int,
        rng: np.random.Generator,
        start: Genes | None = None,
    ) -> SearchResult:
        """Run ``generations`` generations after the first population.

        Args:
            evaluator: has the problem, and the memo and counts of this search.
            target: the largest cost allowed, in the cost model's unit.
            generations: how often children are made.
            rng: the only source of chance.
            start: int8 [n, n_genes] that meet the target, put into the first population (the first
                ``population_size`` of them); random architectures that meet the target fill it up to its
                ``initial_size``.

        Returns:
            The best architecture found; an infeasible result where the space has none that meets the target.
        """
        return drive(self.steps(evaluator, target, generations, rng, start), evaluator.problem.predictor)

    def steps(
        self,
        evaluator: Evaluator,
        target: float,
        generations: int,
        rng: np.random.Generator,
        start: Genes | None = None,
        enough: Callable[[], bool] | None = None,
    ) -> EvaluationRequest[SearchResult]:
        """Search as ``search`` does, but request predictions from the caller; strategies use this.

        ``enough`` is asked after each generation whether to stop before ``generations``.
        """
        problem = evaluator.problem
        if problem.cost.minimum > target:
            return SearchResult.infeasible(problem, target)
        seeds = np.empty((0, problem.space.n_genes), np.int8) if start is None else start[: self.population_size]
        if not problem.space.contains(seeds).all():
            raise ValueError(f"a search cannot start from architectures outside space {problem.space.name}")
        fresh = repair.valid_samples(evaluator, target, max(0, self.initial_size - len(seeds)), rng)
        population = np.concatenate([seeds, fresh])
        accuracy = yield from evaluator.ask(population, memo=self.memo)
        n_parents = max(1, round(self.parent_ratio * self.population_size))
        best = _Best(evaluator)
        for generation in range(generations + 1):
            order, meeting = self._ranked(problem, population, accuracy, target)
            last = generation == generations or (enough is not None and enough())
            if len(meeting) and (not last or not generation or not self.reference_compat):
                best.consider(generation, population[meeting[0]], float(accuracy[meeting[0]]))
            if last:
                break
            parents, accuracy = population[order[:n_parents]], accuracy[order[:n_parents]]
            children = self._children(evaluator, parents, target, rng)
            population = np.concatenate([parents, children])
            accuracy = np.concatenate([accuracy, (yield from evaluator.ask(children, memo=self.memo))])
        row = problem.space.canonical(best.row[None])
        return SearchResult(
            target=target,
            feasible=True,
            genes=row[0],
            accuracy=best.accuracy,
            cost=float(problem.cost.cost(row)[0]),
            counts=evaluator.counts,
            curve=tuple(best.curve),
            generations=generation,
            population=population[order],
            alternatives=evaluator.alternatives(target, row[0], best.accuracy),
        )

    def _ranked(
        self, problem: Problem, population: Genes, accuracy: NDArray[np.float64], target: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the order of a population as parents, and of those that meet the target by accuracy, best first."""
        order = _best_first(accuracy)
        if self.constraint == "hard":
            return order, order
        cost = problem.cost.cost(population)  # counted when they were drawn
        cost_or_more = np.maximum(cost, np.finfo(np.float64).tiny)  # a table may have architectures that cost nothing
        reward = accuracy * (cost_or_more / target) ** self.reward_exponent
        return _best_first(reward), order[cost[order] <= target]

    def _children(self, evaluator: Evaluator, parents: Genes, target: float, rng: np.random.Generator) -> Genes:
        problem, n_mutants = evaluator.problem, round(self.mutation_ratio * self.population_size)
        if self.constraint == "soft":
            target = np.inf
        if problem.kernels:
            given = (self.mutate_prob, target, repair.MAX_REDRAWS, n_mutants, self.population_size)
            children, candidates = problem.kernels.offspring(rng, parents, *given)
            evaluator.counts.proposals += candidates
            evaluator.counts.cost_lookups += candidates
            return children
        space, redraw = problem.space, repair.redraw
        one = parents[rng.integers(len(parents), size=n_mutants)]
        mutants = redraw(evaluator, target, lambda slots: space.mutate(one[slots], self.mutate_prob, rng), one)
        first, second = parents[rng.integers(len(parents), size=(2, self.population_size - n_mutants))]
        crossed = redraw(evaluator, target, lambda slots: space.crossover(first[slots], second[slots], rng), first)
        return np.concatenate([mutants, crossed])


def _best_first(accuracy: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order by falling accuracy; equal ones in reverse, as in ``sorted(...)[::-1]`` of ``ofa``."""
    return accuracy.argsort(kind="stable")[::-1]


class _Best:
    """The best architecture so far, and the curve of its accuracy."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._counts = evaluator.counts
        self.row: Genes = np.empty(0, np.int8)
        self.accuracy = -np.inf
        self.curve: list[CurvePoint] = []

    def consider(self, generation: int, row: Genes, accuracy: float) -> None:
        if accuracy > self.accuracy:
            self.row, self.accuracy = row, accuracy
            counts = self._counts
            self.curve.append((generation, counts.evaluations, counts.unique_evaluations, self.accuracy))
