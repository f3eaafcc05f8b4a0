"""A progress bar over targets and repeats, where standard error is a terminal."""

from collections.abc import Sequence
from multiprocessing import parent_process
from types import TracebackType

import rich.progress

from ofa_bench.commands.cli.console import make_console
from ofa_bench.engine import Cell
from ofa_bench.search import SearchResult

__all__ = ["Progress"]


class Progress:
    """Counts finished targets and shows the best accuracy so far; quiet in workers and without a terminal."""

    def __init__(self, strategy: str, cells: Sequence[Cell], *, shown: bool) -> None:
        console = make_console(stderr=True)
        self._repeats = cells[0].repeats
        units = {cell.problem.cost.unit for cell in cells}
        self._unit = f" {units.pop()}" if len(units) == 1 else ""
        self._best = 0.0
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("{task.fields[last]}", markup=False),
            rich.progress.TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal and parent_process() is None),
        )
        self._task = self._bar.add_task(
            strategy, total=sum(cell.repeats * len(cell.targets) for cell in cells), last=""
        )

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def report(self, repeat: int, result: SearchResult) -> None:
        """Show that one more target of a repeat is done."""
        self._best = max(self._best, result.accuracy or 0.0)
        target = f"{result.target:g}{self._unit}"
        text = f"repeat {repeat + 1}/{self._repeats}, {target}, best {100 * self._best:.2f} %"
        self._bar.update(self._task, advance=1, last=text)
