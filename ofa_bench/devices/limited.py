"""A device's costs within limits on other costs: 20 ms *and* 6 million parameters."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostLimit, CostModel
from ofa_bench.devices.joint_minimum import cheapest_within
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.declarations import declares_fork_safe

__all__ = ["LimitedCost"]


class LimitedCost(CostModel):
    """The costs of a device, infinite where an architecture misses a limit on another cost.

    ``cheapest`` is the cheapest architecture within the limits (see ``joint_minimum``); ``proven`` is whether no other
    is cheaper. ``maximum`` is that of the device without limits.

    Args:
        space: the design space.
        cost: of the device.
        limits: on other costs; all hold.

    Raises:
        InputError: a limit is not a positive number, or no architecture meets all limits.
    """

    def __init__(self, space: DesignSpace, cost: CostModel, limits: Sequence[CostLimit]) -> None:
        self.name, self.unit, self.card, self.targets = cost.name, cost.unit, cost.card, cost.targets
        self.guard_band, self.plain, self.limits = cost.guard_band, cost, tuple(limits)
        hashed = [cost.sha256, *([one.cost.name, one.cost.sha256, one.most] for one in limits)]
        self.sha256 = hashlib.sha256(json.dumps(hashed).encode()).hexdigest()
        self.maximum, self.dearest = cost.maximum, cost.dearest
        found = cheapest_within(cost, [(one.cost, one.most) for one in limits], space)
        listed = ", ".join(map(str, limits))
        if found.genes is None:
            how = "no architecture" if found.proven else "no architecture was found that"
            raise InputError(f"limits: {how} of {space.name} meets {listed} together")
        self.cheapest, self.minimum, self.proven = found.genes, found.cost, found.proven

    @property
    def fork_safe(self) -> bool:  # type: ignore[override]
        """Whether all cost models are."""
        return all(declares_fork_safe(one) for one in (self.plain, *(limit.cost for limit in self.limits)))

    def cost(self, genes: Genes) -> NDArray[np.float64]:
        """Return the cost of each architecture, infinite where it misses a limit: int8 [n, n_genes] to float64 [n]."""
        return np.where(self.meets_limits(genes), self.plain.cost(genes), np.inf)

    def meets_limits(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which architectures meet all limits: int8 [n, n_genes] to bool [n]."""
        found: NDArray[np.bool_] = np.all([one.cost.cost(genes) <= one.most for one in self.limits], axis=0)
        return found

    def without_limits(self, genes: Genes) -> NDArray[np.float64]:
        """Return the device's cost of each architecture: int8 [n, n_genes] to float64 [n]."""
        return self.plain.cost(genes)

    def costs_elsewhere(self, genes: Genes) -> Mapping[str, NDArray[np.float64]]:
        """Return the costs that have limits, by cost model: int8 [n, n_genes] to float64 [n] each."""
        others = {one.cost.name: one.cost.cost(genes) for one in self.limits}
        return {**self.plain.costs_elsewhere(genes), **others}
