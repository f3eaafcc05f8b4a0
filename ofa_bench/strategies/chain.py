"""Chained searches (Kumar & Szidon, arXiv 2012.06748, section 3): k targets cost n + (k - 1) sqrt(n) generations."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from ofa_bench.errors import InputError, suggestion
from ofa_bench.search import (
    EvaluationRequest,
    Evaluator,
    Evolution,
    Fleet,
    Problem,
    SearchCoroutine,
    SearchResult,
    prune,
)
from ofa_bench.search.similarity import order_by_similarity
from ofa_bench.spaces import Genes
from ofa_bench.spaces.checks import check_genes
from ofa_bench.strategies.base import Budget, CoroutineStrategy
from ofa_bench.strategies.shared import check_evolution, count_evaluations
from ofa_bench.strategies.warm_start import WarmStart

__all__ = ["Chain"]

ORDERS = ("ascending", "descending", "middle_out", "random")
ACROSS = ("similarity", "given", "random")


class Chain(CoroutineStrategy):
    """Search the targets one after another, each from what was found for the nearest target before.

    The first feasible target is searched from scratch for n generations. Each later one starts, for the warm budget,
    from seeds and random architectures. The seeds are those of the feasible target nearest to it (by difference; of
    equally near ones the one searched last): going straight up or down this is the last one, in ``middle_out`` the
    inner neighbour.

    With ``previous`` every search takes the warm budget, the first too.
    Of these architectures, those that meet the target compete with the ``from_best`` nearest of those that miss it,
    pruned; the ``from_best`` most accurate join the chain's own seeds, behind the first of them.

    Args:
        evolution: the search of one target.
        order: ``ascending`` (the paper's bottom-up), ``descending`` (top-down), ``middle_out`` (the middle target, of
            two the upper, then in turns the next below and the next above) or ``random`` (drawn for each repeat).
        warm_start: what a later search starts from; by default the winner, pruned where it misses the target.
        across: the order in which a chain goes through the devices of a fleet: neighbours rank architectures alike
            (``similarity``), as they are ``given``, or ``random`` (drawn for each repeat). Only the very first search
            is from scratch; each later one starts also from the most accurate winner of earlier devices that meets the
            target (if none does, from the one nearest to it, pruned). None: each device has a chain of its own.
        previous: int8 [n, n_genes], architectures found before, perhaps for other targets or on another device.

    Raises:
        InputError: the order is unknown, or ``evolution``, ``warm_start`` or ``previous`` is of another kind.
    """

    fork_safe = True
    evolution: Evolution

    def __init__(
        self,
        evolution: Evolution,
        order: str,
        warm_start: WarmStart | None = None,
        previous: Genes | None = None,
        *,
        across: str | None = None,
    ) -> None:
        check_evolution(evolution)
        if order not in ORDERS:
            raise InputError(f"strategy.order={order}: must be {' or '.join(ORDERS)}{suggestion(str(order), ORDERS)}")
        if across is not None and across not in ACROSS:
            near = suggestion(str(across), ACROSS)
            raise InputError(f"strategy.across={across}: must be null, {' or '.join(ACROSS)}{near}")
        if not isinstance(warm_start, WarmStart | None):
            raise InputError(f"strategy.warm_start={warm_start}: give its keys, such as strategy.warm_start.seed=best")
        if not isinstance(previous, np.ndarray | None):
            raise InputError(f"strategy.previous={previous}: cannot be set; name a record by strategy.warm_start.from")
        self.evolution, self.order, self.across, self.previous = evolution, order, across, previous
        self.warm_start = warm_start or WarmStart()

    @property
    def across_devices(self) -> bool:  # type: ignore[override]
        """Whether a chain goes on from device to device."""
        return self.across is not None

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int | None:
        """Return those of one search from scratch and of warm-started ones for the other feasible targets.

        Seeds from previous records are evaluated in addition.
        """
        return self.most_evaluations_of_fleet(Fleet.of(problem, targets), budget)

    def most_evaluations_of_fleet(self, fleet: Fleet, budget: Budget) -> int | None:
        """Return those of a chain through the feasible targets of all devices."""
        met, cold = fleet.feasible, int(self.previous is None)
        scratch = count_evaluations(self.evolution, min(met, cold) * [budget.generations])
        few = cold and self.warm_start.seed != "population" and self.warm_start.prunings == 1
        seeds = min(2, len(fleet.members)) if few else np.inf  # the winner of this device, and one of another
        warm = count_evaluations(self.evolution, [budget.warm(i) for i in range(met - cold)], seeds=seeds)
        return None if scratch is None or warm is None else scratch + warm

    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return one coroutine, the chain."""
        if self.previous is not None:
            check_genes(problem.space, self.previous)
        return [self._coroutine(Fleet.of(problem, targets), [0], budget, rng)]

    def fleet_coroutines(self, fleet: Fleet, budget: Budget, rng: np.random.Generator) -> Sequence[SearchCoroutine]:
        """Return one coroutine, the chain over all targets of one device after another."""
        if self.previous is not None:
            check_genes(fleet.members[0].problem.space, self.previous)
        return [self._coroutine(fleet, self._order_of_devices(fleet, rng), budget, rng)]

    def _order_of_devices(self, fleet: Fleet, rng: np.random.Generator) -> Sequence[int]:
        if self.across == "random":
            return [int(i) for i in rng.permutation(len(fleet.members))]
        if self.across == "similarity":
            return [int(i) for i in order_by_similarity(fleet.similarity)]
        return range(len(fleet.members))

    def _coroutine(
        self, fleet: Fleet, devices: Sequence[int], budget: Budget, rng: np.random.Generator
    ) -> SearchCoroutine:
        streams, winners = rng.spawn(fleet.number_of_targets), list[SearchResult]()
        for device in devices:
            problem, targets = fleet.members[device].problem, fleet.members[device].targets
            found, others = list[SearchResult](), [*winners]
            for i in self._ordered(targets, rng):
                position, start = fleet.starts[device] + i, None
                evaluator, generations, stream = problem.evaluator(), budget.generations, streams[position]
                if targets[i] >= problem.cost.minimum and (winners or self.previous is not None):
                    generations = budget.warm(len(winners) - (self.previous is None))
                    start = yield from self._start(evaluator, found, others, targets[i], stream)
                result = yield from self.evolution.steps(evaluator, targets[i], generations, stream, start)
                if result.feasible:
                    found.append(result)
                    winners.append(result)
                yield position, result

    def _ordered(self, targets: Sequence[float], rng: np.random.Generator) -> list[int]:
        """Return the positions of the targets in the order of their searches; the targets' streams do not change."""
        if self.order == "random":
            return [int(i) for i in rng.permutation(len(targets))]
        chain = sorted(range(len(targets)), key=lambda i: targets[i], reverse=self.order == "descending")
        if self.order == "middle_out":
            middle = len(chain) // 2
            outwards = zip_longest(chain[middle:], reversed(chain[:middle]))
            return [i for pair in outwards for i in pair if i is not None]
        return chain

    def _start(
        self,
        evaluator: Evaluator,
        found: Sequence[SearchResult],
        others: Sequence[SearchResult],
        target: float,
        rng: np.random.Generator,
    ) -> EvaluationRequest[Genes]:
        """Return the seeds of a search, all of which meet the target: int8 [n, n_genes].

        They are those of the winners on the same device (``found``), on other devices, and previous architectures.
        """
        own, others_own = self._own(evaluator, found, target, rng), self._from_others(evaluator, others, target, rng)
        previous = yield from self._from_previous(evaluator, target, rng)
        seeds = np.concatenate([own[:1], others_own, previous, own[1:]])
        if self.warm_start.share is None or not len(seeds):
            return seeds
        return seeds[np.arange(self._room) % len(seeds)]

    @property
    def _room(self) -> int:
        """The maximum number of seeds of a search."""
        share = self.warm_start.share
        return self.evolution.population_size if share is None else max(1, round(share * self.evolution.initial_size))

    def _own(
        self, evaluator: Evaluator, found: Sequence[SearchResult], target: float, rng: np.random.Generator
    ) -> Genes:
        """Return the seeds from the nearest target found: int8 [n, n_genes]."""
        if not found or self.warm_start.seed == "none":
            return np.empty((0, evaluator.problem.space.n_genes), np.int8)
        nearest = min(reversed(found), key=lambda result: abs(result.target - target))
        rows = nearest.genes[None]
        if self.warm_start.seed == "population" and nearest.population is not None:
            rows = nearest.population
        return self._pruned(evaluator, rows, target, rng)

    def _from_others(
        self, evaluator: Evaluator, others: Sequence[SearchResult], target: float, rng: np.random.Generator
    ) -> Genes:
        """Return the most accurate winner of other devices that meets the target, else the nearest, pruned.

        Returns:
            int8 [1 or 0, n_genes].
        """
        if not others or self.warm_start.seed == "none":
            return np.empty((0, evaluator.problem.space.n_genes), np.int8)
        rows, accuracy = np.array([one.genes for one in others]), np.array([one.accuracy for one in others], np.float64)
        cost = evaluator.cost(rows)
        meets = cost <= target
        best = np.where(meets, accuracy, -np.inf).argmax() if meets.any() else cost.argmin()
        return self._pruned(evaluator, rows[best][None], target, rng)

    def _from_previous(self, evaluator: Evaluator, target: float, rng: np.random.Generator) -> EvaluationRequest[Genes]:
        """Return the seeds from the previous architectures: int8 [n, n_genes]."""
        if self.previous is None:
            return np.empty((0, evaluator.problem.space.n_genes), np.int8)
        most, cost = self.warm_start.from_best, evaluator.cost(self.previous)
        rows = self.previous[np.argsort(cost, kind="stable")]
        n_meeting = int(np.count_nonzero(cost <= target))
        evaluator.counts.proposals += n_meeting
        slower = rows[n_meeting : n_meeting + most]
        rivals = np.concatenate([rows[:n_meeting], self._pruned(evaluator, slower, target, rng)])
        accuracy = yield from evaluator.ask(rivals)
        return rivals[np.argsort(-accuracy, kind="stable")[:most]]

    def _pruned(self, evaluator: Evaluator, rows: Genes, target: float, rng: np.random.Generator) -> Genes:
        """Return each row (int8 [n, n_genes]) pruned; of those that pruning changes, ``prunings - 1`` more copies."""
        rows = rows[: self._room]
        once = [self.seed(evaluator, row, target, rng) for row in rows]
        changed = [row for row, pruned in zip(rows, once, strict=True) if (row != pruned).any()]
        again = [self.seed(evaluator, row, target, rng) for _ in range(self.warm_start.prunings - 1) for row in changed]
        return np.array([*once, *again], np.int8).reshape(-1, evaluator.problem.space.n_genes)

    def seed(self, evaluator: Evaluator, winner: Genes, target: float, rng: np.random.Generator) -> Genes:
        """Return one seed, int8 [n_genes]: the winner, pruned at random until it meets the target.

        Going up, the winner meets the next target as it is; going down, it has to be pruned.
        """
        return prune(evaluator, winner, target, rng, resolution=self.warm_start.prune_resolution)
