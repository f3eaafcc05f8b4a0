"""Writes the fleet page of a report: HTML, Markdown, and a CSV file with a row for each device and target."""

import csv
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ofa_bench.analysis.figures import fleets as figures
from ofa_bench.analysis.figures.drawings import Drawing
from ofa_bench.analysis.figures.rendering import Picture
from ofa_bench.analysis.fleets import tables
from ofa_bench.analysis.fleets.naming import CHOSEN, Named
from ofa_bench.analysis.fleets.pooling import Fleet, pool
from ofa_bench.analysis.fleets.sentences import describe_fleet, describe_formulas, title_of, unknown_costs
from ofa_bench.analysis.fleets.serving import Transfer, serve, transfer
from ofa_bench.analysis.fleets.spending import FleetLine, compare_strategies
from ofa_bench.analysis.studies import Study
from ofa_bench.formatting import format_number
from ofa_bench.records.tables import Table
from ofa_bench.report.pictures import Pictures
from ofa_bench.report.rebuilding import rebuild_cost
from ofa_bench.report.rendering import render

__all__ = ["FleetSection", "fleet_sections", "write_fleets"]

_log = logging.getLogger(__name__)

MAX_ROWS = 60
"""The number of devices up to which the page has a row for each."""

MAX_LISTED = 500
"""The number of networks to build that the page lists, from the least accurate on; fleet.csv has all."""

MAX_COLUMNS = 16
"""The number of devices up to which the page has a matrix of them as text too."""


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix: a target, the network that serves it, its accuracy and loss as text, and its hue."""

    target: str
    network: str
    accuracy: str
    loss: str
    hue: int


@dataclass(frozen=True)
class Row:
    """A row of the matrix: a device, its unit, and a cell for each target."""

    device: str
    unit: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, eq=False)
class FleetSection:
    """A section of the page on one fleet.

    ``best`` and ``served`` are matrices; ``cut`` says how many devices they and the tables leave out. ``architectures``
    are the chosen networks, as lines to copy. ``every`` has all tables in full, ``listed`` those for people.
    """

    title: str
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    best: tuple[Row, ...]
    served: tuple[Row, ...]
    cut: str
    services: Table
    chosen: Table
    neighbours: Table
    regret: Table
    spent: Table
    spent_notes: tuple[str, ...]
    matrices: tuple[Table, ...]
    architectures: str
    pictures: dict[str, list[Picture]]
    places: tuple[tuple[object, ...], ...]
    every: tuple[Table, ...]
    listed: tuple[Table, ...]


def fleet_sections(found: Sequence[Study], pictures: Pictures) -> list[FleetSection]:
    """Return a section for each fleet of a report's studies, none without two devices; their pictures are planned."""
    fleets = [Named(fleet, tuple(services)) for fleet in pool(found, rebuild_cost) if (services := serve(fleet))]
    return [_section(named, pictures) for named in fleets]


def write_fleets(sections: Sequence[FleetSection], out: Path, title: str) -> None:
    """Write ``fleet.html``, ``fleet.md`` and ``fleet.csv`` into a folder, if there are sections.

    Raises:
        OSError: the folder cannot be written.
    """
    if not sections:
        return
    page = {"title": title, "sections": sections, "chosen": f"{CHOSEN:g}"}
    (out / "fleet.html").write_text(render("fleet.html.j2", page))
    (out / "fleet.md").write_text(render("fleet.md.j2", page))
    with (out / "fleet.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(tables.PLACES)
        for section in sections:
            writer.writerows(section.places)
    _log.info("%s: which networks serve all devices", out / "fleet.html")


def _section(named: Named, pictures: Pictures) -> FleetSection:
    fleet = named.fleet
    found, lines = transfer(fleet), compare_strategies(fleet)
    best, served = tables.best_table(named), tables.served_table(named)
    neighbours, regret = tables.neighbours(fleet, found), tables.regret_table(fleet, lines)
    chosen, services = tables.chosen_table(named), tables.services_table(fleet, named.services)
    spent = tables.spent_table(fleet, lines)
    matrices = tuple(_matrices(fleet, found))
    m = len(fleet.devices)
    shown = matrices if m <= MAX_COLUMNS else ()
    every = (best, services, chosen, served, neighbours, *matrices, regret, spent)
    return FleetSection(
        title=title_of(fleet),
        sentences=tuple(describe_fleet(named, found, lines)),
        notes=tuple(filter(None, [unknown_costs(fleet), named.note])),
        best=tuple(_rows(named, fleet.best.tolist(), None)),
        served=tuple(_rows(named, named.service.network.tolist(), named.service.loss.tolist())),
        cut=f"The first {MAX_ROWS} of {m} devices; fleet.csv and tables.csv have all." if m > MAX_ROWS else "",
        services=services,
        chosen=_cut(chosen, MAX_LISTED),
        neighbours=_cut(neighbours, MAX_ROWS),
        regret=_cut(regret, MAX_ROWS + 1),
        spent=spent,
        spent_notes=tuple(_spent_notes(fleet, lines)),
        matrices=shown,
        architectures=_architectures(named),
        pictures={name: pictures.plan([drawing]) for name, drawing in _drawings(named, found)},
        places=tuple(tables.places_table(named)),
        every=every,
        listed=tuple(
            _cut(one, MAX_LISTED if one is chosen else MAX_ROWS + 1)
            for one in every
            if one not in matrices or one in shown
        ),
    )


def _cut(table: Table, rows: int) -> Table:
    return replace(table, rows=table.rows[:rows])


def _rows(named: Named, networks: Sequence[int], losses: Sequence[float] | None) -> Iterator[Row]:
    """Yield the first rows of a matrix; hues go from blue to red with the accuracy of the networks shown."""
    fleet = named.fleet
    order = {network: place for place, network in enumerate(sorted(set(networks), reverse=True))}
    for place, device in enumerate(fleet.devices[:MAX_ROWS]):
        cells = []
        for target, at in zip(device.targets, range(len(networks))[fleet.places(place)], strict=True):
            network, hue = networks[at], round(250 - 230 * order[networks[at]] / max(1, len(order) - 1))
            if network < 0:
                cells.append(Cell(f"{target:g}", "none", "", "", hue))
                continue
            loss = "" if losses is None else format_number(losses[at], ".2f")
            cells.append(Cell(f"{target:g}", named.names[network], named.accuracy(network), loss, hue))
        yield Row(device.name, device.unit, tuple(cells))


def _matrices(fleet: Fleet, found: Transfer) -> Iterator[Table]:
    if len(fleet.similarity) > 1:
        texts = [[f"{value:.2f}" for value in row] for row in fleet.similarity.tolist()]
        yield tables.matrix_table("Rank correlation of devices", fleet, "device", texts)
    losses = [["" if np.isnan(value) else format_number(value, ".2f") for value in row] for row in found.loss.tolist()]
    for place, row in enumerate(losses):
        row[place] = ""
    title = "Mean loss (points) of the winners of a device (rows) that are taken to another (columns)"
    yield tables.matrix_table(title, fleet, "winners of", losses)


def _spent_notes(fleet: Fleet, lines: Sequence[FleetLine]) -> Iterator[str]:
    yield from describe_formulas(fleet)
    yield from sorted({study.timing for device in fleet.devices for study in device.studies})
    if any(line.overall is None for line in lines):
        yield "A strategy without records of all devices, or without a repeat in common, has no regret of the fleet."


def _architectures(named: Named) -> str:
    networks = named.service.chosen[::-1][:MAX_LISTED].tolist()
    return "\n".join(
        f"{named.names[one]}, {named.accuracy(one)} %\n  {json.dumps(named.fleet.networks[one].architecture)}"
        for one in networks
    )


def _drawings(named: Named, found: Transfer) -> Iterator[tuple[str, Drawing]]:
    """Yield the figures of a fleet, with their file names, by their places on the page."""
    fleet = named.fleet
    start = f"fleet_{fleet.space}_{fleet.predictor}"
    numbers = "; ".join(f"{len(one.chosen):,} at {one.allowed:g} points" for one in named.services)
    caption = f"How many networks serve all targets, by the loss that is allowed: {numbers}."
    yield "services", Drawing(f"{start}_networks", caption, partial(figures.draw_services, named.services))
    caption = "Rank correlations of the costs of 10,000 random architectures; devices that are alike are neighbours."
    yield "similarity", Drawing(f"{start}_similarity", caption, partial(figures.draw_similarity, fleet))
    caption = "What the winners of a device (rows) lose on another (columns), mean points; grey: not known."
    yield "transfer", Drawing(f"{start}_losses", caption, partial(figures.draw_transfer, fleet, found))
