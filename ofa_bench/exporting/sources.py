"""Reads the records to export: those of a folder or of one sweep, of some strategies or all."""

import re
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.errors import InputError, suggestion
from ofa_bench.records.attempts import folder_of
from ofa_bench.records.gather import Gathered, from_folders
from ofa_bench.records.journal import FOLDER, Journal, journals
from ofa_bench.records.model import RECORD, Record

__all__ = ["read_sweep", "select_strategies"]

OUTPUT = Path("multirun")
"""The default output folder, in which sweeps are looked up by id or name."""

MAX = 5
"""The most sweeps that a message lists."""


def read_sweep(sweep: str) -> Gathered:
    """Return the records of a sweep.

    Args:
        sweep: a folder, for all records below it; or, for the records of one sweep alone, the path of its journal
            (``multirun/sweeps/<id>.jsonl``), or its id or name (the overrides of its command) in ``multirun``.

    Raises:
        InputError: there is no such folder or sweep, or no readable record.
    """
    path = Path(sweep).expanduser()
    try:
        if path.is_dir():
            return from_folders([path])
        found = [Journal(path)] if path.is_file() else _find_journals(sweep)
    except OSError as error:  # the name is too long
        raise InputError(f"sweep={sweep[:200]}: cannot be read ({error.strerror})") from error
    if len(found) != 1 or found[0].first() is None:
        raise InputError(f"sweep={sweep}: {_explain(sweep, found)}")
    return _read_journal(found[0])


def _find_journals(sweep: str) -> list[Journal]:
    """Return the journals with an id or a name; several runs of one command in one folder share a journal."""
    path = OUTPUT / FOLDER / f"{sweep}.jsonl"
    if re.fullmatch("[0-9a-f]{12}", sweep) and path.is_file():
        return [Journal(path)]
    return [one for one in journals(OUTPUT) if (one.first() or ("",))[0] == sweep]


def _explain(sweep: str, found: Sequence[Journal]) -> str:
    """Return why no sweep was found, and which sweeps exist."""
    if len(found) > 1:
        return f"several sweeps have this name; give one's id: {', '.join(one.sweep for one in found[:MAX])}"
    if found:
        return "is not the journal of a sweep"
    there = {one.sweep: first[0] for one in journals(OUTPUT) if (first := one.first())}
    listed = "; ".join(f"{one} ({name[:60]})" for one, name in list(there.items())[:MAX])
    near = suggestion(sweep, [*there, *there.values()])
    return f"no such folder, journal, id or name of a sweep; sweeps in {OUTPUT}: {listed or 'none'}{near}"


def _read_journal(journal: Journal) -> Gathered:
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
        raise InputError(f"sweep={journal.path}: none of its cells has finished")
    gathered.finish()
    return gathered


def select_strategies(records: Sequence[Record], strategies: str) -> list[Record]:
    """Return the records of strategies, given as names separated by commas; all records if none is named.

    Raises:
        InputError: one of them has no record.
    """
    named = [name.strip() for name in strategies.split(",") if name.strip()]
    there = sorted({record.choices.strategy for record in records})
    if unknown := [name for name in named if name not in there]:
        near = suggestion(unknown[0], there)
        raise InputError(f"strategy={unknown[0]}: has no record here; there are {', '.join(there)}{near}")
    return [record for record in records if not named or record.choices.strategy in named]
