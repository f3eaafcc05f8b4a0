"""Composes, checks and lists the cells that a command would run (``--dry-run``); nothing is searched or written."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ofa_bench.commands.cell import PlannedCell, plan, report_once, report_repeated_errors
from ofa_bench.commands.cli.options import check_folder
from ofa_bench.commands.cli.overrides import parse_flags
from ofa_bench.commands.sweep import check_swept
from ofa_bench.config.address import address
from ofa_bench.engine import Match, total_budget
from ofa_bench.search import Fleet, Member
from ofa_bench.strategies import MEASURES, CoroutineStrategy

__all__ = ["DRY_RUN", "DryRun"]

DRY_RUN = "--dry-run"

_ELSEWHERE = re.compile(r"[+~]*hydra([./]launcher|\.(run|sweep)\.(dir|subdir)|\.callbacks)\b")
"""Keys that decide where cells run and what Hydra writes."""


class DryRun:
    """The cells that a command would run, and the exit codes of those that are refused."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self._planned: list[tuple[PlannedCell, ...]] = []  # those that are searched together
        self._evaluations: list[int | None] = []
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> "DryRun":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def redirect(self, arguments: Sequence[str]) -> list[str]:
        """Return the arguments that compose the same cells in this process, with Hydra's files in a temporary folder.

        Raises:
            InputError: a key is swept that the cells of a sweep share.
        """
        kept = [word for word in arguments if not _ELSEWHERE.match(word)]
        check_swept(parse_flags(kept).overrides)
        folder = self._folder.name.replace("\\", r"\\").replace("'", r"\'")
        ours = [f"hydra.run.dir='{folder}'", f"hydra.sweep.dir='{folder}'", "hydra.sweep.subdir='cell'"]
        return [*kept, *ours, "hydra/launcher=basic", "~hydra.callbacks.sweep"]

    def plan(self, config: DictConfig) -> None:
        """Check one composed cell and keep it for ``show``; Hydra calls it."""
        context, output = HydraConfig.get(), Path(config.output).absolute()
        name = ""
        try:
            swept = context.sweeper.get("params")
            name = address(context.runtime.choices, context.overrides.task, config.seed, swept)
            check_folder("output", output / name)
            planned = plan(config, output, name)
            groups = [tuple(planned)] if planned[0].prepared.fleet else [(one,) for one in planned]
            counts = [_evaluations(group) for group in groups]
            self._planned += groups
            self._evaluations += counts
        except Exception as error:
            self.codes.append(report_once(error, f"{name}: " if name and context.mode == RunMode.MULTIRUN else ""))

    def show(self) -> None:
        """Print the cells that would be run, and how many more have an error that was printed."""
        report_repeated_errors()
        cells = [one for group in self._planned for one in group]
        for group, count in zip(self._planned, self._evaluations, strict=True):
            for one in group:
                print(f"{'already there' if one.record else 'to run'}: {one.address}")
                if not one.record:
                    print(f"  {_describe(one, count)}")
        new = sum(not one.record for one in cells)
        numbers = [(new, "to run"), (len(cells) - new, "already there"), (len(self.codes), "refused")]
        shown = ", ".join(f"{number} {what}" for number, what in numbers if number) or "none"
        searched = [
            (group, count)
            for group, count in zip(self._planned, self._evaluations, strict=True)
            if not all(one.record for one in group)
        ]
        unknown = sum(len(group) for group, count in searched if count is None)
        more = f", and an unknown number for {unknown} cells" if unknown else ""
        evaluations = f"; at most {sum(count or 0 for _, count in searched):,} evaluations{more}" if new else ""
        print(f"cells: {shown}{evaluations} (--dry-run: nothing was searched or written)")


def _describe(one: PlannedCell, count: int | None) -> str:
    """Return what a cell would be; ``count`` are the evaluations of all that are searched together."""
    cell = one.prepared.cell
    minimum, unit = cell.problem.cost.minimum, cell.problem.cost.unit
    shown = [f"{target:g}" for target in cell.targets]
    listed = ", ".join(shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-5:]])
    missed = sum(target < minimum for target in cell.targets)
    together = f" for all {len(one.prepared.fleet)} devices" if one.prepared.fleet else ""
    return "; ".join(
        [
            f"{len(shown)} {'target' if len(shown) == 1 else 'targets'}: {listed} {unit}",
            *([f"{missed} below the cheapest architecture's {minimum:.4g} {unit}"] if missed else []),
            f"{cell.repeats} {'repeat' if cell.repeats == 1 else 'repeats'}",
            f"{cell.budget.generations} generations, warm-started {cell.budget.warm_generations}",
            *([_control(cell.match)] if cell.match else []),
            "evaluations: decided by the strategy" if count is None else f"at most {count:,} evaluations{together}",
        ]
    )


def _control(match: Match) -> str:
    """Return what a control is allowed."""
    before = "" if match.measure == "generations" else ", which is run first"
    return f"together as many {MEASURES[match.measure]} as a chain{before}"


def _evaluations(group: Sequence[PlannedCell]) -> int | None:
    """Return the maximum number of evaluations of cells that are searched together; None if unknown."""
    cells = [one.prepared.cell for one in group]
    first, strategy = cells[0], cells[0].strategy
    if group[0].prepared.fleet:
        assert isinstance(strategy, CoroutineStrategy)
        fleet = Fleet(tuple(Member(cell.problem, cell.targets) for cell in cells))
        count = strategy.most_evaluations_of_fleet(fleet, total_budget([cell.budget for cell in cells]))
    else:
        count = strategy.most_evaluations(first.problem, first.targets, first.budget)
    return None if count is None else first.repeats * count
