"""One cost model over a group of devices: the worst case, or the mean, for one network that all of them run."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostModel, CostTable
from ofa_bench.devices.levels import Leveled, cheapest_level
from ofa_bench.devices.synthetic import mix
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.declarations import declares_fork_safe

__all__ = ["MeanCost", "WorstCost"]

MAX_NAME = 60
"""The maximum length of a name that lists all devices; it is part of the names of exported files."""


class WorstCost(CostModel):
    """The largest of the levels that an architecture has on each device of a group.

    An architecture that costs k or less meets level k on every device. ``cheapest`` is exact for tables and in small
    spaces; ``proven`` is whether no other architecture is cheaper. ``dearest`` is exact.

    Args:
        space: the design space.
        devices: two or more, all with the same number of levels.
    """

    unit = "level"

    def __init__(self, space: DesignSpace, devices: Sequence[Leveled]) -> None:
        self.devices, self.name = tuple(devices), _name("worst", devices)
        self.sha256, self.card = _sha256("worst", devices), _card("The worst case", devices)
        self.targets = tuple(float(k) for k in range(1, len(devices[0].levels) + 1))
        highest = [self.cost(one.cost.dearest[None])[0] for one in devices]
        self.dearest, self.maximum = devices[int(np.argmax(highest))].cost.dearest, float(max(highest))
        found = cheapest_level(self, devices, space)
        assert found.genes is not None
        self.cheapest, self.minimum, self.proven = found.genes, found.cost, found.proven

    @property
    def fork_safe(self) -> bool:  # type: ignore[override]
        """Whether all cost models are."""
        return all(declares_fork_safe(one.cost) for one in self.devices)

    def cost(self, genes: Genes) -> NDArray[np.float64]:
        """Return the highest level of each architecture on any device: int8 [n, n_genes] to float64 [n]."""
        return np.asarray(np.max([one.level(one.cost.cost(genes)) for one in self.devices], axis=0))

    def costs_elsewhere(self, genes: Genes) -> Mapping[str, NDArray[np.float64]]:
        """Return the cost of each architecture by device, in its own unit: int8 [n, n_genes] to float64 [n] each."""
        return {one.cost.name: one.cost.cost(genes) for one in self.devices}


class MeanCost(CostTable):
    """The mean over a group of devices of the cost there, as a multiple of the mean of the device's levels.

    It is an exact table. Target k is what an architecture costs whose cost is level k on every device.

    Args:
        space: the design space.
        devices: two or more, all with the same number of levels.

    Raises:
        InputError: a cost model is no additive table.
    """

    def __init__(self, space: DesignSpace, devices: Sequence[Leveled]) -> None:
        tables = [one.cost for one in devices if isinstance(one.cost, CostTable)]
        others = [one.cost.name for one in devices if type(one.cost).cost is not CostTable.cost]
        if others:
            raise InputError(f"device.of=mean: {others[0]} is no table of additive costs; only device.of=worst")
        scales = np.array([np.mean(one.levels) for one in devices])
        targets = (np.array([one.levels for one in devices]) / scales[:, None]).mean(axis=0)
        super().__init__(
            space,
            mix(tables, (1 / scales / len(devices)).tolist()),
            name=_name("mean", devices),
            unit="x mean level",
            sha256=_sha256("mean", devices),
            card=_card("The mean", devices),
            targets=[float(f"{target:.4g}") for target in targets],
        )
        self.devices = tuple(devices)

    def costs_elsewhere(self, genes: Genes) -> Mapping[str, NDArray[np.float64]]:
        """Return the cost of each architecture by device, in its own unit: int8 [n, n_genes] to float64 [n] each."""
        return {one.cost.name: one.cost.cost(genes) for one in self.devices}


def _name(of: str, devices: Sequence[Leveled]) -> str:
    name = "+".join([of, *(one.cost.name for one in devices)])
    return name if len(name) <= MAX_NAME else f"{of}+{len(devices)}_devices"


def _sha256(of: str, devices: Sequence[Leveled]) -> str:
    content = json.dumps([of, *([one.cost.sha256, one.levels] for one in devices)])
    return hashlib.sha256(content.encode()).hexdigest()


def _card(of: str, devices: Sequence[Leveled]) -> dict[str, object]:
    *names, last = [one.cost.name for one in devices]
    return {"title": f"{of} of {', '.join(names)} and {last}", "devices": [one.describe() for one in devices]}
