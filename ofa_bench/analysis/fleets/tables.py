"""Builds the tables of a fleet, with a row for each device, network, allowed loss or strategy."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.analysis.fleets.naming import CHOSEN, Named
from ofa_bench.analysis.fleets.pooling import Fleet
from ofa_bench.analysis.fleets.serving import Service, Transfer
from ofa_bench.analysis.fleets.spending import FleetLine, Mean, against_best_known
from ofa_bench.formatting import format_number
from ofa_bench.records.tables import Table, without_empty

__all__ = [
    "PLACES", "best_table", "chosen_table", "matrix_table", "neighbours", "places_table", "regret_table",
    "served_table", "services_table", "spent_table",
]  # fmt: skip

SHOWN = 6
"""The maximum number of devices that the list of a network names."""

PLACES = (
    "space", "predictor", "device", "unit", "target", "best_network", "best_accuracy", "best_cost", "network",
    "accuracy", "cost", "loss", "best_architecture", "architecture",
)  # fmt: skip
"""The columns of ``places_table``. ``network`` is the one that serves the place at a loss of ``CHOSEN``."""


def best_table(named: Named) -> Table:
    """Return the most accurate network for each device (rows) and target (columns)."""
    fleet = named.fleet
    return _matrix(named, fleet.best.tolist(), f"The most accurate network for each device and target: {_of(fleet)}")


def served_table(named: Named) -> Table:
    """Return which of the fewest networks serves each device (rows) and target (columns)."""
    title = f"Which network serves each device and target at a loss of at most {CHOSEN:g} points: {_of(named.fleet)}"
    return _matrix(named, named.service.network.tolist(), title)


def _of(fleet: Fleet) -> str:
    return f"{fleet.space}, predictor {fleet.predictor}"


def _matrix(named: Named, networks: Sequence[int], title: str) -> Table:
    fleet = named.fleet
    most = max(len(one.targets) for one in fleet.devices)
    rows = []
    for place, device in enumerate(fleet.devices):
        of = networks[fleet.places(place)]
        cells = [_cell(named, target, one) for target, one in zip(device.targets, of, strict=True)]
        rows.append((device.name, device.unit, *cells, *[""] * (most - len(cells))))
    return Table(title, ("device", "unit", *(f"target {i + 1}" for i in range(most))), tuple(rows), left=2)


def _cell(named: Named, target: float, network: int) -> str:
    return f"{target:g}: " + ("none" if network < 0 else f"{named.names[network]}, {named.accuracy(network)} %")


def services_table(fleet: Fleet, services: Sequence[Service]) -> Table:
    """Return the number of networks by allowed loss."""
    rows = tuple(
        (
            f"{one.allowed:g}",
            f"{len(one.chosen):,}",
            _proof(one),
            _number(float(np.nanmean(one.loss)), ".3f"),
            _number(float(np.nanmax(one.loss)), ".3f"),
        )
        for one in services
    )
    heads = ("allowed loss, points", "networks", "fewest", "mean loss", "largest loss")
    return Table(f"Networks that serve all {len(fleet.best):,} places: {_of(fleet)}", heads, rows, left=0)


def _proof(one: Service) -> str:
    if one.left_out:
        return f"{one.bound:,} or more of the {one.considered:,} considered"
    return "proven" if one.proven else f"{one.bound:,} or more"


def chosen_table(named: Named) -> Table:
    """Return the networks that serve all places at a loss of ``CHOSEN``, by rising accuracy."""
    rows = []
    for network in named.service.chosen[::-1].tolist():
        losses = named.service.loss[named.service.network == network]
        places = [f"{device}: {targets}" for device, targets in named.places_of(network)]
        more = [f"and {len(places) - SHOWN} more devices"] if len(places) > SHOWN else []
        rows.append(
            (
                named.names[network],
                named.accuracy(network),
                f"{len(losses):,}",
                _number(float(losses.mean()), ".3f"),
                _number(float(losses.max()), ".3f"),
                "; ".join([*places[:SHOWN], *more]),
            )
        )
    heads = ("network", "accuracy %", "places", "mean loss", "largest loss", "device: targets")
    return Table(f"Networks to build, at a loss of at most {CHOSEN:g} points: {_of(named.fleet)}", heads, tuple(rows))


def places_table(named: Named) -> Iterator[tuple[str | float, ...]]:
    """Yield a row for each place, with the columns of ``PLACES``; a target that no network meets has empty ones."""
    fleet, service = named.fleet, named.service
    for place, (device, target) in enumerate(zip(fleet.device_of.tolist(), fleet.targets.tolist(), strict=True)):
        best, network = int(fleet.best[place]), int(service.network[place])
        row: list[str | float] = [fleet.space, fleet.predictor, fleet.devices[device].name]
        row += [fleet.devices[device].unit, target]
        if best < 0:
            yield (*row, *[""] * (len(PLACES) - len(row)))
            continue
        for one in (best, network):
            row += [named.names[one], float(fleet.accuracy[one]), float(fleet.cost[one, device])]
        yield (
            *row,
            float(service.loss[place]),
            *(json.dumps(fleet.networks[one].architecture) for one in (best, network)),
        )


def matrix_table(title: str, fleet: Fleet, corner: str, texts: Sequence[Sequence[str]]) -> Table:
    """Return a matrix of devices by devices."""
    names = [one.name for one in fleet.devices][: len(texts)]
    rows = tuple((name, *row) for name, row in zip(names, texts, strict=True))
    return Table(f"{title}: {_of(fleet)}", (corner, *names), rows)


def neighbours(fleet: Fleet, found: Transfer) -> Table:
    """Return, for each device, the one most like it, and what is lost by the winners of others, and by its own."""
    losses = found.loss.copy()
    np.fill_diagonal(losses, np.nan)
    alike = fleet.similarity - 3 * np.eye(len(fleet.similarity))
    rows = []
    for place, device in enumerate(fleet.devices):
        nearest = int(alike[place].argmax()) if place < len(alike) > 1 else -1
        lends = losses[:, place]
        lender = int(np.nanargmin(lends)) if np.isfinite(lends).any() else -1
        rows.append(
            (
                device.name,
                "" if nearest < 0 else f"{fleet.devices[nearest].name} ({alike[place, nearest]:.2f})",
                "" if lender < 0 else f"{fleet.devices[lender].name} ({_number(lends[lender], '.2f')})",
                _mean(lends),
                str(found.missed[:, place].max()),
                _mean(losses[place]),
            )
        )
    heads = (
        "device", "most alike (rank correlation)", "winners that lose least here", "others' winners lose here",
        "targets they miss at most", "its winners lose elsewhere",
    )  # fmt: skip
    return Table(f"Similarity and losses, mean points: {_of(fleet)}", heads, tuple(rows), left=3)


def _mean(row: NDArray[np.float64]) -> str:
    known = row[np.isfinite(row)]
    return _number(float(known.mean()), ".2f") if len(known) else ""


def regret_table(fleet: Fleet, lines: Sequence[FleetLine]) -> Table:
    """Return the mean regret of each strategy (columns) on each device (rows), with 95 % intervals over repeats."""
    rows = [("all devices", "", *(_interval(line.overall) for line in lines))]
    for place, device in enumerate(fleet.devices):
        against = "best known" if against_best_known(device) else "best of all records"
        met = int((fleet.best[fleet.places(place)] >= 0).sum())
        cells = []
        for line in lines:
            missed = met - line.met.get(place, met)
            cells.append(_interval(line.regret.get(place)) + (f", {missed} missed" if missed > 0 else ""))
        rows.append((device.name, against, *cells))
    heads = ("device", "against", *(line.name for line in lines))
    return Table(f"Mean regret by device, points: {_of(fleet)}", heads, tuple(rows), left=2)


def _interval(mean: Mean | None) -> str:
    if mean is None:
        return ""
    ends = f" ({' to '.join(_number(end, '.3f') for end in mean.interval)})" if mean.interval else ""
    return _number(mean.value, ".3f") + ends


def spent_table(fleet: Fleet, lines: Sequence[FleetLine]) -> Table:
    """Return what each strategy cost on the whole fleet, means over repeats; seconds only where they are compared."""
    hidden = any(study.hides_seconds for device in fleet.devices for study in device.studies)
    rows = tuple(
        (
            line.name,
            f"{line.spent.devices} of {len(fleet.devices)}",
            f"{line.spent.targets:,}",
            str(line.spent.repeats),
            f"{line.spent.generations:,.0f}",
            f"{line.spent.evaluations:,.0f}",
            f"{line.spent.unique_evaluations:,.0f}",
            "" if hidden else format(line.spent.seconds, ",.3g" if line.spent.seconds < 1000 else ",.0f"),
            _interval(line.overall),
        )
        for line in lines
    )
    heads = (
        "strategy", "devices", "targets", "repeats", "generations", "evaluations", "unique", "seconds",
        "regret, points",
    )  # fmt: skip
    return without_empty(Table(f"What the whole fleet cost: {_of(fleet)}", heads, rows))


def _number(value: float, spec: str) -> str:
    return format_number(value, spec)
