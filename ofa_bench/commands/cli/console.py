"""Makes the console that prints tables, paths and progress bars without interpreting markup."""

from rich.console import Console

__all__ = ["make_console"]


def make_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text unchanged: no markup, emoji codes or highlighted numbers."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
