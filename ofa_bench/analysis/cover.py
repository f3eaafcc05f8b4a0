"""The fewest networks that serve all targets at a small loss: a set cover, solved by integer programming."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

__all__ = ["MAX_NODES", "MAX_PAIRS", "MAX_SECONDS", "Cover", "smallest_cover"]

MAX_SECONDS = 20.0
"""The time limit of one program."""

MAX_NODES = 10_000
"""The maximum number of nodes of one program; unlike the time limit, it means the same on every machine."""

MAX_PAIRS = 20_000
"""The maximum number of pairs of a network and a target that it serves for which the least total loss is sought."""

Bools = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Cover:
    """Networks that serve all targets (``networks``: int64 [chosen], ascending places of rows).

    No cover has fewer networks than ``bound``. ``proven``: this one has as few.
    """

    networks: Places
    bound: int

    @property
    def proven(self) -> bool:
        """Whether no cover has fewer networks."""
        return len(self.networks) == self.bound


def smallest_cover(loss: NDArray[np.float64], allowed: float) -> Cover:
    """Return the fewest networks such that each target has one whose loss is at most ``allowed``.

    If at most ``MAX_PAIRS`` pairs of them have such a loss, it is the smallest cover of the least total loss, with each
    target served by its best network in the cover. The same losses give the same cover, unless time runs out.

    Args:
        loss: float64 [networks, targets]; infinite where a network misses a target.
        allowed: the largest loss of a target that is served.

    Raises:
        ValueError: no network serves some target.
    """
    serves = loss <= allowed
    unserved = int((~serves.any(axis=0)).sum())
    if unserved:
        raise ValueError(f"{unserved} of {loss.shape[1]} targets have no network with a loss of at most {allowed}")
    cover = _fewest(serves)
    if cover.proven and serves.sum() <= MAX_PAIRS:
        cover = Cover(_least_loss(loss, serves, cover.networks), cover.bound)
    return cover


def _fewest(serves: Bools) -> Cover:
    """Return the fewest networks that serve all targets, of bool [networks, targets]."""
    networks, targets = _irreducible(serves)
    part = serves[np.ix_(networks, targets)]
    greedy = _greedy(part)
    if len(greedy) == 1:
        return Cover(np.sort(networks[greedy]), len(greedy))
    found = _solved(np.ones(len(networks)), True, sparse.csr_array(part.T, dtype=float), 1, np.inf)
    bound = math.ceil(len(targets) / part.sum(axis=1).max())  # the largest network serves no more
    if found.mip_dual_bound is not None:
        bound = max(bound, math.ceil(found.mip_dual_bound - 1e-6))
    chosen = greedy if found.x is None else np.flatnonzero(found.x > 0.5)
    chosen = min(chosen, greedy, key=len)
    return Cover(np.sort(networks[chosen]), min(bound, len(chosen)))


def _irreducible(serves: Bools) -> tuple[Places, Places]:
    """Return the networks and the targets that are left when those that decide nothing are left out.

    A network is not needed if another one serves all that it serves; nor is a target, if whatever serves another one
    serves it too. Of equal ones the first is left.
    """
    networks, targets = (np.arange(size) for size in serves.shape)
    size = None
    while size != (len(networks), len(targets)):
        size = len(networks), len(targets)
        networks = networks[_largest(serves[np.ix_(networks, targets)])]
        targets = targets[~_holds_another(serves[np.ix_(networks, targets)].T)]
    return networks, targets


def _largest(sets: Bools) -> Places:
    """Return which rows are no subset of another, the first of equal ones: int64 [left], of bool [n, members]."""
    first = _distinct(sets)
    return first[~_holds_another(~sets[first])]  # a subset's complement holds the other's


def _holds_another(sets: Bools) -> Bools:
    """Return which rows hold all members of another row, and are not the first of equal ones: bool [n]."""
    holds = np.ones(len(sets), bool)
    first = _distinct(sets)
    members = sets[first].astype(np.float32)
    sizes = members.sum(axis=1)
    for begin in range(0, len(first), 1000):
        common = members[begin : begin + 1000] @ members.T
        holds[first[begin : begin + 1000]] = (common == sizes).sum(axis=1) > 1
    return holds


def _distinct(sets: Bools) -> Places:
    """Return the first of equal rows, ascending: int64 [distinct]."""
    return np.sort(np.unique(np.packbits(sets, axis=1), axis=0, return_index=True)[1])


def _greedy(serves: Bools) -> Places:
    """Return networks that serve all targets; each serves the most of those that the ones before leave."""
    chosen, left = [], serves.astype(np.float32)
    while left.any():
        chosen.append(int(left.sum(axis=1).argmax()))
        left[:, serves[chosen[-1]]] = 0
    return np.array(chosen, np.int64)


def _least_loss(loss: NDArray[np.float64], serves: Bools, cover: Places) -> Places:
    """Return a cover with as many networks and the least total loss; the given one if none is found in time."""
    network, target = np.nonzero(serves)
    pair, networks, targets = np.arange(len(network)), len(loss), loss.shape[1]
    ones = np.ones(len(network))
    of_network = sparse.coo_array((ones, (pair, network)), shape=(len(network), networks))
    of_target = sparse.coo_array((ones, (target, pair)), shape=(targets, len(network)))
    rows = sparse.bmat(
        [
            [of_network, sparse.coo_array((-ones, (pair, pair)))],  # a network that serves is chosen
            [None, of_target],  # one network serves each target
            [sparse.coo_array(np.ones((1, networks))), None],  # as many as before
        ]
    )
    least = np.concatenate([np.zeros(len(network)), np.ones(targets), [len(cover)]])
    most = np.concatenate([ones, np.ones(targets), [len(cover)]])
    costs = np.concatenate([np.zeros(networks), loss[serves]])
    scale = np.abs(costs).max() or 1.0
    found = _solved(costs / scale, np.arange(len(costs)) < networks, rows, least, most)
    if found.x is None:
        return cover
    chosen = np.flatnonzero(found.x[:networks] > 0.5)
    serve_all = bool(serves[chosen].any(axis=0).all()) and len(chosen) == len(cover)
    return chosen if serve_all and _total(loss, chosen) < _total(loss, cover) else cover


def _total(loss: NDArray[np.float64], networks: Places) -> float:
    """Return the sum over targets of the loss of the best of some networks."""
    return float(loss[networks].min(axis=0).sum())


def _solved(costs: NDArray[np.float64], whole: Any, rows: Any, least: Any, most: Any) -> Any:
    """Return what the solver found for variables from 0 to 1, some of them whole, with rows from least to most."""
    return milp(
        costs,
        integrality=whole,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, least, most),
        options={"time_limit": MAX_SECONDS, "node_limit": MAX_NODES, "mip_rel_gap": 0.0},
    )
