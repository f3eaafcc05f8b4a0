"""Finds the fewest networks that serve all targets of a fleet, and what networks of one device lose on others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.cover import smallest_cover
from ofa_bench.analysis.fleets.pooling import Fleet

__all__ = ["ALLOWED", "MAX_CANDIDATES", "Service", "Transfer", "serve", "transfer"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

ALLOWED = (0.0, 0.05, 0.1, 0.2, 0.5)
"""The losses that are allowed, points of predicted accuracy."""

MAX_CANDIDATES = 20_000
"""The number of networks among which the fewest are sought: the best of each place, and those that serve most."""

MAX_LOSSES = 10_000_000
"""The number of losses (networks times places) above which fewer networks are considered."""

ROUNDING = 1e-9
"""Losses (points) that exceed what is allowed by no more than this are rounding errors."""


@dataclass(frozen=True, eq=False)
class Service:
    """Networks that serve all places at a loss of at most ``allowed`` points each.

    ``network`` is the one that serves each place, int64 [places], -1 where no network meets the target; ``loss`` is its
    distance from the most accurate one, float64 [places], points, NaN there. None of the ``considered`` networks can
    serve all with fewer than ``bound``; they are all that would do somewhere if ``left_out`` is 0.
    """

    allowed: float
    network: Places
    loss: Floats
    bound: int
    considered: int
    left_out: int

    @property
    def chosen(self) -> Places:
        """The networks that serve some place, ascending: int64 [chosen]."""
        return np.unique(self.network[self.network >= 0])

    @property
    def proven(self) -> bool:
        """Whether no fewer networks serve all."""
        return len(self.chosen) == self.bound and not self.left_out


def serve(fleet: Fleet, allowed: Sequence[float] = ALLOWED) -> list[Service]:
    """Return the fewest networks for each allowed loss, points; an empty list if no target is met."""
    met = np.flatnonzero(fleet.best >= 0)
    if not len(met):
        return []
    return [_service(fleet, met, one) for one in allowed]


def _service(fleet: Fleet, met: Places, allowed: float) -> Service:
    kept, left_out = _candidates(fleet, allowed)
    loss = _losses(fleet, kept)[:, met]
    cover = smallest_cover(loss, allowed + ROUNDING)
    by = loss[cover.networks].argmin(axis=0)
    network, lost = np.full(len(fleet.best), -1, np.int64), np.full(len(fleet.best), np.nan)
    network[met] = kept[cover.networks[by]]
    lost[met] = loss[cover.networks[by], np.arange(len(met))]
    return Service(allowed, network, lost, cover.bound, len(kept), left_out)


def _losses(fleet: Fleet, networks: Places) -> Floats:
    """Return the loss of networks at each place, infinite where they miss the target: float64 [networks, places]."""
    best = np.where(fleet.best >= 0, fleet.accuracy[fleet.best], np.nan)
    loss: Floats = best - fleet.accuracy[networks, None]
    loss[~(fleet.cost[np.ix_(networks, fleet.device_of)] <= fleet.targets)] = np.inf
    return loss


def _candidates(fleet: Fleet, allowed: float) -> tuple[Places, int]:
    """Return the networks that serve a place at an allowed loss, ascending, and how many of them are left out."""
    served = np.zeros(len(fleet.networks), np.int64)
    for device in range(len(fleet.devices)):
        best = fleet.best[fleet.places(device)]
        near = fleet.accuracy[:, None] >= np.where(best >= 0, fleet.accuracy[best], np.inf) - allowed - ROUNDING
        served += (near & fleet.meets(device)).sum(axis=1)
    kept = np.flatnonzero(served)
    limit = min(MAX_CANDIDATES, MAX_LOSSES // len(fleet.best))
    if len(kept) > limit:
        most = kept[np.argsort(-served[kept], kind="stable")[:limit]]
        most = np.union1d(most, fleet.best[fleet.best >= 0])
        return most, len(kept) - len(most)
    return kept, 0


@dataclass(frozen=True, eq=False)
class Transfer:
    """What the winners of one device (rows) lose on another (columns), with all devices of a fleet.

    ``loss``: mean over the targets of the other device that are met, points: its own best winner less the most accurate
    of the other's that meets the target; float64 [devices, devices], NaN where nothing is known. ``missed``: how many
    of its targets none of them meets, int64 [devices, devices].
    """

    loss: Floats
    missed: Places


def transfer(fleet: Fleet) -> Transfer:
    """Return what the winners of each device lose on each other one."""
    m = len(fleet.devices)
    loss, missed = np.full((m, m), np.nan), np.zeros((m, m), np.int64)
    taken = [np.unique(winners[winners >= 0]) for winners in fleet.winners]
    for to, device in enumerate(fleet.devices):
        own, targets = fleet.winners[to], np.array(device.targets)
        for of in range(m):
            if of != to and device.cost is None:
                continue
            meets = fleet.cost[taken[of], to, None] <= targets
            met = meets.any(axis=0) & (own >= 0)
            missed[of, to] = (~meets.any(axis=0) & (own >= 0)).sum()
            if met.any():
                best = taken[of][meets.argmax(axis=0)]  # ascending places have falling accuracies
                loss[of, to] = (fleet.accuracy[own] - fleet.accuracy[best])[met].mean()
    return Transfer(loss, missed)
