"""The archive of one search for many targets: every architecture counts for each target that it meets."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.alternatives import Alternative, distinct_best_first, next_best
from ofa_bench.search.problem import Counts, CurvePoint, Evaluator, SearchResult
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.checks import check_shape

__all__ = ["Archive", "History", "best_within", "results_of"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class History:
    """All architectures that a search has evaluated, in that order, and its counts after each batch.

    ``genes`` (int8 [size, n_genes]) and ``accuracy`` (float64 [size], fractions of 1) are views that the next ``add``
    may replace. ``batches`` counts the calls of ``add``; ``steps`` are the size after each that added something, with
    the counts then.
    """

    def __init__(self, space: DesignSpace) -> None:
        self._space, self.size, self.batches = space, 0, 0
        self._genes: Genes = np.empty((0, space.n_genes), np.int8)
        self._accuracy: Floats = np.empty(0)
        self.steps: list[tuple[int, tuple[int, int, int]]] = []
        self._batch_of: Places = np.empty(0, np.int64)

    @property
    def genes(self) -> Genes:
        """All architectures: int8 [size, n_genes]."""
        return self._genes[: self.size]

    @property
    def accuracy(self) -> Floats:
        """Their accuracies, fractions of 1: float64 [size]."""
        return self._accuracy[: self.size]

    def add(self, genes: Genes, accuracy: Floats, counts: tuple[int, int, int]) -> None:
        """Add a batch of evaluated architectures (int8 [n, n_genes], float64 [n]), with the counts after it.

        Raises:
            ValueError: the rows do not have the shape of the space's.
        """
        genes = check_shape(self._space, genes)
        self.batches += 1
        if not len(genes):
            return
        begin, end = self.size, self.size + len(genes)
        if end > len(self._genes):
            more = max(end, 2 * len(self._genes)) - len(self._genes)
            self._genes = np.concatenate([self._genes, np.empty((more, genes.shape[1]), np.int8)])
            self._accuracy = np.concatenate([self._accuracy, np.empty(more)])
        self._genes[begin:end], self._accuracy[begin:end], self.size = genes, accuracy, end
        self.steps.append((end, counts))

    @property
    def batch_of(self) -> Places:
        """Which of the batches that added something each architecture was in: int64 [size]."""
        if len(self._batch_of) != self.size:
            ends = [end for end, _ in self.steps]
            self._batch_of = np.repeat(np.arange(len(ends)), np.diff([0, *ends]))
        return self._batch_of

    def with_accuracy(self, accuracy: Floats) -> "History":
        """Return the same history with other accuracies, fractions of 1: float64 [size]."""
        other = History(self._space)
        other._genes, other._accuracy, other.size, other.steps = self.genes, accuracy, self.size, [*self.steps]
        other.batches = self.batches
        return other


class Archive:
    """All architectures that a search has evaluated, and the best of them for each of its targets.

    ``genes`` (int8 [size, n_genes]), ``accuracy`` (float64 [size], fractions of 1) and ``cost`` (float64 [size], in the
    cost model's unit) are in the order of evaluation, views that the next ``add`` may replace.

    Args:
        evaluator: counts what the search does; its memo makes an evaluation unique.
        targets: the largest costs allowed, in the cost model's unit; any order, infeasible ones too.
        history: what was evaluated, if archives of several devices share it; costs of what others added are looked up
            when they are needed.
    """

    def __init__(self, evaluator: Evaluator, targets: Sequence[float], history: History | None = None) -> None:
        self._evaluator, self._targets = evaluator, np.array(targets, np.float64)
        self.history = history or History(evaluator.problem.space)
        self._cost: Floats = np.empty(0)
        self._known = 0

    @property
    def size(self) -> int:
        """The number of architectures."""
        return self.history.size

    @property
    def genes(self) -> Genes:
        """All architectures: int8 [size, n_genes]."""
        return self.history.genes

    @property
    def accuracy(self) -> Floats:
        """Their accuracies, fractions of 1: float64 [size]."""
        return self.history.accuracy

    @property
    def cost(self) -> Floats:
        """Their costs: float64 [size]."""
        if self._known < self.size:
            self._store(self._evaluator.cost(self.genes[self._known :]))
        return self._cost[: self.size]

    def add(self, genes: Genes, accuracy: Floats, cost: Floats, generation: int) -> None:
        """Add evaluated architectures (int8 [n, n_genes], float64 [n], float64 [n]).

        Raises:
            ValueError: the rows do not have the shape of the space's.
        """
        counts, before = self._evaluator.counts, self.cost
        self.history.add(genes, accuracy, (generation, counts.evaluations, counts.unique_evaluations))
        if self.size > len(before):
            self._store(cost)

    def _store(self, cost: Floats) -> None:
        end = self._known + len(cost)
        if end > len(self._cost):
            self._cost = np.concatenate([self._cost, np.empty(max(end, 2 * len(self._cost)) - len(self._cost))])
        self._cost[self._known : end], self._known = cost, end

    def with_accuracy(self, accuracy: Floats) -> "Archive":
        """Return an archive of the same architectures with other accuracies, fractions of 1: float64 [size].

        Its curves have the counts of this one.
        """
        other = Archive(self._evaluator, self._targets.tolist(), self.history.with_accuracy(accuracy))
        other._cost, other._known = self.cost, self.size
        return other

    def results(self, generations: int) -> list[SearchResult]:
        """Return one result for each target; the feasible ones share the counts equally.

        Raises:
            RuntimeError: nothing in the archive meets a feasible target; a search should add the cheapest first.
        """
        return results_of([self], generations)[0]

    @property
    def _feasible(self) -> list[int]:
        minimum = self._evaluator.problem.cost.minimum
        return [i for i, target in enumerate(self._targets.tolist()) if target >= minimum]

    def _results(self, generations: int, counts: Sequence[Counts], shared: int) -> list[SearchResult]:
        """Return one result for each target, with these counts for the feasible ones.

        Raises:
            RuntimeError: nothing meets a target.
        """
        problem, found = self._evaluator.problem, dict[int, SearchResult]()
        rising = sorted(self._feasible, key=lambda i: float(self._targets[i]))
        first = np.searchsorted(self._targets[rising], self.cost)
        curves = self._improvements(rising, first)
        rows = problem.space.canonical(self.genes[[place for place, _ in curves.values()]])
        winners = dict(zip(curves, rows, strict=True))
        best = {i: curve[-1][-1] for i, (_, curve) in curves.items()}
        costs = dict(zip(curves, problem.cost.cost(rows).tolist() if len(rows) else (), strict=True))
        alternatives = self._alternatives(rising, first, winners, best)
        for i, part in zip(self._feasible, counts, strict=True):
            found[i] = SearchResult(
                target=float(self._targets[i]),
                feasible=True,
                genes=winners[i],
                accuracy=best[i],
                cost=costs[i],
                counts=part,
                curve=curves[i][1],
                generations=generations,
                shared=shared,
                alternatives=alternatives[i],
            )
        return [
            found[i] if i in found else SearchResult.infeasible(problem, float(target))
            for i, target in enumerate(self._targets)
        ]

    def _improvements(self, rising: Sequence[int], first: Places) -> dict[int, tuple[int, tuple[CurvePoint, ...]]]:
        """Return, by position of the targets, the place of the best and the points where it got better.

        A point is a batch, whose best architecture is the most accurate one that meets the target, of equally accurate
        ones the cheapest.

        Args:
            rising: positions of the targets in rising order.
            first: of each architecture, the number of targets in that order that it misses.

        Raises:
            RuntimeError: nothing meets a target.
        """
        steps, found = self.history.steps, dict[int, tuple[int, tuple[CurvePoint, ...]]]()
        highest = np.full((len(rising) + 1, len(steps)), -np.inf)  # of each batch, by the first target that is met
        np.maximum.at(highest, (first, self.history.batch_of), self.accuracy)
        np.maximum.accumulate(highest, axis=0, out=highest)
        so_far = np.maximum.accumulate(np.pad(highest, ((0, 0), (1, 0)), constant_values=-np.inf), axis=1)
        better = highest > so_far[:, :-1]
        for rank, i in enumerate(rising):
            places = np.flatnonzero(better[rank]).tolist()
            if not places:
                raise RuntimeError("nothing was found for a target that the cheapest architecture meets")
            last, values = places[-1], highest[rank]
            begin, end = steps[last - 1][0] if last else 0, steps[last][0]
            equal = (self.accuracy[begin:end] == values[last]) & (first[begin:end] <= rank)
            best = begin + int(np.where(equal, self.cost[begin:end], np.inf).argmin())
            found[i] = best, tuple((*steps[step][1], float(values[step])) for step in places)
        return found

    def _alternatives(
        self, rising: Sequence[int], first: Places, winners: Mapping[int, Genes], highest: Mapping[int, float]
    ) -> dict[int, tuple[Alternative, ...]]:
        """Return, by position, the best architectures behind the winner (int8 [n_genes]) of each of these targets.

        In the order of rising targets, the best of one target compete with those that only the next one allows. Where
        these are all less accurate, the best are the same.
        """
        problem, found = self._evaluator.problem, dict[int, tuple[Alternative, ...]]()
        if problem.keep == 1:
            return dict.fromkeys(winners, ())
        rows, pool = problem.space.canonical(self.genes), np.empty(0, np.int64)
        canonical = bool((rows == self.genes).all())  # as most searches' are: costs are known
        order, last, least = np.argsort(first, kind="stable"), -1, 0.0
        ends = np.searchsorted(first[order], np.arange(len(rising)), side="right").tolist()
        for i, begin, end in zip(rising, [0, *ends], ends, strict=False):
            new = order[begin:end]
            if last >= 0 and (self.accuracy[new] < least).all():
                found[i] = found[last]  # and the winner is the same, too
                continue
            batches, kept = [], list[int]()
            for some in distinct_best_first(rows, self.accuracy, self.cost, np.concatenate([pool, new])):
                cost = self.cost[some] if canonical else problem.cost.cost(rows[some])
                batches.append((rows[some], self.accuracy[some], cost))
                kept += some
                if len(kept) > problem.keep:
                    break
            found[i] = next_best(problem.keep, float(self._targets[i]), winners[i], highest[i], batches)
            pool = np.array(kept[: problem.keep + 1], np.int64)
            last, least = (i, self.accuracy[pool[-1]]) if canonical and len(kept) > problem.keep else (-1, 0.0)
        return found


def results_of(archives: Sequence[Archive], generations: int) -> list[list[SearchResult]]:
    """Return the results of archives that share a history; all feasible targets share the counts equally.

    Raises:
        RuntimeError: nothing in an archive meets a feasible target; a search should add the cheapest first.
    """
    for one in archives:
        one.cost  # noqa: B018 -- looked up before look-ups are counted
    feasible = [len(one._feasible) for one in archives]
    shares = _dealt(archives[0]._evaluator.counts, sum(feasible))
    ends = np.cumsum(feasible).tolist()
    return [
        one._results(generations, shares[end - n : end], len(shares))
        for one, n, end in zip(archives, feasible, ends, strict=True)
    ]


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
