"""Writes a CSV file with one row for each network, and its card, so that an interrupted collection can continue."""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of
from ofa_bench.files.writing import append, cut_unfinished_line, write_whole
from ofa_bench.records.measured import COLUMNS, card_path, read_card, read_rows

__all__ = ["Table", "open_collection"]

_HEAD = (",".join(COLUMNS) + "\n").encode()


class Table:
    """A CSV file to which one process appends rows."""

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, path.stat().st_size

    def add(self, values: Sequence[Any]) -> None:
        """Append a row, and wait until it is on the disk.

        Raises:
            InputError: another process has changed the file.
            OSError: it cannot be written.
        """
        if self._path.stat().st_size != self._size:
            raise InputError(f"out={self._path}: another process writes to it at the same time; stop that first")
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(values)
        append(self._path, line.getvalue())
        self._size = self._path.stat().st_size


def open_collection(
    path: Path, card: Mapping[str, Any], belongs: Callable[[int, str], bool]
) -> tuple[Table, dict[str, float]]:
    """Return the table of a collection and the accuracies of its rows by architecture; an unfinished row is removed.

    Args:
        path: the path of the file; it is created, with its card, if it does not exist or has no rows.
        card: the card; that of an existing file must have the same ``of``.
        belongs: whether the row of a number may have an architecture.

    Raises:
        InputError: the file belongs to something else.
        OSError: it cannot be written.
    """
    try:
        content = content_of(path) if os.path.lexists(path) else b""
    except UnreadableError as error:
        raise InputError(f"out={path}: cannot be read ({error})") from error
    if _HEAD.startswith(content):
        write_whole(card_path(path), json.dumps(card, indent=1) + "\n")
        write_whole(path, _HEAD)
        return Table(path), {}
    _check_card(path, card)
    try:
        rows = read_rows(content)
        for number, (architecture, _, _) in enumerate(rows):
            if not belongs(number, architecture):
                raise UnreadableError(f"row {number + 1} does not belong to this collection")
    except UnreadableError as error:
        raise InputError(f"out={path}: {error}; move it and its card away, or choose another out=") from error
    cut_unfinished_line(path)
    return Table(path), {architecture: accuracy for architecture, accuracy, _ in rows}


def _check_card(path: Path, card: Mapping[str, Any]) -> None:
    try:
        there, wanted = read_card(path), card["of"]
    except UnreadableError as error:
        message = f"its card {card_path(path)} cannot be read ({error})"
        raise InputError(f"out={path}: {message}; choose another out=") from error
    differing = sorted(key for key in {*there, *wanted} if there.get(key) != wanted.get(key))
    if differing:
        raise InputError(
            f"out={path}: has another collection (other {', '.join(differing)[:150]}); "
            "move it and its card away, or choose another out="
        )
