"""What a strategy is: one class with one method."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofa_bench.search import Found, Problem, SearchCoroutine
from ofa_bench.search.lockstep import run_single
from ofa_bench.spaces.declarations import declares_fork_safe

__all__ = ["Budget", "CoroutineStrategy", "Strategy", "is_fork_safe"]


@dataclass(frozen=True)
class Budget:
    """Generations of a search from scratch (n), and of a warm-started one (the square root of n, say).

    A schedule has those of the first warm-started search, of the second and so on.
    """

    generations: int
    warm_generations: int | tuple[int, ...]

    def warm(self, i: int) -> int:
        """Return the generations of the ``i``-th warm-started search, from 0; the last of a schedule repeats."""
        schedule = self.warm_generations
        return schedule if isinstance(schedule, int) else schedule[min(i, len(schedule) - 1)]


class Strategy(ABC):
    """Finds the best architecture for each of several targets.

    A strategy of your own is a sub-class in your own package and a YAML file with its ``_target_``; parameters of the
    YAML are passed to the constructor.
    """

    fork_safe: bool = False
    """Whether its searches may run in forked processes (see ``declares_fork_safe``): each class declares it anew."""

    evolution: Any = None
    """The search of one target, where the strategy has one; it declares ``fork_safe`` too."""

    bytes_a_pair: int = 0
    """Memory that it takes for each pair of a population's members."""

    @abstractmethod
    def search(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Iterator[Found]:
        """Search every target and yield each result as soon as it is there, with its target's position in ``targets``.

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
        """Return the most evaluations of one search of all targets; None, as here, where that is not known before."""
        return None


class CoroutineStrategy(Strategy):
    """A strategy that says which of its searches need another's result: those that do not can advance together."""

    @abstractmethod
    def coroutines(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Sequence[SearchCoroutine]:
        """Return independent lines of searches that find, together, what ``search`` finds; the arguments are the same.

        A line is a generator: ``result = yield from evolution.steps(...)`` searches, ``yield position, result`` tells
        what was found for a target. It must not share anything that changes, such as ``rng``, with another line. A
        sub-class that overrides ``search`` as well has its searches run one after another.
        """

    def search(
        self, problem: Problem, targets: Sequence[float], budget: Budget, rng: np.random.Generator
    ) -> Iterator[Found]:
        """Go through one line after another."""
        for coroutine in self.coroutines(problem, targets, budget, rng):
            yield from run_single(coroutine, problem.predictor)


def is_fork_safe(strategy: Strategy) -> bool:
    """Return whether a strategy, and its evolution if it has one, declare that their searches may be forked."""
    return all(map(declares_fork_safe, [strategy, strategy.evolution or strategy]))
