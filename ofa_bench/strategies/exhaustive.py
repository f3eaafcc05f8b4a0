"""The exact optimum of every target, where the space is small enough to evaluate all of it."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.search import EvaluationRequest, Problem
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.strategies.base import Budget
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_whole

__all__ = ["Exhaustive", "architectures", "number_of_architectures"]

BLOCK = 4096
"""Architectures evaluated together."""


class Exhaustive(SharedSearch):
    """Evaluate every architecture that meets the largest target; the budget of the cell does not matter.

    Args:
        most: architectures that a space may have.

    Raises:
        InputError: ``most`` is not a whole number of 1 or more; when it searches: the space has more.
    """

    fork_safe = True

    def __init__(self, most: int = 1_000_000) -> None:
        super().__init__()
        check_whole("most", most)
        self.most = most

    def limit(self, problem: Problem, budget: Budget) -> int:  # noqa: ARG002
        """Return the number of architectures, and one for the cheapest, which is evaluated before them."""
        space, size = problem.space, number_of_architectures(problem.space)
        if size > self.most:
            words = f"{size:,}" if size < 1e9 else f"{size:.3g}"
            raise InputError(
                f"strategy=exhaustive: {space.name} has {words} architectures, more than strategy.most={self.most}; "
                "space.choices holds a space to a part of it, and space=compofa has 1,215"
            )
        return size + 1

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:  # noqa: ARG002
        """Go through all architectures, a block at a time."""
        for block in architectures(budgeted.problem.space, BLOCK):
            budgeted.evaluator.counts.proposals += len(block)
            meets = budgeted.evaluator.cost(block) <= budgeted.targets[-1]
            meeting = block[meets & (block != budgeted.archive.genes[0]).any(axis=1)]  # the cheapest is there already
            if len(meeting):
                yield from budgeted.evaluate(meeting)


def number_of_architectures(space: DesignSpace) -> int:
    """Count the architectures in canonical form; where a space has an activity of its own, all rows count."""
    return prod(sum(prod(map(len, choices)) for choices in _choices(space, family)) for family in _families(space))


def architectures(space: DesignSpace, block: int) -> Iterator[Genes]:
    """Enumerate what ``number_of_architectures`` counts, each once: int8 [block or fewer, n_genes]."""
    families = _families(space)
    parts = [np.array([row for choices in _choices(space, family) for row in product(*choices)]) for family in families]
    size = prod(map(len, parts))
    for begin in range(0, size, block):
        number = np.arange(begin, min(begin + block, size))
        genes = np.zeros((len(number), space.n_genes), np.int8)
        for family, part in zip(families, parts, strict=True):
            number, which = np.divmod(number, len(part))
            genes[:, family] = part[which]
        yield genes


def _families(space: DesignSpace) -> list[list[int]]:
    """Group the genes: an owner, always active, and those that it owns; else each gene by itself, as if active."""
    usual = type(space).active is DesignSpace.active and type(space).canonical is DesignSpace.canonical
    owner = space.owner
    if not usual or (owner[owner] != owner).any():
        return [[gene] for gene in range(space.n_genes)]
    roots = np.flatnonzero(owner == np.arange(space.n_genes)).tolist()
    return [[root, *(gene for gene in np.flatnonzero(owner == root).tolist() if gene != root)] for root in roots]


def _choices(space: DesignSpace, family: list[int]) -> Iterator[list[Sequence[int]]]:
    """Return what each gene of a family can be, for one choice of its owner after another."""
    distinct = [sorted(set(space.genes[gene].distinct)) for gene in family]
    for choice in distinct[0]:
        owned = zip(family[1:], distinct[1:], strict=True)
        yield [[choice], *(several if choice >= space.active_from[gene] else [0] for gene, several in owned)]
