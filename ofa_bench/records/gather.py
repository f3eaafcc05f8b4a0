"""Reads records from folders and packed files, each cell once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ofa_bench.errors import InputError
from ofa_bench.records import record as records
from ofa_bench.records.attempts import split_attempt
from ofa_bench.records.compact import SUFFIX, unpack
from ofa_bench.records.model import Record

__all__ = ["Gathered", "from_folders"]


@dataclass
class Gathered:
    """Records, each cell once, and messages on those that were left out."""

    records: list[Record] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, folder: Path, where: str) -> None:
        """Add the record of a cell, unless it cannot be read or the cell is there already."""
        try:
            record = records.read(folder)
        except InputError as error:
            self.left_out.append(str(error))
            return
        self.add(record, where)

    def add(self, record: Record, where: str) -> None:
        """Add a record, unless its cell is there already."""
        place = next((i for i, one in enumerate(self.records) if _same_cell(one, record)), None)
        if place is None:
            self.records.append(record)
            return
        there = self.records[place]
        if there.address == record.address:
            if there.repeats != record.repeats:
                self.left_out.append(f"{where}: another run of {record.address}, which is there already")
            return
        earlier, later = sorted((there, record), key=lambda one: split_attempt(one.address)[1])
        self.records[place] = later
        self.left_out.append(f"{earlier.address}: replaced by the later attempt {later.address.rpartition('/')[2]}")

    def finish(self) -> None:
        """Give each cell the address of its first attempt, unless another record has it.

        Raises:
            InputError: all records were left out; the message gives the first reason.
        """
        if self.left_out and not self.records:
            more = f" (and {len(self.left_out) - 1} more)" if len(self.left_out) > 1 else ""
            raise InputError(f"no record can be read: {self.left_out[0]}{more}")
        first = [split_attempt(record.address)[0] for record in self.records]
        for record, address in zip(self.records, first, strict=True):
            if first.count(address) == 1:
                record.address = address


def _same_cell(one: Record, other: Record) -> bool:
    """Return whether two records are of one cell: with one identity, or attempts that differ only in a user's code."""
    if split_attempt(one.address)[0] != split_attempt(other.address)[0]:
        return False
    first, second = ((record.config, record.predictor.sha256, record.device.sha256) for record in (one, other))
    return one.identity == other.identity or (one.address != other.address and first == second)


def from_folders(folders: Sequence[Path], gathered: Gathered | None = None) -> Gathered:
    """Read all records below folders, and of files that ``compact.pack`` wrote.

    Raises:
        InputError: a folder does not exist, or no record below it can be read.
    """
    gathered = gathered or Gathered()
    for folder in folders:
        if folder.name.endswith(SUFFIX) and folder.is_file():
            for record in unpack(folder):
                gathered.add(record, str(folder))
            continue
        try:
            found, there = sorted(folder.rglob(records.RECORD)), folder.is_dir()
        except OSError as error:
            raise InputError(f"{str(folder)[:500]}: cannot be read ({error.strerror})") from error
        if not found:
            raise InputError(f"{folder}: {'no record below it' if there else 'no such folder'}")
        for path in found:
            gathered.take(path.parent, str(path.parent))
    gathered.finish()
    return gathered
