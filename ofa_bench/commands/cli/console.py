"""The console that tables, paths and bars are printed to: texts appear as they are, with nothing taken for markup."""

from rich.console import Console

__all__ = ["make_console"]


def make_console(*, stderr: bool = False) -> Console:
    """Return a console that prints brackets, colons and numbers of a text as they are."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
