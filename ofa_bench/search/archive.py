"""The archive of one search for many targets: every architecture counts for each target that it meets."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.alternatives import Alternative, distinct_best_first, next_best
from ofa_bench.search.problem import Counts, CurvePoint, Evaluator, SearchResult
from ofa_bench.spaces import Genes
from ofa_bench.spaces.checks import check_shape

__all__ = ["Archive", "best_within"]


class Archive:
    """All architectures that a search has evaluated, and the best of them for each of its targets.

    ``genes`` (int8 [size, n_genes]), ``accuracy`` (float64 [size], fractions of 1) and ``cost`` (float64 [size], in the
    cost model's unit) are in the order of evaluation, views that the next ``add`` may replace.

    Args:
        evaluator: counts what the search does; its memo makes an evaluation unique.
        targets: the largest costs allowed, in the cost model's unit; any order, infeasible ones too.
    """

    def __init__(self, evaluator: Evaluator, targets: Sequence[float]) -> None:
        self._evaluator, self._targets = evaluator, np.array(targets, np.float64)
        self._genes: Genes = np.empty((0, evaluator.problem.space.n_genes), np.int8)
        self._values: NDArray[np.float64] = np.empty((2, 0))
        self.size = 0
        self._best = np.full(len(targets), -1)
        self._best_accuracy = np.full(len(targets), -np.inf)
        self._curves: list[list[CurvePoint]] = [[] for _ in targets]
        self._steps: list[tuple[int, tuple[int, int, int]]] = []  # the size after each ``add``, and the counts then

    @property
    def genes(self) -> Genes:
        """All architectures: int8 [size, n_genes]."""
        return self._genes[: self.size]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Their accuracies, fractions of 1: float64 [size]."""
        return self._values[0, : self.size]

    @property
    def cost(self) -> NDArray[np.float64]:
        """Their costs: float64 [size]."""
        return self._values[1, : self.size]

    def add(self, genes: Genes, accuracy: NDArray[np.float64], cost: NDArray[np.float64], generation: int) -> None:
        """Add evaluated architectures (int8 [n, n_genes], float64 [n], float64 [n]) and improve the targets they meet.

        Raises:
            ValueError: the rows do not have the shape of the space's.
        """
        counts = self._evaluator.counts
        self._add(genes, accuracy, cost, (generation, counts.evaluations, counts.unique_evaluations))

    def with_accuracy(self, accuracy: NDArray[np.float64]) -> "Archive":
        """Return an archive of the same architectures with other accuracies, fractions of 1: float64 [size].

        Its curves have the counts of this one.
        """
        other, begin = Archive(self._evaluator, self._targets.tolist()), 0
        for end, counts in self._steps:
            other._add(self.genes[begin:end], accuracy[begin:end], self.cost[begin:end], counts)
            begin = end
        return other

    def _add(
        self, genes: Genes, accuracy: NDArray[np.float64], cost: NDArray[np.float64], counts: tuple[int, int, int]
    ) -> None:
        genes = check_shape(self._evaluator.problem.space, genes)
        if not len(genes):
            return
        begin, end = self.size, self.size + len(genes)
        if end > len(self._genes):
            more = max(end, 2 * len(self._genes)) - len(self._genes)
            self._genes = np.concatenate([self._genes, np.empty((more, genes.shape[1]), np.int8)])
            self._values = np.concatenate([self._values, np.empty((2, more))], axis=1)
        self._genes[begin:end], self._values[:, begin:end], self.size = genes, (accuracy, cost), end
        best = best_within(accuracy, cost, self._targets)
        better = np.flatnonzero((best >= 0) & (accuracy[best] > self._best_accuracy))
        for i in better.tolist():
            self._best[i], self._best_accuracy[i] = begin + best[i], accuracy[best[i]]
            self._curves[i].append((*counts, float(accuracy[best[i]])))
        self._steps.append((end, counts))

    def results(self, generations: int) -> list[SearchResult]:
        """Return one result for each target; the feasible ones share the counts equally.

        Raises:
            RuntimeError: nothing in the archive meets a feasible target; a search should add the cheapest first.
        """
        problem = self._evaluator.problem
        feasible = np.flatnonzero(self._targets >= problem.cost.minimum).tolist()
        if feasible and min(self._best[feasible]) < 0:
            raise RuntimeError("nothing was found for a target that the cheapest architecture meets")
        shares = dict(zip(feasible, _dealt(self._evaluator.counts, len(feasible)), strict=True))
        rows = problem.space.canonical(self._genes[np.maximum(self._best, 0)]) if feasible else self._genes
        alternatives = self._alternatives(rows, feasible)
        return [
            SearchResult(
                target=float(target),
                feasible=True,
                genes=rows[i],
                accuracy=float(self._best_accuracy[i]),
                cost=float(problem.cost.cost(rows[i : i + 1])[0]),
                counts=shares[i],
                curve=tuple(self._curves[i]),
                generations=generations,
                shared=len(feasible),
                alternatives=alternatives[i],
            )
            if i in shares
            else SearchResult.infeasible(problem, float(target))
            for i, target in enumerate(self._targets)
        ]

    def _alternatives(self, winners: Genes, feasible: Sequence[int]) -> dict[int, tuple[Alternative, ...]]:
        """Return, by position, the best architectures behind the winner (int8 [k, n_genes]) of each of these targets.

        In the order of rising targets, the best of one target compete with those that only the next one allows.
        """
        problem, order = self._evaluator.problem, np.argsort(self.cost, kind="stable")
        cost, found, pool, begin = self.cost[order], dict[int, tuple[Alternative, ...]](), list[int](), 0
        for i in sorted(feasible, key=lambda i: float(self._targets[i])):
            end = int(np.searchsorted(cost, self._targets[i], side="right"))
            batches, kept = [], list[int]()
            for rows, values, places in distinct_best_first(
                problem.space, self.genes, self.accuracy, [*pool, *order[begin:end].tolist()]
            ):
                batches.append((rows, values))
                kept += places
                if len(kept) > problem.keep:
                    break
            found[i] = next_best(
                problem.cost, problem.keep, float(self._targets[i]), winners[i], float(self._best_accuracy[i]), batches
            )
            pool, begin = kept[: problem.keep + 1], end
        return found


def best_within(
    accuracy: NDArray[np.float64], cost: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the position of the most accurate architecture that meets each target, -1 if none does: int64 [k].

    Of equally accurate ones it is the cheapest.

    Args:
        accuracy: float64 [n].
        cost: float64 [n].
        targets: float64 [k], in the unit of ``cost``.
    """
    order = np.argsort(cost, kind="stable")
    sorted_accuracy = accuracy[order]
    highest = np.maximum.accumulate(sorted_accuracy)
    leads = np.concatenate([[True], sorted_accuracy[1:] > highest[:-1]])[: len(order)]
    leader = np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))
    meeting = np.searchsorted(cost[order], targets, side="right")
    found = np.full(len(targets), -1)
    found[meeting > 0] = order[leader[meeting[meeting > 0] - 1]]
    return found


def _dealt(counts: Counts, n: int) -> list[Counts]:
    """Split counts into ``n`` shares that differ by at most 1."""
    return [
        Counts(**{key: total * (i + 1) // n - total * i // n for key, total in vars(counts).items()}) for i in range(n)
    ]
