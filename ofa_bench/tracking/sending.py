"""Logs records that MLflow lacks, and downloads records that the disk lacks."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ofa_bench.predictors.assets import sha256_of
from ofa_bench.records.attempts import folder_of, split_attempt
from ofa_bench.records.journal import Journal
from ofa_bench.records.record import RECORD, copy, read
from ofa_bench.tracking.tracker import Logged, Tracker

__all__ = ["Cell", "bring_back", "cell_in", "present", "send", "send_sweep"]

AT_ONCE = 8
"""Records that are downloaded in parallel."""


@dataclass(frozen=True)
class Cell:
    """The folder of a cell on disk, and the SHA-256 of its record."""

    folder: Path
    sha256: str


def cell_in(folder: Path) -> Cell:
    """Return the cell whose record is in a folder."""
    return Cell(folder, sha256_of(folder / RECORD))


def present(output: Path, addresses: Collection[str]) -> list[Cell]:
    """Return the cells of these addresses that have a record on disk."""
    folders = [folder_of(output, address) for address in addresses]
    return [cell_in(folder) for folder in folders if (folder / RECORD).is_file()]


def send(tracker: Tracker, cells: Collection[Cell], sweep: str | None = None) -> Iterator[Cell]:
    """Log the records that MLflow lacks below a sweep's run, or without one in the experiment; yield each of them."""
    logged = {cell.sha256 for cell in tracker.cells(sweep)}
    for cell in cells:
        if cell.sha256 not in logged:
            tracker.log_cell(read(cell.folder), cell.folder, sweep)
            yield cell


def send_sweep(tracker: Tracker, journal: Journal, output: Path) -> Iterator[Cell]:
    """Log the records of a sweep that MLflow lacks, and the sweep's own run; yield each record that is logged.

    The run of a sweep that began on another disk is not changed, because the journal here may lack cells.
    """
    ended, first = journal.ended(), journal.first()
    cells = present(output, [address for address, cell in ended.items() if cell.code == 0])
    if not cells or (first and tracker.complete(journal.sweep, [cell.sha256 for cell in cells])):
        return
    name, _, began = first or (f"sweep {journal.sweep}", "", min(cell.at for cell in ended.values()))
    run = tracker.open_sweep(journal.sweep, name, began)
    yield from send(tracker, cells, run)
    if first:
        failed = any(cell.code for cell in ended.values())
        records = [read(cell.folder) for cell in cells]
        tracker.close_sweep(run, records, failed=failed, ended=max(cell.at for cell in ended.values()))


def bring_back(tracker: Tracker, sweep: str, output: Path, address: str = "") -> Iterator[str]:
    """Download the records of a sweep's cells that this disk lacks; yield the address of each cell.

    With an ``address``, download only attempts at this cell. Existing records are not changed.

    Raises:
        InputError: a record would not be below the output folder, or is not the one that was logged.
    """

    def bring(cell: Logged) -> str:
        folder = folder_of(output, cell.address)
        if not (folder / RECORD).is_file():
            with tracker.fetched(cell) as fetched:
                copy(fetched, folder)
        return cell.address

    cells = tracker.cells(sweep, address)
    with ThreadPoolExecutor(AT_ONCE) as pool:  # each file takes several requests
        yield from pool.map(bring, [cell for cell in cells if address in ("", split_attempt(cell.address)[0])])
