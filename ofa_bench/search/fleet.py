"""A fleet: several devices, or sets of limits, that are searched together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.problem import Problem
from ofa_bench.search.similarity import rank_correlations

__all__ = ["Fleet", "Member"]

SAMPLE = 1000
"""Random architectures by whose costs devices are compared."""


@dataclass(frozen=True)
class Member:
    """A device of a fleet: a problem with its cost model, and the targets there, in the cost model's unit."""

    problem: Problem
    targets: tuple[float, ...]


@dataclass(frozen=True)
class Fleet:
    """Devices with their targets; all problems have the same space and the same predictor.

    A *position* is the place of a target among those of all members, one member after another.
    """

    members: tuple[Member, ...]

    @classmethod
    def of(cls, problem: Problem, targets: Sequence[float]) -> "Fleet":
        """Return a fleet of one device."""
        return cls((Member(problem, tuple(targets)),))

    @cached_property
    def starts(self) -> list[int]:
        """The position of each member's first target."""
        ends = np.cumsum([len(member.targets) for member in self.members]).tolist()
        return [0, *ends[:-1]]

    @property
    def number_of_targets(self) -> int:
        """The number of targets of all members together."""
        return sum(len(member.targets) for member in self.members)

    @property
    def feasible(self) -> int:
        """The number of targets that some architecture meets."""
        return sum(target >= member.problem.cost.minimum for member in self.members for target in member.targets)

    @cached_property
    def similarity(self) -> NDArray[np.float64]:
        """How alike the devices rank random architectures, always the same ones: float64 [members, members].

        It is the rank correlation of their costs; limits on other costs do not matter.
        """
        rows = self.members[0].problem.space.sample(SAMPLE, np.random.default_rng(0))
        return rank_correlations(
            np.stack([member.problem.cost.without_limits(rows) for member in self.members], axis=1)
        )
