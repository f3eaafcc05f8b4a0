"""Parses files of architectures and accuracies: tables, JSON, OFA's ``acc.dict`` and NSGANetV2's ``.stats``."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, json_object, json_or_python
from ofa_bench.spaces import DesignSpace
from ofa_bench.training.columns import Column, Columns, find_columns

__all__ = ["Entry", "decode", "read_architecture", "read_entries"]

CONVERT = (
    'this code writes a format that is read: import csv, json; table = csv.writer(open("pairs.csv", "w", newline="")); '
    'table.writerow(["architecture", "accuracy"]); '
    "table.writerows([json.dumps(arch), fraction] for arch, fraction in yours)"
)


@dataclass(frozen=True)
class Entry:
    """One pair of a file, and its place there.

    ``architecture`` is OFA's dict or its text or, with ``by_gene``, the text of each gene's value; ``accuracy`` is in
    the unit of ``column``.
    """

    place: str
    architecture: Mapping[str, Any] | str
    by_gene: bool
    accuracy: Any
    column: Column


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        UnreadableError: it is something else.
    """
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not text in UTF-8; {CONVERT}") from error
    if "\0" in text:
        raise UnreadableError(f"it is not text; {CONVERT}")
    return text


def read_entries(text: str, space: DesignSpace) -> Iterator[Entry]:
    """Yield the pairs of a file: a table with column names, JSON or a Python dict.

    Raises:
        InputError: it has another format, which the message describes.
    """
    if text.lstrip()[:1] not in ("{", "["):
        yield from _read_table(text, space)
        return
    found = _read_object(text)
    if isinstance(found, list):
        yield from _read_rows(found, space)
    elif isinstance(found, dict) and isinstance(found.get("archive"), list):
        yield from _read_archive(found["archive"])
    elif isinstance(found, dict) and found and all(isinstance(value, int | float) for value in found.values()):
        column = Column("top1", "percent")
        for i, (key, value) in enumerate(found.items(), 1):
            yield Entry(f"entry {i}", str(key), False, value, column)
    else:
        shown = ", ".join(str(key)[:30] for key in [*found][:4]) or "none"
        raise InputError(
            f"is an object with the keys {shown}: neither OFA's acc.dict (architecture: percent) nor NSGANetV2's "
            f"stats (archive); {CONVERT}"
        )


def _read_object(text: str) -> Any:
    """Return the content of JSON, JSON Lines or a Python dict."""
    try:
        return json_or_python(text.encode())
    except UnreadableError as error:
        if "Extra data" in str(error) and text.lstrip().startswith("{"):
            return [_read_line(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
        raise InputError(f"begins as a {'list' if text.lstrip().startswith('[') else 'dict'}, but {error}") from error


def _read_line(number: int, line: str) -> dict[str, Any]:
    try:
        return json_object(line.encode())
    except UnreadableError as error:
        raise InputError(f"line {number}: {error}") from error


def _read_archive(archive: Sequence[Any]) -> Iterator[Entry]:
    """Yield the pairs of NSGANetV2's archive: lists of an architecture, its top-1 error and more."""
    column = Column("top-1 error", "error")
    for i, one in enumerate(archive, 1):
        if not isinstance(one, list) or len(one) < 2 or not isinstance(one[0], dict):
            raise InputError(f"archive {i}: must be a list of an architecture and its top-1 error, in percent")
        yield Entry(f"archive {i}", one[0], False, one[1], column)


def _read_rows(rows: Sequence[Any], space: DesignSpace) -> Iterator[Entry]:
    """Yield the pairs of a list of objects, whose keys are column names."""
    if others := [type(row).__name__ for row in rows if not isinstance(row, dict)]:
        raise InputError(f"is a JSON list with an element of type {others[0]}; must be a list of objects; {CONVERT}")
    columns = find_columns([*rows[0]] if rows else [], space, "entry 1")
    for i, row in enumerate(rows, 1):
        lacking = [name for name in (columns.accuracy.name, *columns.architecture) if name not in row]
        if lacking:
            raise InputError(f"entry {i}: has no {lacking[0]}")
        yield _make_entry(f"entry {i}", row, columns)


def _make_entry(place: str, row: Mapping[str, Any], columns: Columns) -> Entry:
    if columns.by_gene:
        architecture = {name: "" if row[name] is None else str(row[name]) for name in columns.architecture}
    else:
        architecture = row[columns.architecture[0]]
    return Entry(place, architecture, columns.by_gene, row[columns.accuracy.name], columns.accuracy)


def _read_table(text: str, space: DesignSpace) -> Iterator[Entry]:
    """Yield the pairs of a table: a line of names, then lines of values, separated by commas, semicolons or tabs."""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_find_separator(text, space), strict=True)
    try:
        names = reader.fieldnames or ()
        columns = find_columns(names, space, "line 1")
        for row in reader:
            if None in row or None in row.values():
                there = sum(value is not None for name, value in row.items() if name) + len(row.get(None, ()))
                raise InputError(f"line {reader.line_num}: has {there} values for {len(names)} columns")
            yield _make_entry(f"line {reader.line_num}", row, columns)
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: cannot be read as CSV ({error})") from error


def _find_separator(text: str, space: DesignSpace) -> str:
    """Return the separator with which the first line has the required columns, else the most frequent one."""
    first, found = text.partition("\n")[0].rstrip("\r"), list[str]()
    for separator in ",;\t":
        try:
            find_columns(next(csv.reader([first], delimiter=separator)), space, "line 1")
        except (InputError, StopIteration, csv.Error):
            continue
        found.append(separator)
    if len(found) > 1:
        raise InputError("line 1: several of comma, semicolon and tab can be the separator; use one of them")
    return found[0] if found else max(",;\t", key=first.count)


def read_architecture(given: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """Return an architecture as OFA's dict, which may be given as text in JSON or Python.

    Raises:
        UnreadableError: it is neither.
    """
    found = json_or_python(given.encode()) if isinstance(given, str) else given
    if not isinstance(found, dict):
        raise UnreadableError(f"the architecture is {json.dumps(given)[:40]}; must be OFA's dict")
    return found
