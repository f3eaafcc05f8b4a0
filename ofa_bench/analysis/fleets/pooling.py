"""Pools the networks of all records of a fleet, with their costs on each of its devices."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.studies import Study
from ofa_bench.devices.cost import CostModel
from ofa_bench.devices.targets import draw_sample
from ofa_bench.records.model import Alternative, Record, Result
from ofa_bench.search.similarity import order_by_similarity, rank_correlations
from ofa_bench.spaces import DesignSpace, Genes, space_of

__all__ = ["MAX_NETWORKS", "Device", "Fleet", "Rebuild", "pool"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Network = Result | Alternative
Rebuild = Callable[[Record, DesignSpace], CostModel | None]
"""Returns the cost model of a record, the very one it was made with; None if that is not possible."""

MAX_NETWORKS = 50_000
"""The number of networks above which only the winners of searches are compared, without their alternatives."""


@dataclass(frozen=True, eq=False)
class Device:
    """A device of a fleet: its targets, ascending, in ``unit``, and the studies that have them.

    ``cost`` is None where the cost model cannot be built again.
    """

    name: str
    unit: str
    targets: tuple[float, ...]
    cost: CostModel | None
    studies: tuple[Study, ...]
    records: tuple[Record, ...]


@dataclass(frozen=True, eq=False)
class Fleet:
    """Devices with records of one space, predictor and limits, and the networks that these found.

    A *place* is a target of a device; places are those of one device after another. Devices that rank architectures
    alike are neighbours; those without a cost model come last.

    Attributes:
        space: the name of the design space.
        predictor: the name of the predictor, with the limits that hold on all devices.
        devices: two or more.
        networks: by falling accuracy; an equally accurate one that was found earlier comes first.
        accuracy: theirs, float64 [networks], percent, without errors of simulated measurements.
        cost: float64 [networks, devices]; NaN where a device has no cost model and did not find the network.
        winners: of each device, the most accurate winner of its own records at each target, int64 [targets], -1
            without one.
        similarity: rank correlations of the devices that have a cost model, float64 [these, these]; they come first.
    """

    space: str
    predictor: str
    devices: tuple[Device, ...]
    networks: tuple[Network, ...]
    accuracy: Floats
    cost: Floats
    winners: tuple[Places, ...]
    similarity: Floats

    @cached_property
    def device_of(self) -> Places:
        """The device of each place: int64 [places]."""
        return np.repeat(np.arange(len(self.devices)), [len(one.targets) for one in self.devices])

    @cached_property
    def targets(self) -> Floats:
        """The target of each place: float64 [places], in the device's unit."""
        return np.array([target for one in self.devices for target in one.targets], np.float64)

    @cached_property
    def best(self) -> Places:
        """The most accurate network that meets the target of each place: int64 [places], -1 without one."""
        return np.concatenate([_first(self.meets(device)) for device in range(len(self.devices))])

    def meets(self, device: int) -> NDArray[np.bool_]:
        """Return which networks meet which targets of a device: bool [networks, targets]."""
        return self.cost[:, device, None] <= np.array(self.devices[device].targets)

    def places(self, device: int) -> slice:
        """Return the places of a device."""
        start, stop = np.searchsorted(self.device_of, [device, device + 1])
        return slice(int(start), int(stop))


def _first(meets: NDArray[np.bool_]) -> Places:
    """Return the first row that is true in each column, -1 without one: bool [n, m] to int64 [m]."""
    return np.where(meets.any(axis=0), meets.argmax(axis=0), -1) if len(meets) else np.full(meets.shape[1], -1)


def pool(found: Sequence[Study], rebuild: Rebuild) -> list[Fleet]:
    """Return the fleets of studies: of each space, predictor and limits on other costs, with two or more devices.

    On each device, the targets are those of its study with the most targets.

    Args:
        found: all studies of some records.
        rebuild: the costs of networks that were found for other devices are by its models.
    """
    problems: dict[str, list[Study]] = {}
    for study in found:
        record = study.entries[0].records[0]
        described = [record.config.get(part) for part in ("space", "limits")]
        key = [record.choices.space, record.choices.predictor, record.predictor.sha256, described]
        problems.setdefault(json.dumps(key, sort_keys=True), []).append(study)
    pooled = [tables for several in problems.values() if len(tables := _by_table(several)) > 1]
    return [_make(_devices(tables, rebuild)) for tables in pooled]


def _by_table(several: Sequence[Study]) -> dict[tuple[str, str], list[Study]]:
    """Return studies by the name of the device and the hash of its table."""
    tables: dict[tuple[str, str], list[Study]] = {}
    for study in several:
        tables.setdefault((study.device, study.entries[0].records[0].device.sha256), []).append(study)
    return tables


def _devices(tables: Mapping[tuple[str, str], Sequence[Study]], rebuild: Rebuild) -> list[Device]:
    """Return the devices of studies of one problem; equal names are told apart by the hashes of their tables."""
    names = [name for name, _ in tables]
    return [
        _device(name if names.count(name) == 1 else f"{name} {sha256[:4]}", studies, rebuild)
        for (name, sha256), studies in tables.items()
    ]


def _device(name: str, several: Sequence[Study], rebuild: Rebuild) -> Device:
    most = max(several, key=lambda study: (len(study.targets), len(study.entries)))
    record = most.entries[0].records[0]
    space = space_of(record.config.get("space"))
    return Device(
        name=name,
        unit=most.unit,
        targets=tuple(most.targets.tolist()),
        cost=None if space is None else rebuild(record, space),
        studies=tuple(study for study in several if np.array_equal(study.targets, most.targets)),
        records=tuple(one for study in several for entry in study.entries for one in entry.records),
    )


def _make(devices: Sequence[Device]) -> Fleet:
    ordered, similarity = _order(devices)
    networks, own = _networks(ordered)
    genes = np.array([one.genes for one in networks], np.int8)
    accuracy = np.array([100 * _accuracy(one) for one in networks], np.float64)
    place_of = {tuple(one.genes): place for place, one in enumerate(networks)}
    study = ordered[0].studies[0]
    return Fleet(
        space=study.space,
        predictor=study.predictor + _limits(study.entries[0].records[0]),
        devices=tuple(ordered),
        networks=tuple(networks),
        accuracy=accuracy,
        cost=_costs(genes, [one.cost for one in ordered], own, place_of),
        winners=tuple(_winners(one, place_of) for one in ordered),
        similarity=similarity,
    )


def _limits(record: Record) -> str:
    """Return the limits of a record as text; a name or number that is none is left out."""
    limits = record.config.get("limits")
    named = limits.items() if isinstance(limits, dict) else ()
    known = [(name, most) for name, most in named if re.fullmatch(r"[\w.+-]+", str(name))]
    return "".join(f", {name} ≤ {most:g}" for name, most in known if isinstance(most, int | float))


def _order(devices: Sequence[Device]) -> tuple[list[Device], Floats]:
    """Return the devices in order, and the similarity of those that have a cost model."""
    known = [one for one in devices if one.cost is not None]
    others = [one for one in devices if one.cost is None]
    space = space_of(devices[0].studies[0].entries[0].records[0].config.get("space"))
    if space is None or len(known) < 2:
        return [*known, *others], np.ones((len(known), len(known)))
    rows = draw_sample(space)
    similarity = rank_correlations(np.stack([one.cost.without_limits(rows) for one in known if one.cost], axis=1))
    order = order_by_similarity(similarity)
    return [*(known[i] for i in order), *others], similarity[np.ix_(order, order)]


def _accuracy(network: Network) -> float:
    """Return an accuracy without errors of simulated measurements, a fraction of 1."""
    return (network.accuracy if network.true_accuracy is None else network.true_accuracy) or 0.0


def _networks(devices: Sequence[Device]) -> tuple[list[Network], list[dict[tuple[int, ...], float]]]:
    """Return the distinct networks of all records by falling accuracy, and for each device the costs that it knows."""
    results = [[one for record in device.records for one in record.results if one.feasible] for device in devices]
    winners = {tuple(one.genes): one for of_device in results for one in of_device}
    every: dict[tuple[int, ...], Network] = dict(winners)
    own = [{tuple(one.genes): one.cost for result in of_device for one in result.networks} for of_device in results]
    for of_device in results:
        for result in of_device:
            for one in result.alternatives:
                every.setdefault(tuple(one.genes), one)
    kept = every if len(every) <= MAX_NETWORKS else winners
    return sorted(kept.values(), key=_accuracy, reverse=True), own


def _costs(
    genes: Genes,
    models: Sequence[CostModel | None],
    own: Sequence[dict[tuple[int, ...], float]],
    place_of: dict[tuple[int, ...], int],
) -> Floats:
    """Return the cost of each network on each device: as recorded there, else by the model."""
    cost = np.full((len(genes), len(models)), np.nan)
    for column, (model, known) in enumerate(zip(models, own, strict=True)):
        if model is not None and len(genes):
            cost[:, column] = model.cost(genes)
        there = [(place_of[key], value) for key, value in known.items() if key in place_of]
        cost[[place for place, _ in there], column] = [value for _, value in there]
    return cost


def _winners(device: Device, place_of: dict[tuple[int, ...], int]) -> Places:
    best = np.full(len(device.targets), -1, np.int64)
    for target, result in _at_targets(device):
        place = place_of[tuple(result.genes)]
        best[target] = place if best[target] < 0 else min(place, best[target])
    return best


def _at_targets(device: Device) -> Iterator[tuple[int, Result]]:
    """Yield each result of a device's records that meets one of its targets, with the target's position."""
    position = {target: i for i, target in enumerate(device.targets)}
    for study in device.studies:
        for entry in study.entries:
            for results in entry.repeats:
                for one in results:
                    if one.feasible:
                        yield position[float(one.target)], one
