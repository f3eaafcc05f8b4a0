"""Names the networks of a fleet: one that serves several places has one name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ofa_bench.analysis.fleets.pooling import Fleet
from ofa_bench.analysis.fleets.serving import Service
from ofa_bench.predictors.coverage import format_choices
from ofa_bench.records.unlabelled import MARK

__all__ = ["CHOSEN", "Named"]

CHOSEN = 0.1
"""The allowed loss (points) whose networks are listed, to be built."""


@dataclass(frozen=True, eq=False)
class Named:
    """A fleet with its services; ``names`` are N1, N2, ... by rising accuracy.

    They are those of the best networks, and of those that serve all at a loss of ``CHOSEN``.
    """

    fleet: Fleet
    services: tuple[Service, ...]

    @cached_property
    def service(self) -> Service:
        """The service at a loss of ``CHOSEN``."""
        return next(one for one in self.services if one.allowed == CHOSEN)

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The names by network."""
        best = self.fleet.best[self.fleet.best >= 0]
        used = np.union1d(best, self.service.chosen)[::-1].tolist()  # by rising accuracy
        return {network: f"N{number}" for number, network in enumerate(used, 1)}

    def accuracy(self, network: int) -> str:
        """Return the accuracy of a network, percent, marked if no label of the predictor had its choices."""
        return f"{self.fleet.accuracy[network]:.2f}{MARK if self.fleet.networks[network].unlabelled else ''}"

    @property
    def note(self) -> str:
        """A note on marked accuracies; empty without any."""
        merged: dict[str, set[float]] = {}
        for network in self.names:
            for gene, values in (self.fleet.networks[network].unlabelled or {}).items():
                merged.setdefault(gene, set()).update(values)
        choices = format_choices({gene: sorted(values) for gene, values in merged.items()})
        return f"Accuracies marked {MARK} are less certain: no label of the predictor had {choices}." if merged else ""

    def places_of(self, network: int) -> Iterator[tuple[str, str]]:
        """Yield the devices that a chosen network serves, each with its targets as text."""
        for place, device in enumerate(self.fleet.devices):
            of = self.fleet.places(place)
            served = self.fleet.targets[of][self.service.network[of] == network]
            if len(served):
                yield device.name, ", ".join(f"{target:g}" for target in served)
