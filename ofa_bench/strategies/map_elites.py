"""MAP-Elites for all targets, as in Schneider et al., AutoML 2022, arXiv 2208.00204; its archive is pyribs'."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search import EvaluationRequest, valid_samples
from ofa_bench.search.archive import best_within
from ofa_bench.search.problem import Values
from ofa_bench.search.repair import redraw
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_probability, need

__all__ = ["MAPElites"]


class MAPElites(SharedSearch):
    """Keep one elite for each target, the most accurate architecture that meets it, and mutate the elites.

    The niches are nested, as in Schneider et al. and their code (slds-lmu/qdo_nas): an architecture belongs to that of
    every target it meets. The first population has random architectures, each in a niche drawn for it. A child is a
    mutant of an elite drawn uniformly; it is redrawn until it meets the largest target. There is no crossover.

    Args:
        population_size: architectures that are evaluated together.
        mutate_prob: the probability that a gene group of a child is redrawn.
        evaluations: for all targets together; None for ``budget.generations`` times ``population_size``.

    Raises:
        InputError: a value is not allowed, or pyribs is not installed.
    """

    fork_safe = True

    def __init__(self, population_size: int = 100, mutate_prob: float = 0.1, evaluations: int | None = None) -> None:
        super().__init__(population_size, evaluations)
        check_probability("mutate_prob", mutate_prob)
        self.mutate_prob = mutate_prob
        need("map_elites", "ribs.archives")

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Evaluate random architectures, then mutants of elites, until the budget is spent."""
        evaluator, space = budgeted.evaluator, budgeted.problem.space
        niches = _Niches(budgeted.targets, space.n_genes, rng)
        niches.offer(budgeted.archive.genes, budgeted.archive.accuracy, budgeted.archive.cost)  # meets all targets
        sizes = np.bincount(rng.integers(len(budgeted.targets), size=self.population_size)).tolist()
        drawn = zip(budgeted.targets, sizes, strict=False)  # the largest may have none
        rows = np.concatenate([valid_samples(evaluator, target, size, rng) for target, size in drawn])
        while budgeted.left:
            rows = rows[: budgeted.left]
            accuracy, cost = yield from budgeted.evaluate(rows)
            niches.offer(rows, accuracy, cost)
            parents = niches.elites(self.population_size)
            rows = redraw(evaluator, budgeted.targets[-1], partial(self._mutants, space, parents, rng), parents)

    def _mutants(self, space: DesignSpace, parents: Genes, rng: np.random.Generator, slots: NDArray[np.intp]) -> Genes:
        return space.mutate(parents[slots], self.mutate_prob, rng)


class _Niches:
    """An archive of pyribs with a cell for each target, ascending, and its elite; chance is the generator's."""

    def __init__(self, targets: Sequence[float], n_genes: int, rng: np.random.Generator) -> None:
        from ribs.archives import GridArchive

        self._targets = np.array(targets)
        self._cells = np.arange(len(targets))[:, None] + 0.5
        types = {"solution_dtype": np.int8, "objective_dtype": np.float64, "measures_dtype": np.float64}
        self._archive: Any = GridArchive(
            solution_dim=n_genes, dims=[len(targets)], ranges=[(0, len(targets))], seed=rng, **types
        )

    def offer(self, genes: Genes, accuracy: Values, cost: Values) -> None:
        """Offer the best of these to each niche (int8 [n, n_genes], float64 [n] each)."""
        best = best_within(accuracy, cost, self._targets)
        held = self._archive.retrieve(self._cells)[1]["objective"]  # NaN where there is none
        for i in np.flatnonzero((best >= 0) & ~(accuracy[best] <= held)).tolist():
            # one at a time, which compiles nothing; only those that enter, because it is slow
            self._archive.add_single(genes[best[i]], accuracy[best[i]], self._cells[i])

    def elites(self, n: int) -> Genes:
        """Return elites of niches drawn uniformly: int8 [n, n_genes]."""
        rows: Genes = self._archive.sample_elites(n)["solution"]
        return rows
