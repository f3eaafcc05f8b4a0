"""Runs a cell from its composed config, and makes its record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ofa_bench.config.schema import GROUPS, Config, to_config
from ofa_bench.engine import Cell, Repeat, run_repeats
from ofa_bench.experiment.build import build
from ofa_bench.experiment.checks import result_config
from ofa_bench.records import frontiers
from ofa_bench.records import record as records
from ofa_bench.records.model import Record
from ofa_bench.search import Problem, SearchResult
from ofa_bench.spaces import ChosenSpace, whole_space
from ofa_bench.strategies import Strategy

__all__ = ["PreparedCell", "prepare_cell", "run_cell"]


@dataclass(frozen=True)
class PreparedCell:
    """A cell that is built and checked, with all that its record contains about it.

    ``choices`` are the chosen options of ``GROUPS``; ``described`` is the part of the config that decides the results,
    and ``identity`` the hash of all that decides them.
    """

    cell: Cell
    config: Config
    choices: dict[str, str]
    described: dict[str, Any]
    identity: str
    yaml: str

    @cached_property
    def frontier(self) -> frontiers.Frontier | None:
        """The best-known frontier of the cell's problem; None if there is none."""
        return frontiers.find(self.cell.problem)


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


def run_cell(
    prepared: PreparedCell, address: str, report: Callable[[int, SearchResult], None]
) -> tuple[Record, Sequence[Repeat]]:
    """Search all targets in all repeats; return the record, and the results of each repeat.

    Args:
        prepared: the cell.
        address: of the record.
        report: called with the repeat and each result, outside the timed part.

    Raises:
        RuntimeError: the strategy left a target out, returned one twice, or returned an invalid result.
    """
    frontier = prepared.frontier  # before the search, as its file may be refused
    repeats = list(run_repeats(prepared.cell, report))
    record = records.make_record(
        prepared.cell,
        repeats,
        address=address,
        choices=prepared.choices,
        identity=prepared.identity,
        config=prepared.described,
        frontier=frontier,
    )
    return record, repeats
