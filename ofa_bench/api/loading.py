"""``ob.load`` and ``ob.compare``: several runs as one."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from ofa_bench.api.results import Results
from ofa_bench.errors import InputError
from ofa_bench.records.gather import from_folders

__all__ = ["compare", "load"]


def load(*folders: "str | PathLike[str]") -> Results:
    """Return all records below folders, each run once.

    Args:
        folders: as ``output`` of the command or of ``Result.save``. Default: ``multirun``.

    Raises:
        InputError: there is no such folder, or no record below it that can be read.
    """
    gathered = from_folders([Path(folder).expanduser() for folder in folders or ("multirun",)])
    return Results(tuple(gathered.records), tuple(gathered.left_out))


def compare(results: Iterable[Results]) -> Results:
    """Return the records of several results as one: ``ob.compare([first, second]).plot()``.

    Raises:
        InputError: what is given is no result.
    """
    together = Results(())
    for one in results:
        if not isinstance(one, Results):
            raise InputError(f"compare: {type(one).__name__} is not a result of ob.run or ob.load")
        together += one
    return together
