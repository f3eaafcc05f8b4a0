"""A progress bar in a notebook or a terminal."""

import sys
import warnings
from types import TracebackType

from tqdm import TqdmWarning

from ofa_bench.engine import Cell
from ofa_bench.search import SearchResult

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # where ipywidgets is missing, the bar is text
    from tqdm.auto import tqdm

__all__ = ["ProgressBar"]


class ProgressBar:
    """Counts finished targets and shows the best accuracy so far; gone when the run ends.

    Args:
        name: of what runs.
        cell: what runs.
        shown: False hides it; it is also hidden where nobody sees it, in a script without a terminal.
    """

    def __init__(self, name: str, cell: Cell, *, shown: bool) -> None:
        seen = sys.stderr.isatty() or "ipykernel" in sys.modules
        total = cell.repeats * len(cell.targets)
        self._bar = tqdm(total=total, desc=name, unit="target", leave=False, disable=not (shown and seen))
        self._best = 0.0

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def report(self, repeat: int, result: SearchResult) -> None:  # noqa: ARG002
        """Show that one more target of a repeat is done."""
        self._best = max(self._best, result.accuracy or 0.0)
        self._bar.set_postfix_str(f"best {100 * self._best:.2f} %", refresh=False)
        self._bar.update()
