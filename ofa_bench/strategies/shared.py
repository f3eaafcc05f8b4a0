"""The base of strategies that search all targets at once, and checks of strategies' parameters."""

import copy
import importlib
import math
from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.search import (
    Archive,
    EvaluationRequest,
    Evaluator,
    Evolution,
    Fleet,
    Found,
    Member,
    Problem,
    SearchCoroutine,
)
from ofa_bench.search.archive import History, results_of
from ofa_bench.search.problem import Values
from ofa_bench.spaces import Genes
from ofa_bench.strategies.base import Budget, CoroutineStrategy

__all__ = [
    "BudgetedEvaluator",
    "SharedSearch",
    "check_evolution",
    "check_probability",
    "check_whole",
    "count_evaluations",
    "need",
    "share_results",
]


class BudgetedEvaluator:
    """The budget and the archive of one search for all targets.

    ``targets`` are the feasible ones, each once, ascending. ``evaluator`` looks up costs and counts. Accuracies come
    only from ``evaluate``, which adds them to ``archive`` for all targets; its first architecture is the cheapest.

    Args:
        problem: the problem that is searched.
        targets: the largest costs allowed; any order, duplicates and infeasible ones too.
        limit: the maximum number of evaluations.
        gradient_cost: the evaluations that a gradient takes from the limit.
        budget: of the cell, for searches inside the search.
    """

    def __init__(
        self,
        problem: Problem,
        targets: Sequence[float],
        limit: int,
        gradient_cost: float = 0,
        budget: Budget | None = None,
    ) -> None:
        self.budget, self.limit, self._gradient_cost = budget or Budget(1, 1), limit, gradient_cost
        self._set_up(problem, targets, problem.evaluator(), None)

    def _set_up(
        self, problem: Problem, targets: Sequence[float], evaluator: Evaluator, history: History | None
    ) -> None:
        self.problem, self.evaluator = problem, evaluator
        self.targets = sorted({target for target in targets if target >= problem.cost.minimum})
        self.archive = Archive(evaluator, targets, history)

    def on(self, member: Member) -> "BudgetedEvaluator":
        """Return the same search on another device: its costs and targets, with this search's budget and history."""
        other = copy.copy(self)
        other._set_up(member.problem, member.targets, self.evaluator.on(member.problem), self.archive.history)
        return other

    @property
    def is_met(self) -> bool:
        """Whether an architecture in the archive meets all targets."""
        return bool((self.archive.cost <= self.targets[0]).any())

    @property
    def left(self) -> int:
        """The number of evaluations that are left."""
        counts = self.evaluator.counts
        return max(0, math.floor(self.limit - counts.evaluations - self._gradient_cost * counts.gradients))

    def evaluate(self, genes: Genes, *, again: bool = False) -> EvaluationRequest[tuple[Values, Values]]:
        """Evaluate architectures; only the first ones if fewer evaluations are left.

        Args:
            genes: int8 [n, n_genes].
            again: measure them anew, also those that are known. The archive has the first measurement of each.

        Returns:
            Accuracy and cost of those evaluated: float64 [m], m <= n, each.
        """
        genes = self.problem.space.snap(genes[: self.left])
        accuracy = yield from self.evaluator.measure_again(genes) if again else self.evaluator.ask(genes)
        cost = self.evaluator.cost(genes)
        first = self.evaluator.first_measured(genes) if again else accuracy
        self.archive.add(genes, first, cost, self.archive.history.batches)
        return accuracy, cost


class SharedSearch(CoroutineStrategy):
    """Searches all targets at once, after the cheapest architecture, which meets all feasible ones.

    In a fleet it is that of the first device, and those of devices whose targets it does not meet.

    Args:
        population_size: number of architectures that are evaluated together.
        evaluations: for all targets together; None for ``budget.generations`` times ``population_size``, as many as
            ``vanilla`` makes for each target.

    Raises:
        InputError: one of them is not a whole number of 1 or more.
    """

    def __init__(self, population_size: int = 100, evaluations: int | None = None) -> None:
        check_whole("population_size", population_size)
        if evaluations is not None:
            check_whole("evaluations", evaluations)
        self.population_size, self.evaluations = population_size, evaluations

    limits: Collection[str] = ("generations", "unique_evaluations")

    def limit(self, problem: Problem, budget: Budget) -> int:  # noqa: ARG002
        """Return the maximum number of evaluations of a search of all targets.

        Under a budget's limit, a generation counts as ``population_size`` evaluations, and each evaluation as unique.
        """
        if budget.limit is None:
            return self.evaluations or budget.generations * self.population_size
        most = int(budget.limit.amount) * (self.population_size if budget.limit.measure == "generations" else 1)
        return min(most, self.evaluations or most)

    def charge(self, problem: Problem) -> float:  # noqa: ARG002
        """Return the evaluations that a gradient takes from the budget."""
        return 0.0

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int:
        """Return the limit, or 0 if no target is feasible."""
        return self.most_evaluations_of_fleet(Fleet.of(problem, targets), budget)

    def most_evaluations_of_fleet(self, fleet: Fleet, budget: Budget) -> int:
        """Return the limit, which is that of all devices together, or 0 if no target is feasible."""
        return self.limit(fleet.members[0].problem, budget) if fleet.feasible else 0

    @abstractmethod
    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Search until the budget is spent or earlier; some is left at first, and at least one target is feasible."""

    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return one coroutine, the search."""
        return [self._coroutine(self._budgeted(Fleet.of(problem, targets), budget), rng)]

    def _budgeted(self, fleet: Fleet, budget: Budget) -> list[BudgetedEvaluator]:
        """Return a search of all devices of a fleet, as it is seen from each."""
        first, *others = fleet.members
        limit, charge = self.limit(first.problem, budget), self.charge(first.problem)
        search = BudgetedEvaluator(first.problem, first.targets, limit, charge, budget)
        return [search, *map(search.on, others)]

    def _coroutine(self, search: Sequence[BudgetedEvaluator], rng: np.random.Generator) -> SearchCoroutine:
        able = [one for one in search if one.targets]
        for one in able:
            if not one.is_met:
                yield from one.evaluate(one.problem.cost.cheapest[None])
            if not one.is_met:
                raise InputError(f"strategy: {one.limit} evaluations are too few for {len(able)} devices")
        if able and able[0].left:
            yield from self.explore_all(able, rng)
        yield from share_results([one.archive for one in search])

    def explore_all(self, search: Sequence[BudgetedEvaluator], rng: np.random.Generator) -> EvaluationRequest[None]:
        """Search all devices of a fleet; here there is one."""
        (one,) = search
        yield from self.explore(one, rng)


def share_results(archives: Sequence[Archive]) -> Iterator[Found]:
    """Yield the results of archives that share a history; generations are the batches after the first."""
    found = chain.from_iterable(results_of(archives, max(0, archives[0].history.batches - 1)))
    # The first result gets the time of the search: it must be one of those that share it.
    yield from sorted(enumerate(found), key=lambda found: not found[1].feasible)


def need(strategy: str, module: str) -> None:
    """Import an optional dependency of a strategy, so that its import does not count in the time of a search.

    Raises:
        InputError: it cannot be imported.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise InputError(f"strategy={strategy}: needs {library}; pip install 'ofa_bench[peers]'") from error


def check_whole(key: str, value: int, least: int = 1) -> None:
    """Raise InputError if a strategy's parameter is not a whole number, or too small."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        default = " (by default evolution.population_size)" if key == "population_size" else ""
        raise InputError(f"strategy.{key}={value}{default}: must be a whole number of {least} or more")


def count_evaluations(evolution: object, generations: Sequence[int], *, seeds: float = 0) -> int | None:
    """Return the evaluations of searches of one target with these generations; None if the evolution is a user's.

    Up to ``seeds`` architectures that a search starts from may make its first population larger.
    """
    if not isinstance(evolution, Evolution):
        return None
    first = max(evolution.initial_size, int(min(seeds, evolution.population_size)))
    return sum(first + evolution.population_size * n for n in generations)


def check_evolution(evolution: object) -> None:
    """Raise InputError if a strategy's evolution has no method ``steps``."""
    if not callable(getattr(evolution, "steps", None)):
        raise InputError(
            f"strategy.evolution={evolution}: must be ${{evolution}}; its keys are set by evolution.<key>="
        )


def check_probability(key: str, value: float) -> None:
    """Raise InputError if a strategy's parameter is not a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"strategy.{key}={value}: must be from 0 to 1")
