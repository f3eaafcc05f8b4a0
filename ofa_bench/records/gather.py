"""Gathers records from folders."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.records import record as records
from ofa_bench.records.attempts import attempted
from ofa_bench.records.model import Record

__all__ = [
    "Gathered",
    "from_folders",
]


@dataclass
class Gathered:
    """Records, each cell once, and what was left out, in words."""

    records: list[Record] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, folder: Path, where: str) -> None:
        """Take in the record of a cell, unless it cannot be read or the same cell is there already."""
        try:
            record = records.read(folder)
        except InputError as error:
            self.left_out.append(str(error))
            return
        place = next((i for i, one in enumerate(self.records) if _same_cell(one, record)), None)
        if place is None:
            self.records.append(record)
            return
        there = self.records[place]
        if there.address == record.address:
            if there.repeats != record.repeats:
                self.left_out.append(f"{where}: another run of {record.address}, which is there already")
            return
        earlier, later = sorted((there, record), key=lambda one: attempted(one.address)[1])
        self.records[place] = later
        self.left_out.append(f"{earlier.address}: replaced by the later attempt {later.address.rpartition('/')[2]}")

    def strip_attempts(self) -> None:
        """Name each cell as its first attempt is named, where nothing else is at that address."""
        first = [attempted(record.address)[0] for record in self.records]
        for record, address in zip(self.records, first, strict=True):
            if first.count(address) == 1:
                record.address = address

    def need_one(self) -> None:
        """Check that there is a record, where there was something to take.

        Raises:
            InputError: nothing could be read; the message says why of the first.
        """
        if self.left_out and not self.records:
            more = f" (and {len(self.left_out) - 1} more)" if len(self.left_out) > 1 else ""
            raise InputError(f"no record can be read: {self.left_out[0]}{more}")


def _same_cell(one: Record, other: Record) -> bool:
    """Return whether two records are of one cell: of one identity, or attempts that differ in a user's code alone."""
    if attempted(one.address)[0] != attempted(other.address)[0]:
        return False
    alike = _searched(one) == _searched(other)
    return one.identity == other.identity or (one.address != other.address and alike)


def _searched(record: Record) -> tuple[Any, ...]:
    """Return what a cell searched with and on, but for a user's code."""
    return record.config, record.predictor.sha256, record.device.sha256


def from_folders(folders: Sequence[Path], gathered: Gathered | None = None) -> Gathered:
    """Read all records below folders.

    Raises:
        InputError: there is no such folder, or no record below it that can be read.
    """
    gathered = gathered or Gathered()
    for folder in folders:
        try:
            found, there = sorted(folder.rglob(records.RECORD)), folder.is_dir()
        except OSError as error:
            raise InputError(f"{str(folder)[:500]}: cannot be read ({error.strerror})") from error
        if not found:
            raise InputError(f"{folder}: {'no record below it' if there else 'no such folder'}")
        for path in found:
            gathered.take(path.parent, str(path.parent))
    gathered.need_one()
    gathered.strip_attempts()
    return gathered
