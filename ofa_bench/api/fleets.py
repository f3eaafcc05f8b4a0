"""Several devices at once: ``ob.problem(device=[...])`` and what ``ob.run`` returns for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ofa_bench.api.describing import to_overrides
from ofa_bench.api.results import Result, Results
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment.fleet import FLEET
from ofa_bench.search import Problem

__all__ = ["FleetProblem", "FleetResult", "fleet_overrides"]


@dataclass(frozen=True, repr=False, eq=False)
class FleetProblem:
    """A problem on each of several devices: ``problems`` by the name of the device."""

    problems: Mapping[str, Problem]
    overrides: tuple[str, ...]
    nodes: Mapping[str, tuple[str, object]]

    def __getitem__(self, device: str) -> Problem:
        return self.problems[_known(device, self.problems)]

    def __len__(self) -> int:
        return len(self.problems)

    def __repr__(self) -> str:
        lines = "".join(f"\n  {name}: {problem!r}" for name, problem in self.problems.items())
        return f"FleetProblem({len(self)} devices:{lines})"


@dataclass(frozen=True, repr=False, eq=False)
class FleetResult(Results):
    """The results of one run on several devices: ``results`` by the name of the device, also by ``result[device]``."""

    results: Mapping[str, Result] = field(kw_only=True)

    @classmethod
    def of(cls, results: Mapping[str, Result]) -> "FleetResult":
        """Return the results of devices as one."""
        return cls(tuple(one.record for one in results.values()), results=results)

    def __getitem__(self, device: str) -> Result:
        return self.results[_known(device, self.results)]

    def save(self, output: str | Path = "multirun") -> list[Path]:
        """Write the record of each device (see ``Result.save``); return their folders.

        Raises:
            InputError: another record is there, and nothing is overwritten; or a folder cannot be written.
        """
        return [one.save(output) for one in self.results.values()]


def fleet_overrides(devices: Sequence[str]) -> list[str]:
    """Return the overrides that choose several devices.

    Raises:
        InputError: one is not the name of an option or a path.
    """
    wrong = next((one for one in devices if not isinstance(one, str | Path)), None)
    if wrong is not None:
        raise InputError(f"device: a list must have options and paths, not {type(wrong).__name__}")
    return [f"device={FLEET}", *to_overrides("device.devices", [str(one) for one in devices])]


def _known(device: str, devices: Iterable[str]) -> str:
    if device not in devices:
        there = ", ".join(devices)
        raise InputError(
            f"device={device}: not in the fleet; there are {there}{suggestion(str(device), list(devices))}"
        )
    return device
