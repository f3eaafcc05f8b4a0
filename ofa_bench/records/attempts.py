"""Finds the folder of a cell's record, and the folders of further attempts at the cell."""

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path

from ofa_bench.errors import InputError
from ofa_bench.records.model import RECORD, Record
from ofa_bench.records.record import read

__all__ = ["attempt_address", "attempts", "find_existing", "folder_of", "split_attempt"]

ATTEMPT = ",attempt="


def folder_of(output: Path, address: str) -> Path:
    """Return the folder of an address.

    Raises:
        InputError: the folder would not be below the output folder.
    """
    parts = address.split("/")
    if not address or {"", ".", ".."} & set(parts) or "\0" in address or Path(address).is_absolute():
        raise InputError(f"address {address!r}: not a folder below {output}")
    return output.joinpath(*parts)


def attempts(folder: Path) -> dict[int, Path]:
    """Return the folders of all attempts at a cell that have a record, by ascending number.

    The first attempt is in the cell's own folder, others are beside it: ``seed=0``, ``seed=0,attempt=2``.
    """
    found = {1: folder}
    for path in folder.parent.glob(f"{glob.escape(folder.name)}{ATTEMPT}*"):
        number = path.name[len(folder.name) + len(ATTEMPT) :]
        if re.fullmatch(r"[1-9]\d{0,8}", number):
            found[int(number)] = path
    return {number: found[number] for number in sorted(found) if os.path.lexists(found[number] / RECORD)}


def attempt_address(address: str, number: int) -> str:
    """Return the address of an attempt at a cell."""
    return address if number == 1 else f"{address}{ATTEMPT}{number}"


def split_attempt(address: str) -> tuple[str, int]:
    """Return the address of a cell's first attempt, and the number of this attempt."""
    first, sign, number = address.rpartition(ATTEMPT)
    return (first, int(number)) if sign and number.isdecimal() else (address, 1)


def find_existing(
    folder: Path, identity: str, *, changes: Callable[[Record], str] = lambda _: "", changed: bool = False
) -> Record | None:
    """Return the last existing record of a cell with this identity; None if there is none.

    Args:
        folder: of the cell's first attempt.
        identity: of the cell now.
        changes: describes how a record differs from the cell now.
        changed: whether to run a cell again whose last attempt has another identity; None is returned then.

    Raises:
        InputError: all existing records have other identities; nothing is overwritten.
    """
    found = [read(path) for path in attempts(folder).values()]
    if not found or (changed and found[-1].identity != identity):
        return None
    same = [record for record in found if record.identity == identity]
    if not same:
        what = changes(found[-1])
        raise InputError(
            f"{folder}: holds a record of another config, predictor, table or strategy code"
            f"{f' ({what} changed)' if what else ''}; rerun=changed runs it again and keeps the old record; or "
            "move it away, choose another output=, or run all again with rerun=true"
        )
    return same[-1]
