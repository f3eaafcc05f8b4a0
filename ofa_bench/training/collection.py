"""Writes a CSV file with one row for each network, and its card, so that an interrupted collection can continue."""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.files.locks import locked
from ofa_bench.files.reading import UnreadableError, content_of
from ofa_bench.files.writing import append, cut_unfinished_line, write_whole
from ofa_bench.records.measured import COLUMNS, card_path, read_card, read_rows

__all__ = ["SharedCollection", "Table", "open_collection"]

_HEAD = (",".join(COLUMNS) + "\n").encode()


class Table:
    """A CSV file to which one process appends rows."""

    def __init__(self, path: Path, key: str = "out") -> None:
        self._path, self._key, self._size = path, key, path.stat().st_size

    @property
    def current(self) -> bool:
        """Whether no other process has changed the file."""
        return self._path.is_file() and self._path.stat().st_size == self._size

    def add(self, values: Sequence[Any]) -> None:
        """Append a row, and wait until it is on the disk.

        Raises:
            InputError: another process has changed the file.
            OSError: it cannot be written.
        """
        if not self.current:
            raise InputError(
                f"{self._key}={self._path}: another process writes to it at the same time; stop that first"
            )
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(values)
        append(self._path, line.getvalue())
        self._size = self._path.stat().st_size


def open_collection(
    path: Path, card: Mapping[str, Any], belongs: Callable[[int, str], bool], key: str = "out"
) -> tuple[Table, dict[str, float]]:
    """Return the table of a collection and the accuracies of its rows by architecture; an unfinished row is removed.

    Args:
        path: the path of the file; it is created, with its card, if it does not exist or has no rows.
        card: the card; that of an existing file must have the same ``of``.
        belongs: whether the row of a number may have an architecture.
        key: the option that names the file, for messages.

    Raises:
        InputError: the file belongs to something else.
        OSError: it cannot be written.
    """
    try:
        content = content_of(path) if os.path.lexists(path) else b""
    except UnreadableError as error:
        raise InputError(f"{key}={path}: cannot be read ({error})") from error
    if _HEAD.startswith(content):
        write_whole(card_path(path), json.dumps(card, indent=1) + "\n")
        write_whole(path, _HEAD)
        return Table(path, key), {}
    _check_card(path, card, key)
    try:
        rows = read_rows(content)
        for number, (architecture, _, _) in enumerate(rows):
            if not belongs(number, architecture):
                raise UnreadableError(f"row {number + 1} does not belong to this collection")
    except UnreadableError as error:
        raise InputError(f"{key}={path}: {error}; move it and its card away, or choose another {key}=") from error
    cut_unfinished_line(path)
    return Table(path, key), {architecture: accuracy for architecture, accuracy, _ in rows}


def _check_card(path: Path, card: Mapping[str, Any], key: str) -> None:
    try:
        there, wanted = read_card(path), card["of"]
    except UnreadableError as error:
        message = f"its card {card_path(path)} cannot be read ({error})"
        raise InputError(f"{key}={path}: {message}; choose another {key}=") from error
    differing = sorted(one for one in {*there, *wanted} if there.get(one) != wanted.get(one))
    if differing:
        raise InputError(
            f"{key}={path}: has another collection (other {', '.join(differing)[:150]}); "
            f"move it and its card away, or choose another {key}="
        )


class SharedCollection:
    """A collection to which several processes of this machine append; the file is made with its first row.

    ``known`` has the accuracies by architecture.

    Args:
        path: the path of the file.
        card: the card; that of an existing file must have the same ``of``.
        key: the option that names the file, for messages.

    Raises:
        InputError: an existing file belongs to something else.
    """

    def __init__(self, path: Path, card: Mapping[str, Any], key: str) -> None:
        self._path, self._card, self._key = path, card, key
        self._table: Table | None = None
        self.known: dict[str, float] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what other processes have added.

        Raises:
            InputError: the file belongs to something else by now.
            OSError: it cannot be read.
        """
        if not (self._table and self._table.current) and os.path.lexists(self._path):
            with locked(str(self._path)):
                self._open()

    def add(self, values: Sequence[Any]) -> None:
        """Append a row (see ``COLUMNS``), unless another process has added its architecture.

        Raises:
            InputError: the file belongs to something else by now.
            OSError: it cannot be written.
        """
        architecture, accuracy, *_ = values
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with locked(str(self._path)):
            table = self._open()
            if architecture not in self.known:
                table.add(values)
                self.known[architecture] = accuracy

    def _open(self) -> Table:
        """Return the table with what others have added; an unfinished row is of a process that was killed."""
        if not (self._table and self._table.current):
            self._table, found = open_collection(self._path, self._card, lambda *_: True, self._key)
            self.known.update(found)
        return self._table
