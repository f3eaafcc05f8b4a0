"""A search strategy for ofa_bench in a package of its own: this class, and a YAML file in ``conf/strategy``."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.search import Archive, Evaluator, Problem, SearchCoroutine, SearchResult, valid_samples
from ofa_bench.search.repair import redraw
from ofa_bench.spaces import Genes
from ofa_bench.strategies import Budget, CoroutineStrategy

__all__ = ["Aging"]


class Aging(CoroutineStrategy):
    """Search each target by aging evolution (Real et al., AAAI 2019, arXiv 1802.01548, algorithm 1).

    The best of a few architectures drawn from the population gets a mutant, and the oldest one is removed, however good
    it is: it lives on only in its children, so the population does not converge on an early find. A generation has
    ``population_size`` mutants: n generations request as many evaluations as ``vanilla`` does.

    A generation comes in ``batches``, as from workers that evaluate at the same time: one large call of the predictor
    is faster than many small ones. As many batches as mutants is the paper's loop with one worker. Mutation is that of
    the design space, redrawn until the mutant meets the target.

    Args:
        population_size: architectures alive at a time (P in the paper).
        sample_size: architectures, drawn with replacement, of which the best gets a mutant (S in the paper).
        batches: parts in which a generation is made, at most ``population_size``.
        mutate_prob: the probability with which each group of genes is redrawn.

    Raises:
        InputError: a size is below 1, or the probability is not from 0 to 1.
    """

    def __init__(self, population_size: int, sample_size: int, batches: int, mutate_prob: float) -> None:
        for key, value in (("population_size", population_size), ("sample_size", sample_size), ("batches", batches)):
            if not value >= 1:
                raise InputError(f"strategy.{key}={value}: must be 1 or more")
        if not 0 <= mutate_prob <= 1:
            raise InputError(f"strategy.mutate_prob={mutate_prob}: must be from 0 to 1")
        self.population_size, self.sample_size, self.mutate_prob = population_size, sample_size, mutate_prob
        self.sizes = [len(part) for part in np.array_split(np.arange(population_size), batches) if len(part)]

    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return one coroutine for each target; independent coroutines advance together."""
        streams = rng.spawn(len(targets))
        return [self._coroutine(problem, i, targets[i], budget.generations, streams[i]) for i in range(len(targets))]

    def _coroutine(
        self, problem: Problem, i: int, target: float, generations: int, rng: np.random.Generator
    ) -> SearchCoroutine:
        if problem.cost.minimum > target:
            yield i, SearchResult.infeasible(problem, target)
            return
        evaluator = problem.evaluator()
        archive = Archive(evaluator, [target])  # keeps the best and its curve
        rows = valid_samples(evaluator, target, self.population_size, rng)  # int8 [P, n_genes], the oldest first
        accuracy = yield from evaluator.ask(rows)
        archive.add(rows, accuracy, evaluator.cost(rows), 0)
        for generation in range(1, generations + 1):
            for size in self.sizes:
                mutants = self._mutants(evaluator, self._parents(rows, accuracy, size, rng), target, rng)
                worth = yield from evaluator.ask(mutants)
                archive.add(mutants, worth, evaluator.cost(mutants), generation)
                rows, accuracy = np.concatenate([rows[size:], mutants]), np.concatenate([accuracy[size:], worth])
        yield i, archive.results(generations)[0]

    def _parents(self, rows: Genes, accuracy: NDArray[np.float64], n: int, rng: np.random.Generator) -> Genes:
        """Hold ``n`` tournaments over the population: int8 [n, n_genes]."""
        drawn = rng.integers(len(rows), size=(n, self.sample_size))
        winners = np.take_along_axis(drawn, accuracy[drawn].argmax(axis=1)[:, None], axis=1)[:, 0]
        parents: Genes = rows[winners]
        return parents

    def _mutants(self, evaluator: Evaluator, parents: Genes, target: float, rng: np.random.Generator) -> Genes:
        """Return each parent a mutant that meets the target: int8 [n, n_genes]."""
        mutate = evaluator.problem.space.mutate
        return redraw(evaluator, target, lambda slots: mutate(parents[slots], self.mutate_prob, rng), parents)
