"""Composes, checks and lists the cells that a command would run (``--dry-run``); nothing is searched or written."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ofa_bench.commands.cell import PlannedCell, plan
from ofa_bench.commands.cli.messages import explain, report_error
from ofa_bench.commands.cli.options import check_folder
from ofa_bench.commands.cli.overrides import parse_flags
from ofa_bench.commands.sweep import check_swept
from ofa_bench.config.address import address
from ofa_bench.engine import Match
from ofa_bench.strategies import MEASURES

__all__ = ["DRY_RUN", "DryRun"]

DRY_RUN = "--dry-run"

_ELSEWHERE = re.compile(r"[+~]*hydra([./]launcher|\.(run|sweep)\.(dir|subdir)|\.callbacks)\b")
"""Keys that decide where cells run and what Hydra writes."""


class DryRun:
    """The cells that a command would run, and the exit codes of those that are refused."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self._cells: list[PlannedCell] = []
        self._reasons = set[str]()
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
            self._cells += plan(config, output, name)
        except Exception as error:
            self._refuse(error, f"{name}: " if name and context.mode == RunMode.MULTIRUN else "")

    def _refuse(self, error: Exception, where: str) -> None:
        """Print an error once, even if several cells have it, and keep its exit code."""
        line, code = explain(error)
        if line not in self._reasons:
            report_error(error, where)
        self._reasons.add(line)
        self.codes.append(code)

    def show(self) -> None:
        """Print the cells that would be run."""
        for one in self._cells:
            print(f"{'already there' if one.record else 'to run'}: {one.address}")
            if not one.record:
                print(f"  {_describe(one)}")
        new = [one for one in self._cells if not one.record]
        counts = [(len(new), "to run"), (len(self._cells) - len(new), "already there"), (len(self.codes), "refused")]
        cells = ", ".join(f"{number} {what}" for number, what in counts if number) or "none"
        known = [count for one in new if (count := _evaluations(one)) is not None]
        more = "" if len(known) == len(new) else f", and an unknown number for {len(new) - len(known)} cells"
        evaluations = f"; at most {sum(known):,} evaluations{more}" if new else ""
        print(f"cells: {cells}{evaluations} (--dry-run: nothing was searched or written)")


def _describe(one: PlannedCell) -> str:
    cell = one.prepared.cell
    minimum, unit = cell.problem.cost.minimum, cell.problem.cost.unit
    shown = [f"{target:g}" for target in cell.targets]
    listed = ", ".join(shown if len(shown) <= 12 else [*shown[:5], "...", *shown[-5:]])
    missed = sum(target < minimum for target in cell.targets)
    count = _evaluations(one)
    return "; ".join(
        [
            f"{len(shown)} {'target' if len(shown) == 1 else 'targets'}: {listed} {unit}",
            *([f"{missed} below the cheapest architecture's {minimum:.4g} {unit}"] if missed else []),
            f"{cell.repeats} {'repeat' if cell.repeats == 1 else 'repeats'}",
            f"{cell.budget.generations} generations, warm-started {cell.budget.warm_generations}",
            *([_control(cell.match)] if cell.match else []),
            "evaluations: decided by the strategy" if count is None else f"at most {count:,} evaluations",
        ]
    )


def _control(match: Match) -> str:
    """Return what a control is allowed."""
    before = "" if match.measure == "generations" else ", which is run first"
    return f"together as many {MEASURES[match.measure]} as a chain{before}"


def _evaluations(one: PlannedCell) -> int | None:
    cell = one.prepared.cell
    count = cell.strategy.most_evaluations(cell.problem, cell.targets, cell.budget)
    return None if count is None else cell.repeats * count
