"""Runs a cell from its composed config, and makes its record."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ofa_bench.config.address import address
from ofa_bench.config.schema import GROUPS, Config, to_config
from ofa_bench.engine import Cell, Repeat, run_fleet, run_repeats
from ofa_bench.experiment.build import build, build_problems
from ofa_bench.experiment.building import build_space
from ofa_bench.experiment.checks import result_config
from ofa_bench.experiment.fleet import FLEET, devices_of_fleet, is_fleet, on_device
from ofa_bench.records import frontiers
from ofa_bench.records import record as records
from ofa_bench.records.model import Record
from ofa_bench.search import Problem, SearchResult
from ofa_bench.spaces import ChosenSpace, whole_space
from ofa_bench.strategies import Strategy

__all__ = [
    "PreparedCell", "address_on_device", "expand_fleet", "prepare_cell", "prepare_cells", "run_cell", "run_cells",
]  # fmt: skip


@dataclass(frozen=True)
class PreparedCell:
    """A cell that is built and checked, with all that its record contains about it.

    ``choices`` are the chosen options of ``GROUPS``; ``described`` is the part of the config that decides the results,
    and ``identity`` the hash of all that decides them. ``fleet`` are the devices that are searched together with this
    one, this one among them; empty where it is searched by itself.
    """

    cell: Cell
    config: Config
    choices: dict[str, str]
    described: dict[str, Any]
    identity: str
    yaml: str
    fleet: tuple[str, ...] = ()

    @cached_property
    def frontier(self) -> frontiers.Frontier | None:
        """The best-known frontier of the cell's problem; None if there is none."""
        return frontiers.find(self.cell.problem)


def expand_fleet(config: DictConfig) -> dict[str, DictConfig]:
    """Return a config for each device of a composed config with ``device=fleet``, by its name.

    Raises:
        InputError: there is no such device.
    """
    devices = devices_of_fleet(config, build_space(to_config(config).space))
    return {device.name: on_device(config, device) for device in devices}


def prepare_cells(
    config: DictConfig,
    choices: Mapping[str, str],
    *,
    problems: Mapping[str, Problem] | None = None,
    strategy: Strategy | None = None,
    threads: int | None = None,
) -> list[PreparedCell]:
    """Build the cells of a composed config: one, or one for each device of a fleet.

    Args:
        config: the config that Hydra composed.
        choices: the chosen option of each group.
        problems: by the name of the fleet's device, if they are built already.
        strategy: of the config's ``strategy``, if it is built already.
        threads: the default of the config's ``threads``.

    Raises:
        InputError: a value is not allowed; the message names its key.
    """
    if not is_fleet(config):
        return [prepare_cell(config, choices, strategy=strategy, threads=threads)]
    configs = expand_fleet(config)
    problems = problems or build_problems(configs)
    cells = [
        prepare_cell(one, {**choices, "device": name}, problem=problems[name], strategy=strategy, threads=threads)
        for name, one in configs.items()
    ]
    together = getattr(cells[0].cell.strategy, "across_devices", False) and len(cells) > 1
    return [_in_fleet(one, cells) for one in cells] if together else cells


def _in_fleet(one: PreparedCell, cells: Sequence[PreparedCell]) -> PreparedCell:
    """Return a cell whose results depend on all cells of a fleet."""
    fleet = {each.choices["device"]: each.described["device"] for each in cells}
    hashed = [[each.identity, list(each.cell.targets)] for each in cells]
    identity = hashlib.sha256(json.dumps([one.choices["device"], hashed]).encode()).hexdigest()[:16]
    described = {**one.described, FLEET: fleet}
    return dataclasses.replace(one, described=described, identity=identity, fleet=tuple(fleet))


def prepare_cell(
    config: DictConfig,
    choices: Mapping[str, str],
    *,
    problem: Problem | None = None,
    strategy: Strategy | None = None,
    threads: int | None = None,
) -> PreparedCell:
    """Build a cell from its composed config.

    Args:
        config: the config that Hydra composed.
        choices: the chosen option of each group.
        problem: of the config's ``space``, ``device`` and ``predictor``, if it is built already.
        strategy: of the config's ``strategy``, if it is built already.
        threads: the default of the config's ``threads``.

    Raises:
        InputError: a value is not allowed; the message names its key.
    """
    typed = to_config(config)
    if typed.threads is None:
        typed.threads = threads
    cell = build(typed, problem, strategy)
    described, space = result_config(config), whole_space(cell.problem.space)
    chosen = {group: str(choices[group]) for group in GROUPS}
    if isinstance(space, ChosenSpace):  # its results are not compared with those of the whole space
        chosen["space"] = f"{chosen['space']},{space.held}"
    identity = records.identity(described, cell.problem, cell.strategy)
    return PreparedCell(cell, typed, chosen, described, identity, OmegaConf.to_yaml(config, resolve=True))


def address_on_device(made: PreparedCell, choices: Mapping[str, str], overrides: Sequence[str]) -> str:
    """Return the address of a cell of a fleet.

    If the device is searched by itself, it is the address without the fleet.
    """
    alone = not made.fleet and "number" not in made.described["device"]  # a synthetic device is one of its fleet
    words = [word for word in overrides if not (alone and word.lstrip("+").startswith("device.devices="))]
    words += [FLEET] if made.fleet else []
    return address({**choices, "device": made.choices["device"]}, words, made.config.seed)


def run_cells(
    cells: Sequence[PreparedCell], places: Sequence[str], report: Callable[[int, SearchResult], None]
) -> list[tuple[Record, Sequence[Repeat]]]:
    """Run cells: those of a fleet that is searched together at once, others one after another.

    Args:
        cells: as ``prepare_cells`` returns them.
        places: the addresses of their records.
        report: as in ``run_cell``.

    Returns:
        Of each cell what ``run_cell`` returns.

    Raises:
        RuntimeError: as ``run_cell``.
    """
    if not cells[0].fleet:
        return [run_cell(one, place, report) for one, place in zip(cells, places, strict=True)]
    frontiers_before = [one.frontier for one in cells]  # before the search, as their files may be refused
    found = list[tuple[Record, Sequence[Repeat]]]()
    repeats = list(run_fleet([one.cell for one in cells], report))
    for i, (one, place, frontier) in enumerate(zip(cells, places, frontiers_before, strict=True)):
        of_device = [every[i] for every in repeats]
        found.append((_make_record(one, of_device, place, frontier), of_device))
    return found


def run_cell(
    prepared: PreparedCell, place: str, report: Callable[[int, SearchResult], None]
) -> tuple[Record, Sequence[Repeat]]:
    """Search all targets in all repeats; return the record, and the results of each repeat.

    Args:
        prepared: the cell.
        place: the address of the record.
        report: called with the repeat and each result, outside the timed part.

    Raises:
        RuntimeError: the strategy left a target out, returned one twice, or returned an invalid result.
    """
    frontier = prepared.frontier  # before the search, as its file may be refused
    repeats = list(run_repeats(prepared.cell, report))
    return _make_record(prepared, repeats, place, frontier), repeats


def _make_record(
    prepared: PreparedCell, repeats: Sequence[Repeat], place: str, frontier: frontiers.Frontier | None
) -> Record:
    return records.make_record(
        prepared.cell,
        repeats,
        address=place,
        choices=prepared.choices,
        identity=prepared.identity,
        config=prepared.described,
        frontier=frontier,
    )
