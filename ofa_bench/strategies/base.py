"""The base classes of strategies, and the budget of a search."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofa_bench.search import Fleet, Found, Problem, SearchCoroutine
from ofa_bench.search.lockstep import run_single
from ofa_bench.spaces.declarations import declares_fork_safe

__all__ = ["MEASURES", "Budget", "CoroutineStrategy", "Limit", "Strategy", "is_fork_safe"]

MEASURES: Mapping[str, str] = {
    "generations": "generations",
    "unique_evaluations": "unique evaluations",
    "seconds": "seconds",
}
"""What a search may spend as much of as another one, with its name in texts."""


@dataclass(frozen=True)
class Limit:
    """What a search of all targets together may spend: ``amount`` of a measure, which is one of ``MEASURES``."""

    measure: str
    amount: float


@dataclass(frozen=True)
class Budget:
    """Generations of a search from scratch (n), and of a warm-started one (for example the square root of n).

    A tuple has those of the first warm-started search, of the second and so on. With a ``limit``, all targets together
    get no more than that.
    """

    generations: int
    warm_generations: int | tuple[int, ...]
    limit: Limit | None = None

    def warm(self, i: int) -> int:
        """Return the generations of the ``i``-th warm-started search, from 0; the last of a tuple repeats."""
        schedule = self.warm_generations
        return schedule if isinstance(schedule, int) else schedule[min(i, len(schedule) - 1)]

    def chained(self, targets: int) -> int:
        """Return the generations of a chain of this number of feasible targets: n + (k - 1) sqrt(n), for example."""
        return self.generations + sum(map(self.warm, range(targets - 1))) if targets else 0


class Strategy(ABC):
    """Finds the best architecture for each of several targets.

    Your own strategy is a sub-class in your own package and a YAML file with its ``_target_``; the other keys of the
    YAML are the parameters of its constructor.
    """

    fork_safe: bool = False
    """Whether its searches may run in forked processes (see ``declares_fork_safe``): each class declares it anew."""

    evolution: Any = None
    """The search of one target, if the strategy has one; it declares ``fork_safe`` too."""

    limits: Collection[str] = ()
    """The measures (see ``MEASURES``) of a budget's ``limit`` that its searches keep to."""

    bytes_a_pair: int = 0
    """Bytes of memory for each pair of a population's members."""

    @abstractmethod
    def search(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Iterator[Found]:
        """Search every target and yield each result as soon as it is found, with its target's position in ``targets``.

        Args:
            problem: the design space, its accuracy predictor and its cost model.
            targets: the largest costs allowed, in the cost model's unit; any order, duplicates allowed.
            budget: generations from scratch and warm-started.
            rng: the only source of chance. ``rng.spawn(len(targets))`` gives each target a stream of its own that is
                the same under every strategy, so that strategies are compared in pairs.

        Yields:
            One (position, result) for each target, in any order; an infeasible target has an infeasible result.
        """

    def most_evaluations(self, problem: Problem, targets: Sequence[float], budget: Budget) -> int | None:  # noqa: ARG002
        """Return the maximum number of evaluations of one search of all targets; None, as here, if unknown."""
        return None


class CoroutineStrategy(Strategy):
    """A strategy whose independent searches are coroutines, which can advance together."""

    @abstractmethod
    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return independent coroutines that find, together, what ``search`` finds; the arguments are the same.

        A coroutine is a generator: ``result = yield from evolution.steps(...)`` searches, ``yield position, result``
        reports the result of a target. It must not share mutable state, such as ``rng``, with another coroutine. If a
        sub-class overrides ``search`` as well, its searches run one after another.
        """

    across_devices: bool = False
    """Whether the devices of a fleet are searched together, by ``fleet_coroutines``; else each is by itself."""

    def fleet_coroutines(self, fleet: Fleet, budget: Budget, rng: np.random.Generator) -> Sequence[SearchCoroutine]:
        """Return independent coroutines that search all devices of a fleet.

        They yield results with the positions of their targets in the fleet (see ``search.Fleet``).
        """
        raise NotImplementedError(f"{type(self).__name__} searches each device by itself")

    def most_evaluations_of_fleet(self, fleet: Fleet, budget: Budget) -> int | None:  # noqa: ARG002
        """Return the maximum number of evaluations of one search of all devices; None, as here, if unknown."""
        return None

    def search(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Iterator[Found]:
        """Run one coroutine after another."""
        for coroutine in self.coroutines(problem, targets, budget, rng):
            yield from run_single(coroutine, problem.predictor)


def is_fork_safe(strategy: Strategy) -> bool:
    """Return whether a strategy, and its evolution if it has one, declare ``fork_safe``."""
    return all(map(declares_fork_safe, [strategy, strategy.evolution or strategy]))
