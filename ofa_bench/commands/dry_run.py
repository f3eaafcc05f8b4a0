"""``--dry-run``: composes and checks all that a command would run and lists it; nothing is searched or written."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from ofa_bench.commands.cell import Prepared, prepare
from ofa_bench.commands.cli.messages import explain, report_error
from ofa_bench.commands.cli.options import check_folder
from ofa_bench.commands.cli.overrides import parse_flags
from ofa_bench.commands.sweep import check_swept
from ofa_bench.config.address import address

__all__ = ["DRY_RUN", "DryRun"]

DRY_RUN = "--dry-run"

_ELSEWHERE = re.compile(r"[+~]*hydra([./]launcher|\.(run|sweep)\.(dir|subdir)|\.callbacks)\b")
"""Keys that say where cells run and what Hydra writes."""


class DryRun:
    """What a command would run, cell by cell, and the exit codes of those that cannot be run."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self._cells: list[Prepared] = []
        self._reasons = set[str]()
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> "DryRun":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def redirect(self, words: Sequence[str]) -> list[str]:
        """Return the words by which Hydra composes the same cells here, and leaves its own files in a folder that goes.

        Raises:
            InputError: something is swept that the cells of a sweep share.
        """
        kept = [word for word in words if not _ELSEWHERE.match(word)]
        check_swept(parse_flags(kept).overrides)
        folder = self._folder.name.replace("\\", r"\\").replace("'", r"\'")
        ours = [f"hydra.run.dir='{folder}'", f"hydra.sweep.dir='{folder}'", "hydra.sweep.subdir='cell'"]
        return [*kept, *ours, "hydra/launcher=basic", "~hydra.callbacks.sweep"]

    def plan(self, config: DictConfig) -> None:
        """Check one composed cell, and keep what is to be shown of it; Hydra calls it."""
        context, output = HydraConfig.get(), Path(config.output).absolute()
        name = ""
        try:
            swept = context.sweeper.get("params")
            name = address(context.runtime.choices, context.overrides.task, config.seed, swept)
            check_folder("output", output / name)
            self._cells.append(prepare(config, output, name))
        except Exception as error:
            self._refuse(error, f"{name}: " if name and context.mode == RunMode.MULTIRUN else "")

    def _refuse(self, error: Exception, where: str) -> None:
        """Report an error once, however many cells have it, and keep its exit code."""
        line, code = explain(error)
        if line not in self._reasons:
            report_error(error, where)
        self._reasons.add(line)
        self.codes.append(code)

    def show(self) -> None:
        """Print what would be run."""
        for one in self._cells:
            print(f"{'already there' if one.there else 'to run'}: {one.address}")
            if not one.there:
                print(f"  {_describe(one)}")
        new = [one for one in self._cells if not one.there]
        counts = [(len(new), "to run"), (len(self._cells) - len(new), "already there"), (len(self.codes), "refused")]
        cells = ", ".join(f"{number} {what}" for number, what in counts if number) or "none"
        known = [count for one in new if (count := _evaluations(one)) is not None]
        more = "" if len(known) == len(new) else f", and those of {len(new) - len(known)} cells that do not say"
        evaluations = f"; at most {sum(known):,} evaluations{more}" if new else ""
        print(f"cells: {cells}{evaluations} (--dry-run: nothing was searched or written)")


def _describe(one: Prepared) -> str:
    cell = one.cell
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
            "evaluations: as its strategy takes" if count is None else f"at most {count:,} evaluations",
        ]
    )


def _evaluations(one: Prepared) -> int | None:
    cell = one.cell
    count = cell.strategy.most_evaluations(cell.problem, cell.targets, cell.budget)
    return None if count is None else cell.repeats * count
