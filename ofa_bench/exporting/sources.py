"""Which records an export is of: a folder of them, one sweep by its journal, or one cell; of some strategies or all."""

import re
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.errors import InputError, suggestion
from ofa_bench.records.attempts import folder_of
from ofa_bench.records.gather import Gathered, from_folders
from ofa_bench.records.journal import FOLDER, Journal, journals
from ofa_bench.records.model import RECORD, Record

__all__ = ["of_strategies", "records_of_sweep"]

OUTPUT = Path("multirun")
"""Where sweeps are looked for by id or name: the output folder unless another is set."""

MAX = 5
"""Sweeps that are named where the one asked for is not there."""


def records_of_sweep(sweep: str) -> Gathered:
    """Read the records of a sweep.

    Args:
        sweep: a folder: all records below it. A sweep's journal (``multirun/sweeps/<id>.jsonl``), or, of the sweeps in
            ``multirun``, its id or name (the words of its command): the cells of this sweep alone.

    Raises:
        InputError: there is no such folder or sweep, or no record that can be read.
    """
    path = Path(sweep).expanduser()
    try:
        if path.is_dir():
            return from_folders([path])
        found = [Journal(path)] if path.is_file() else _named(sweep)
    except OSError as error:  # a name that is too long
        raise InputError(f"sweep={sweep[:200]}: cannot be read ({error.strerror})") from error
    if len(found) != 1 or found[0].first() is None:
        raise InputError(f"sweep={sweep}: {_known(sweep, found)}")
    return _of_journal(found[0])


def _named(sweep: str) -> list[Journal]:
    """Find the sweeps of an id or a name; of several runs of the same command in one folder there is one journal."""
    if re.fullmatch("[0-9a-f]{12}", sweep):
        path = OUTPUT / FOLDER / f"{sweep}.jsonl"
        if path.is_file():
            return [Journal(path)]
    return [one for one in journals(OUTPUT) if (one.first() or ("",))[0] == sweep]


def _known(sweep: str, found: Sequence[Journal]) -> str:
    """Describe why a sweep is not the one, and which there are."""
    if len(found) > 1:
        return f"several sweeps have this name; give one's id: {', '.join(one.sweep for one in found[:MAX])}"
    if found:
        return "is no journal of a sweep"
    there = {one.sweep: first[0] for one in journals(OUTPUT) if (first := one.first())}
    listed = "; ".join(f"{one} ({name[:60]})" for one, name in list(there.items())[:MAX])
    more = f" and {len(there) - MAX} more" if len(there) > MAX else ""
    near = suggestion(sweep, [*there, *there.values()])
    words = f"sweeps in {OUTPUT}: {listed}{more}" if there else f"there is no sweep in {OUTPUT}"
    return f"no such folder, journal, id or name of a sweep; {words}{near}"


def _of_journal(journal: Journal) -> Gathered:
    gathered, output = Gathered(), journal.path.parent.parent
    for cell in journal.ended().values():
        folder = folder_of(output, cell.address)
        if cell.code:
            gathered.left_out.append(f"{folder}: the cell failed (exit code {cell.code})")
        elif not (folder / RECORD).is_file():
            gathered.left_out.append(f"{folder}: there is no record")
        else:
            gathered.take(folder, str(folder))
    if not gathered.left_out and not gathered.records:
        raise InputError(f"sweep={journal.path}: none of its cells has ended")
    gathered.finish()
    return gathered


def of_strategies(records: Sequence[Record], strategies: str) -> list[Record]:
    """Keep the records of strategies, whose names commas separate; all where none is named.

    Raises:
        InputError: there is no record of one of them.
    """
    named = [name.strip() for name in strategies.split(",") if name.strip()]
    there = sorted({record.choices.strategy for record in records})
    strange = next((name for name in named if name not in there), None)
    if strange is not None:
        raise InputError(
            f"strategy={strange}: no record of it here; there are {', '.join(there)}{suggestion(strange, there)}"
        )
    return [record for record in records if not named or record.choices.strategy in named]
