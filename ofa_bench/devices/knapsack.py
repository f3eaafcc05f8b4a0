"""Minimises a sum of small tables under limits on other such sums, by mixed-integer programming."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.elimination import Factor, aligned
from ofa_bench.spaces import Genes

__all__ = ["MAX_CHOICES", "MAX_NODES", "MAX_SECONDS", "Solution", "minimise_largest", "minimise_within"]

MAX_CHOICES = 200_000
"""The maximum number of choices of all clusters of variables; with more, nothing is found."""

MAX_SECONDS = 20.0
"""The time limit of one program; the tables of the package take 0.01 to 3 seconds."""

MAX_NODES = 10_000
"""The maximum number of nodes of one program; unlike the time limit, it means the same on every machine."""

ROUNDING = 1e-9
"""Entries above a limit by this share of it may still meet it: sums of the same entries differ by their order."""

Scope = tuple[int, ...]


@dataclass(frozen=True)
class Solution:
    """The best assignment that was found, int8 [n_variables], or None; and a bound.

    No assignment within the limits has a sum below ``bound``; it is infinite if none is within them. The solver meets
    limits and bounds up to about 1e-6 of their size.
    """

    genes: Genes | None
    bound: float


@dataclass(frozen=True)
class _Cluster:
    """Some variables: the choices of them that are left, intp [n, variables], with entries, float64 [tables, n]."""

    choices: NDArray[np.intp]
    entries: NDArray[np.float64]


def minimise_within(
    tables: Sequence[Sequence[Factor]], limits: Sequence[float], cardinality: NDArray[np.int8]
) -> Solution:
    """Return an assignment of all variables that minimises the first table's sum, with the others within limits.

    A knapsack: one binary variable for each choice of a cluster of variables, which are those of a factor. Clusters
    agree on the variables that they share. A choice is left out if another one with the same shared variables is
    nowhere worse.

    Args:
        tables: the factors of each table; those of all but the first have no negative entry.
        limits: of all tables but the first, 0 or more.
        cardinality: int8 [n_variables], the number of values of each variable.
    """
    clusters = _reduced(tables, np.array(limits), cardinality)
    if clusters is None:
        return Solution(None, -math.inf)
    if not all(len(cluster.choices) for cluster in clusters.values()):
        return Solution(None, math.inf)
    entries = np.hstack([cluster.entries for cluster in clusters.values()])
    scale: NDArray[np.float64] = np.abs(entries).max(axis=1)
    scale[1:] = limits
    scale = np.where(scale > 0, scale, 1)
    entries = entries / scale[:, None]
    limited = entries[1:], np.array(limits) / scale[1:]
    return _solve(clusters, cardinality, entries[0], limited, float(scale[0]))


def minimise_largest(
    tables: Sequence[Sequence[Factor]], offsets: Sequence[float], steps: Sequence[float], cardinality: NDArray[np.int8]
) -> Solution:
    """Return an assignment of all variables that minimises the largest of (sum - offset) / step over the tables.

    Differences below 0 count as 0. The bound is one of that largest difference.

    Args:
        tables: the factors of each table, without negative entries.
        offsets: of each table, 0 or more.
        steps: of each table, above 0.
        cardinality: int8 [n_variables], the number of values of each variable.
    """
    clusters = _reduced(tables, np.full(len(tables) - 1, np.inf), cardinality)
    if clusters is None:
        return Solution(None, -math.inf)
    scale = np.array(steps)
    entries = np.hstack([cluster.entries for cluster in clusters.values()]) / scale[:, None]
    return _solve(clusters, cardinality, None, (entries, np.array(offsets) / scale), 1.0)


def _reduced(
    tables: Sequence[Sequence[Factor]], limits: NDArray[np.float64], cardinality: NDArray[np.int8]
) -> dict[Scope, _Cluster] | None:
    """Return the clusters of the tables without needless choices; None if there are too many choices."""
    clusters = _clusters(tables, cardinality)
    if sum(len(cluster.choices) for cluster in clusters.values()) > MAX_CHOICES:
        return None
    return _pruned(clusters, limits)


def _solve(
    clusters: Mapping[Scope, _Cluster],
    cardinality: NDArray[np.int8],
    cost: NDArray[np.float64] | None,
    limited: tuple[NDArray[np.float64], NDArray[np.float64]],
    scale: float,
) -> Solution:
    """Return the solution of a program over the choices of clusters.

    Args:
        clusters: with any number of choices each, but 0.
        cardinality: int8 [n_variables].
        cost: of each choice [n], to be minimised; None: that by which limits are missed is minimised.
        limited: what each choice adds to limited sums [m, n], and the limits [m].
        scale: the unit of the cost.
    """
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    links = _links(clusters, cardinality)
    entries, limits = limited
    n, columns = entries.shape[1], links.shape[1] + (cost is None)
    objective, rows, highest = np.zeros(columns), np.zeros((len(entries), columns)), np.ones(columns)
    rows[:, :n] = entries
    if cost is None:  # the last column is by how much the limits are missed
        objective[-1], rows[:, -1], highest[-1] = 1, -1, np.inf
        links.resize(links.shape[0], columns)
    else:
        objective[:n] = cost
    agree = np.zeros(links.shape[0])
    agree[-1] = 1
    found = milp(
        objective,
        integrality=np.arange(columns) < n,
        bounds=Bounds(0, highest),
        constraints=[
            LinearConstraint(links, agree, agree),
            LinearConstraint(sparse.csr_array(rows), -np.inf, limits),
        ],
        # presolve scales rows, and solutions then miss limits by more than the tolerance
        options={"time_limit": MAX_SECONDS, "node_limit": MAX_NODES, "mip_rel_gap": 0.0, "presolve": False},
    )
    if found.status == 2:  # infeasible
        return Solution(None, math.inf)
    bound = -math.inf if found.mip_dual_bound is None else float(found.mip_dual_bound * scale)
    return Solution(None if found.x is None else _assignment(clusters, found.x, len(cardinality)), bound)


def _assignment(clusters: Mapping[Scope, _Cluster], chosen: NDArray[np.float64], n_variables: int) -> Genes:
    """Return the variables of the chosen choices: int8 [n_variables]; those of no cluster are 0."""
    genes: Genes = np.zeros(n_variables, np.int8)
    begin = 0
    for scope, cluster in clusters.items():
        end = begin + len(cluster.choices)
        genes[list(scope)] = cluster.choices[chosen[begin:end].argmax()]
        begin = end
    return genes


def _clusters(tables: Sequence[Sequence[Factor]], cardinality: NDArray[np.int8]) -> dict[Scope, _Cluster]:
    """Return the sums of the factors by their variables; factors of some of a cluster's variables are part of it."""
    used = [[_without_idle(*factor) for factor in factors] for factors in tables]
    scopes = {tuple(sorted(scope)) for factors in used for scope, _ in factors}
    largest = [scope for scope in sorted(scopes) if not any(set(scope) < set(other) for other in scopes)]
    sizes = {scope: [int(cardinality[v]) for v in scope] for scope in largest}
    sums = {scope: np.zeros((len(tables), *sizes[scope])) for scope in largest}
    for number, factors in enumerate(used):
        for scope, values in factors:
            into = next(one for one in largest if set(scope) <= set(one))
            sums[into][number] += aligned(scope, values, into)
    return {scope: _Cluster(_grid(sizes[scope]), sums[scope].reshape(len(tables), -1)) for scope in largest}


def _without_idle(scope: Scope, values: NDArray[np.float64]) -> Factor:
    """Return a factor without the variables that change nothing in it."""
    for axis in reversed(range(len(scope))):
        if (values == values.take([0], axis)).all():
            scope, values = scope[:axis] + scope[axis + 1 :], np.asarray(values.take(0, axis))
    return scope, values


def _pruned(clusters: Mapping[Scope, _Cluster], limits: NDArray[np.float64]) -> dict[Scope, _Cluster]:
    """Return the clusters without choices that miss a limit by themselves, or for which another one can stand."""
    pruned = {}
    for scope, (choices, entries) in ((scope, (c.choices, c.entries)) for scope, c in clusters.items()):
        others = {v for other in clusters if other != scope for v in other}
        shared = choices[:, [v in others for v in scope]]
        fronts: dict[tuple[int, ...], list[int]] = {}
        for i in np.lexsort(entries[::-1]).tolist():
            front = fronts.setdefault(tuple(shared[i].tolist()), [])
            if (entries[1:, i] <= limits * (1 + ROUNDING)).all() and not (entries[:, front] <= entries[:, i, None]).all(
                axis=0
            ).any():
                front.append(i)
        left = sorted(i for front in fronts.values() for i in front)
        pruned[scope] = _Cluster(choices[left], entries[:, left])
    return pruned


def _links(clusters: Mapping[Scope, _Cluster], cardinality: NDArray[np.int8]) -> Any:
    """Return a sparse matrix, times 0-1 variables: all rows are 0, and the last is 1, if the clusters agree.

    Its columns are the choices of the clusters, and then those of the variables that clusters have in common. Each set
    of variables agrees with every smallest one around it, and sets with nothing in them have one choice.
    """
    from scipy import sparse

    joints = {scope: _grid([int(cardinality[v]) for v in scope]) for scope in _common(list(clusters))}
    choices = {scope: cluster.choices for scope, cluster in clusters.items()} | joints
    begins = np.cumsum([0, *map(len, choices.values())])
    begin = dict(zip(choices, begins.tolist(), strict=False))
    rows = []
    for inner, outer in _neighbours(list(choices)):
        sizes = [int(cardinality[v]) for v in inner]
        places = []
        for scope in (outer, inner):
            columns = choices[scope][:, [scope.index(v) for v in inner]]
            places.append(columns @ np.array([math.prod(sizes[i + 1 :]) for i in range(len(sizes))], np.intp))
        values = np.concatenate([np.ones(len(places[0])), -np.ones(len(places[1]))])
        columns = np.concatenate([begin[s] + np.arange(len(p)) for s, p in zip((outer, inner), places, strict=True)])
        shape = (math.prod(sizes), int(begins[-1]))
        rows.append(sparse.coo_array((values, (np.concatenate(places), columns)), shape=shape))
    last = sparse.coo_array((np.ones(1), ([0], [begin[()]])), shape=(1, int(begins[-1])))
    return sparse.vstack([*rows, last]).tocsr()


def _grid(sizes: Sequence[int]) -> NDArray[np.intp]:
    """Return all choices of variables with these numbers of values: intp [n, variables]."""
    choices: NDArray[np.intp] = np.indices(sizes, np.intp).reshape(len(sizes), math.prod(sizes)).T
    return choices


def _common(scopes: Sequence[Scope]) -> list[Scope]:
    """Return what any of the scopes have in common, and the empty scope; without the scopes themselves."""
    found = {*scopes, ()}
    more = found
    while more:
        more = {tuple(sorted(set(a) & set(b))) for a, b in combinations(sorted(found), 2)} - found
        found = found | more
    return sorted(found - set(scopes))


def _neighbours(scopes: Sequence[Scope]) -> Iterator[tuple[Scope, Scope]]:
    """Yield each pair of scopes of which the first is within the second, and no other is between."""
    sets = {scope: set(scope) for scope in scopes}
    for inner in scopes:
        around = [scope for scope in scopes if sets[inner] < sets[scope]]
        for outer in around:
            if not any(sets[between] < sets[outer] for between in around):
                yield inner, outer
