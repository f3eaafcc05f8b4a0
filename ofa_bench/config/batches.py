"""Reads and shows batches, the numbers of images that a network takes at a time."""

import re

from ofa_bench.errors import InputError

__all__ = ["DYNAMIC", "MAX", "Batch", "batch_of_unit", "milliseconds", "read_batch", "show_batch"]

DYNAMIC = "dynamic"
"""The batch of a network that takes any number of images at a time."""

MAX = 1024
"""The largest batch."""

Batch = int | None
"""How many images a network takes at a time; None for any number."""


def read_batch(text: str) -> Batch:
    """Return the value of the option ``batch``: a whole number, or ``dynamic``.

    Raises:
        InputError: it is neither, or out of range.
    """
    if text == DYNAMIC:
        return None
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= MAX:
        raise InputError(f"batch={text}: must be a whole number of 1 to {MAX:,}, or {DYNAMIC}")
    return int(text)


def show_batch(batch: Batch) -> int | str:
    """Return a batch as cards write it."""
    return DYNAMIC if batch is None else batch


def milliseconds(batch: int) -> str:
    """Return the unit of a latency: ``ms`` for one image, ``ms a batch of 8`` for more."""
    return "ms" if batch == 1 else f"ms a batch of {batch}"


def batch_of_unit(unit: str) -> int | None:
    """Return the batch of a unit of latency; None for other units."""
    found = re.fullmatch(r"ms(?: a batch of (\d{1,9}))?", unit)
    return int(found[1] or 1) if found else None
