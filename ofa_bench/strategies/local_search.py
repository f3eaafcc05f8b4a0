"""Local search (White et al., UAI 2021, arXiv 2005.02960): steepest ascent, from many random starts."""

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search import EvaluationRequest, valid_samples
from ofa_bench.search.problem import Values
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch

__all__ = ["LocalSearch"]

Step = tuple[Genes, float, float]
"""An architecture (int8 [n_genes]), its accuracy and its cost."""

Changes = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Genes, and the choice that each is set to: int64 [n] each."""


class LocalSearch(SharedSearch):
    """Climb from a random architecture that meets a target to a local optimum under it, then from another.

    A step goes to the best architecture that differs by one choice and meets the target. Where none is better, two
    choices change together: one that alone would be more accurate, with one that alone would be cheaper. Such pairs
    that meet the target are tried ``population_size`` at a time, those first whose choices alone have the highest
    accuracies in sum, until one is better. Neighbours that miss the target are evaluated too: pairs need them, and they
    count for larger targets. The targets take turns, a step each, until the budget is spent.

    Args:
        population_size: pairs of changes that are evaluated together.
        evaluations: in all; None for ``budget.generations`` times ``population_size``.

    Raises:
        InputError: one of them is not a whole number of 1 or more.
    """

    fork_safe = True

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Make a start or a step for each target in turn, until the budget is spent."""
        changes, here = _all_changes(budgeted.problem.space), dict[float, Step | None]()
        while budgeted.left:
            for target in budgeted.targets:
                at = here.get(target)
                if budgeted.left:
                    here[target] = yield from (
                        self._step(budgeted, target, changes, at) if at else self._start(budgeted, target, rng)
                    )

    def _start(self, budgeted: BudgetedEvaluator, target: float, rng: np.random.Generator) -> EvaluationRequest[Step]:
        rows = valid_samples(budgeted.evaluator, target, 1, rng)
        accuracy, cost = yield from budgeted.evaluate(rows)
        return rows[0], accuracy[0], cost[0]

    def _step(
        self, budgeted: BudgetedEvaluator, target: float, changes: Changes, here: Step
    ) -> EvaluationRequest[Step | None]:
        """Return the next step up; None if there is none, or no budget for it."""
        space, counts = budgeted.problem.space, budgeted.evaluator.counts
        row = space.canonical(here[0][None])
        gene, choice = changes
        real = space.active(row)[0, gene] & (row[0, gene] != choice)
        gene, choice = gene[real], choice[real]
        here_too = row.repeat(len(gene), axis=0)
        changed = _changed(here_too, gene, choice)
        counts.proposals += len(changed)
        near = space.snap(changed, here_too)
        if near is not changed:  # several changes may have been moved to one architecture
            distinct = np.sort(np.unique(near, axis=0, return_index=True)[1])
            near, gene, choice = near[distinct], gene[distinct], choice[distinct]
        accuracy, cost = yield from budgeted.evaluate(near)
        step = _best(near, accuracy, cost, target, here)
        if step or not budgeted.left:
            return step
        first, second = _pairs(gene, accuracy, cost, here)
        rows = space.snap(_changed(near[first], gene[second], choice[second]), near[first])
        counts.proposals += len(rows)
        rows = rows[budgeted.evaluator.cost(rows) <= target]
        for begin in range(0, len(rows), self.population_size):
            batch = rows[begin : begin + self.population_size]
            accuracy, cost = yield from budgeted.evaluate(batch)
            step = _best(batch, accuracy, cost, target, here)
            if step or not budgeted.left:
                return step
        return None


def _all_changes(space: DesignSpace) -> Changes:
    """Return all choices of all genes; of choices that build the same network only one."""
    pairs = [(i, choice) for i, gene in enumerate(space.genes) for choice in sorted(set(gene.distinct))]
    gene, choice = np.array(pairs).T
    return gene, choice


def _changed(rows: Genes, gene: NDArray[np.int64], choice: NDArray[np.int64]) -> Genes:
    """Return a copy of each row with one gene set to a choice: int8 [n, n_genes]."""
    changed: Genes = rows.copy()
    changed[np.arange(len(rows)), gene] = choice
    return changed


def _pairs(
    gene: NDArray[np.int64], accuracy: Values, cost: Values, here: Step
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of a change that gains accuracy and one that saves cost, the highest sum first: int64 [n]."""
    up, down = np.flatnonzero(accuracy > here[1]), np.flatnonzero(cost < here[2])
    first, second = np.repeat(up, len(down)), np.tile(down, len(up))
    apart = gene[first] != gene[second]
    first, second = first[apart], second[apart]
    order = np.argsort(-(accuracy[first] + accuracy[second]), kind="stable")
    return first[order], second[order]


def _best(rows: Genes, accuracy: Values, cost: Values, target: float, here: Step) -> Step | None:
    """Return the most accurate evaluated row that meets the target, if it is better; else None."""
    meeting = np.where(cost <= target, accuracy, -np.inf)
    best = int(np.argmax(meeting)) if len(meeting) else -1
    return (rows[best], accuracy[best], cost[best]) if best >= 0 and meeting[best] > here[1] else None
