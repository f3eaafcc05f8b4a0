"""Finds the exact minimum of a sum of small tables by variable elimination (Dechter 1999, bucket elimination)."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.spaces import Genes

__all__ = ["Factor", "aligned", "minimise"]

MAX_CHOICES = 10_000_000
"""The maximum number of entries of an intermediate table."""

Factor = tuple[tuple[int, ...], NDArray[np.float64]]
"""The variables of a table, and its values: one axis a variable."""


def minimise(factors: Sequence[Factor], cardinality: NDArray[np.int8]) -> Genes:
    """Return an assignment of all variables that minimises the sum of all factors: int8 [n_variables].

    Each step eliminates the variable whose factors span the smallest table; variables in no factor become 0.

    Raises:
        InputError: the factors tie too many variables together.
    """
    pending = list(factors)
    left, sizes = set(range(len(cardinality))), cardinality.tolist()
    beside: dict[int, set[int]] = {v: set() for v in left}  # the variables that share a factor with each
    for scope, _ in factors:
        for v in scope:
            beside[v].update(u for u in scope if u != v)
    choices: list[tuple[int, tuple[int, ...], NDArray[np.intp]]] = []
    while left:
        variable = min(left, key=lambda v: (math.prod(sizes[u] for u in beside[v]), v))
        scope = (*sorted(beside[variable]), variable)
        if math.prod(sizes[v] for v in scope) > MAX_CHOICES:
            raise InputError(
                f"its terms tie more than {len(scope) - 1} genes together: the cheapest architecture cannot be found"
            )
        joint = np.zeros([int(cardinality[v]) for v in scope])
        for factor_scope, values in pending:
            if variable in factor_scope:
                joint += aligned(factor_scope, values, scope)
        choices.append((variable, scope[:-1], joint.argmin(axis=-1)))
        pending = [factor for factor in pending if variable not in factor[0]]
        pending.append((scope[:-1], joint.min(axis=-1)))
        left.remove(variable)
        for v in scope[:-1]:
            beside[v].update(u for u in scope[:-1] if u != v)
            beside[v].discard(variable)
    best = np.zeros(len(cardinality), dtype=np.int8)
    for variable, scope, table in reversed(choices):
        best[variable] = table[tuple(best[v] for v in scope)]
    return best


def aligned(scope: tuple[int, ...], values: NDArray[np.float64], wanted: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a table with axes transposed and padded so that it broadcasts over the wanted variables."""
    order = sorted(range(len(scope)), key=lambda axis: wanted.index(scope[axis]))
    sizes = {scope[axis]: values.shape[axis] for axis in order}
    return np.asarray(values.transpose(order).reshape([sizes.get(v, 1) for v in wanted]))
