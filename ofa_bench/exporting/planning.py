"""Describes what an export will write, and checks that the disk has room for it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.errors import InputError

__all__ = ["describe_plan"]


def describe_plan(parameters: Sequence[int], out: Path, *, int8: bool) -> str:
    """Return how many networks will be written, their approximate size, and how many are kept.

    Args:
        parameters: the number of parameters of each network; 0 for one that is already there and is kept.
        out: the output folder.
        int8: whether each is quantised too.

    Raises:
        InputError: the disk has too little free space.
    """
    n, kept = sum(map(bool, parameters)), parameters.count(0)
    size = sum(parameters) * (4 + 4 + int8)  # four bytes a parameter in the ONNX file, and in the program
    message = f"{n} network{'s' * (n != 1)} to write, about {size / 1e6:,.0f} MB" if n else "nothing to write"
    free = shutil.disk_usage(next(place for place in (out, *out.absolute().parents) if place.is_dir())).free
    if size > free:
        raise InputError(f"out={out}: {message}, but the disk has only {free / 1e6:,.0f} MB free")
    return f"{message}; {kept} {'is' if kept == 1 else 'are'} already there and unchanged" if kept else message
