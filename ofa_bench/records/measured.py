"""Accuracies of a record's networks, measured on images: a table beside the record, which itself never changes.

``ofa_bench collect run=<folder>`` writes the table and its card; whoever reads the record gets both.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.records.model import Measured, Record

__all__ = ["COLUMNS", "MEASURED", "add_measured", "architecture_key", "card_path", "read_card", "read_rows"]

MEASURED = "measured.csv"

COLUMNS = ("architecture", "accuracy", "top5", "loss", "images", "seconds")


def card_path(path: Path) -> Path:
    """Return the path of the card of a table."""
    return path.with_name(f"{path.name}.json")


def read_card(path: Path) -> Mapping[str, Any]:
    """Return what the card of a table says it is of: the weights, the images and how they were used.

    Raises:
        UnreadableError: there is no card, or it does not say so.
    """
    of = json_object(content_of(card_path(path))).get("of")
    return of if isinstance(of, dict) else {}


def read_rows(content: bytes) -> list[tuple[str, float, int]]:
    """Return the architecture (OFA's dict as JSON), the top-1 accuracy and the number of images of each row.

    An unfinished last row is left out.

    Raises:
        UnreadableError: the content is not a table of these columns; or a row is not, whose number is in the message.
    """
    try:
        head, *rows = csv.reader(io.StringIO(content[: content.rfind(b"\n") + 1].decode()), strict=True)
    except (ValueError, csv.Error) as error:
        raise UnreadableError(f"is not a table of accuracies ({error})") from error
    if tuple(head) != COLUMNS:
        raise UnreadableError(f"its first line is not {','.join(COLUMNS)}, in UTF-8 with commas")
    found = list[tuple[str, float, int]]()
    for number, row in enumerate(rows, 1):
        try:
            architecture, accuracy, _, _, images, _ = row
            found.append((architecture, float(accuracy), int(images)))
        except ValueError as error:
            raise UnreadableError(f"row {number} does not belong to this collection") from error
    return found


def architecture_key(architecture: Mapping[str, Any]) -> str:
    """Return a text that is the same for equal dicts."""
    return json.dumps(architecture, sort_keys=True)


def add_measured(record: Record, folder: Path) -> None:
    """Add the measured accuracies of a record's networks that the table in its folder has, if there is one.

    Raises:
        InputError: the table or its card cannot be read, or is of another record.
    """
    path = folder / MEASURED
    if not os.path.lexists(path):
        return
    try:
        of, found = read_card(path), dict[str, Measured]()
        if of.get("record") != record.identity:
            raise UnreadableError("it is of another record")
        how = {key: value for key, value in of.items() if key != "record"}
        digest = hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:12]
        for text, top1, images in read_rows(content_of(path)):
            if not 0 <= top1 <= 1:
                raise UnreadableError(f"the accuracy {top1:g} is not a fraction of 1")
            found[architecture_key(json_object(text.encode()))] = Measured(top1=top1, images=images, how=digest)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as measured accuracies ({error}); move it and its card away") from error
    for one in (network for result in record.results for network in result.networks):
        one.measured = found.get(architecture_key(one.architecture))
