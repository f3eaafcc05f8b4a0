"""Writes a CSV file with one row for each network, and its card, so that an interrupted collection can continue."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import append, cut_unfinished_line, write_whole

__all__ = ["COLUMNS", "Table", "card_path", "open_collection"]

COLUMNS = ("architecture", "accuracy", "top5", "loss", "images", "seconds")

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


def open_collection(path: Path, architectures: Sequence[str], card: Mapping[str, Any]) -> tuple[Table, list[float]]:
    """Return the table of a collection and the accuracies of its rows; an unfinished row is removed.

    Args:
        path: the path of the file; it is created, with its card, if it does not exist or has no rows.
        architectures: the architectures of the rows, in order.
        card: the card; that of an existing file must have the same ``of``.

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
        return Table(path), []
    _check_card(path, card)
    accuracies = _read_accuracies(path, content[: content.rfind(b"\n") + 1], architectures)
    cut_unfinished_line(path)
    return Table(path), accuracies


def _read_accuracies(path: Path, content: bytes, architectures: Sequence[str]) -> list[float]:
    try:
        head, *rows = csv.reader(io.StringIO(content.decode()), strict=True)
    except (ValueError, csv.Error) as error:
        raise InputError(f"out={path}: is not a table of accuracies ({error}); choose another out=") from error
    if tuple(head) != COLUMNS:
        raise InputError(
            f"out={path}: its first line is not {','.join(COLUMNS)}, in UTF-8 with commas; choose another out="
        )
    found = list[float]()
    for number, row in enumerate(rows):
        try:
            if len(row) != len(COLUMNS) or row[0] not in (architectures[number:] or row)[:1]:
                raise ValueError
            found.append(float(row[1]))
        except ValueError:
            message = f"row {number + 1} does not belong to this collection; move it and its card away"
            raise InputError(f"out={path}: {message}") from None
    return found


def card_path(path: Path) -> Path:
    """Return the path of the card of a CSV file."""
    return path.with_name(f"{path.name}.json")


def _check_card(path: Path, card: Mapping[str, Any]) -> None:
    place = card_path(path)
    try:
        found = json_object(content_of(place)).get("of")
    except UnreadableError as error:
        raise InputError(f"out={path}: its card {place} cannot be read ({error}); choose another out=") from error
    there, wanted = found if isinstance(found, dict) else {}, card["of"]
    differing = sorted(key for key in {*there, *wanted} if there.get(key) != wanted.get(key))
    if differing:
        raise InputError(
            f"out={path}: has another collection (other {', '.join(differing)[:150]}); "
            "move it and its card away, or choose another out="
        )
