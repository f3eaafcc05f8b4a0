"""What an export will write, said before it begins."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.errors import InputError

__all__ = ["describe_plan"]


def describe_plan(parameters: Sequence[int], out: Path, *, int8: bool) -> str:
    """Describe how many networks will be written, about how many bytes they take, and how many are kept.

    Args:
        parameters: of each network; 0 of one that is there already and is kept.
        out: the folder that they go to.
        int8: each is quantised too.

    Raises:
        InputError: the disk has not so much room.
    """
    n, kept = sum(map(bool, parameters)), parameters.count(0)
    size = sum(parameters) * (4 + 4 + int8)  # in the ONNX file and the program, four bytes a parameter each
    counted = f"{n} network{'s' * (n != 1)} to write"
    there = next(place for place in (out, *out.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(there).free
    if size > free:
        raise InputError(f"out={out}: {counted}, about {_megabytes(size)}, but {_megabytes(free)} are free there")
    message = f"{counted}, about {_megabytes(size)}" if n else "nothing to write"
    if kept:
        message += f"; {kept} {'is' if kept == 1 else 'are'} there already and unchanged"
    return message


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
