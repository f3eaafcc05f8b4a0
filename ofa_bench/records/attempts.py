"""Where a cell's record is: at its address below the output folder, and further attempts at the cell beside it."""

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path

from ofa_bench.errors import InputError
from ofa_bench.records.model import RECORD, Record
from ofa_bench.records.record import read

__all__ = ["attempt", "attempted", "attempts", "existing", "folder_of"]

ATTEMPT = ",attempt="


def folder_of(output: Path, address: str) -> Path:
    """Return the folder of an address.

    Raises:
        InputError: it would not be below the output folder.
    """
    parts = address.split("/")
    if not address or {"", ".", ".."} & set(parts) or "\0" in address or Path(address).is_absolute():
        raise InputError(f"address {address!r}: not a folder below {output}")
    return output.joinpath(*parts)


def attempts(folder: Path) -> dict[int, Path]:
    """Return the folders of all attempts at a cell that have a record, by number, ascending.

    The first is in the cell's own folder, a further one beside it: ``seed=0``, ``seed=0,attempt=2``.
    """
    found = {1: folder}
    for path in folder.parent.glob(f"{glob.escape(folder.name)}{ATTEMPT}*"):
        number = path.name[len(folder.name) + len(ATTEMPT) :]
        if re.fullmatch(r"[1-9]\d{0,8}", number):
            found[int(number)] = path
    return {number: found[number] for number in sorted(found) if os.path.lexists(found[number] / RECORD)}


def attempt(address: str, number: int) -> str:
    """Name the address of a further attempt at a cell."""
    return address if number == 1 else f"{address}{ATTEMPT}{number}"


def attempted(address: str) -> tuple[str, int]:
    """Return the address of a cell's first attempt, and the number of this one."""
    first, sign, number = address.rpartition(ATTEMPT)
    return (first, int(number)) if sign and number.isdecimal() else (address, 1)


def existing(
    folder: Path, identity: str, *, changes: Callable[[Record], str] = lambda _: "", changed: bool = False
) -> Record | None:
    """Return the record that is already there for a cell of this identity, the last of several; None if there is none.

    Args:
        folder: of the cell's first attempt.
        identity: of the cell as it is now.
        changes: says in what a record differs from the cell as it is now.
        changed: whether a cell whose last attempt is of another identity is run again: None then.

    Raises:
        InputError: the folder holds records of other identities only; nothing is overwritten.
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
