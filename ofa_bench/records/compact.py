"""Packs records into one compressed table, and reads them back.

The table is CSV with one row for each target of each repeat of each cell. It has all that tables and statistics use.
It lacks the alternatives and the curves; seconds have nine significant digits. ``regret`` is ``best_known`` less
``accuracy`` (or ``true_accuracy``, where it is known), and ``architecture`` is left out where the genes determine it.
``settings`` is the rest of a record as JSON, in the first row of its cell.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.files.reading import LARGEST, UnreadableError, content_of, json_object, json_value
from ofa_bench.files.writing import write_whole
from ofa_bench.records.model import OMITTED, Record, RecordedRepeat, Result, to_dict
from ofa_bench.records.schema import parse
from ofa_bench.spaces import DesignSpace, space_of

__all__ = ["SUFFIX", "pack", "unpack"]

SUFFIX = ".csv.gz"

DROPPED = ("alternatives", "curve")
DERIVED = ("regret", "architecture")
OF_REPEAT = tuple(one.name for one in fields(RecordedRepeat) if one.name != "results")
OF_RESULT = tuple(one.name for one in fields(Result) if one.name not in (*DROPPED, *DERIVED))
HEADS = ("address", *(f"{name} of repeat" for name in OF_REPEAT), *OF_RESULT, "architecture", "settings")

Node = dict[str, Any]


def pack(records: Sequence[Record], path: Path) -> None:
    """Write records into one file; the same records, in any order, give the same bytes.

    Raises:
        InputError: two records have the same address, or the file would be too large to be read.
        OSError: the file cannot be written.
    """
    ordered = sorted(records, key=lambda record: record.address.split("/"))
    for one, other in pairwise(ordered):
        if one.address == other.address:
            raise InputError(f"{one.address}: two records have this address; pack them into files of their own")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADS)
    for record in ordered:
        writer.writerows(_rows(record))
    content = text.getvalue().encode()
    if len(content) > LARGEST:
        raise InputError(f"{path}: would be larger than {LARGEST:,} bytes, the most that is read; pack fewer records")
    write_whole(path, gzip.compress(content, 9, mtime=0))


def _rows(record: Record) -> Iterator[list[str]]:
    node = to_dict(record)
    space = space_of(record.config.get("space"))
    repeats, settings = node.pop("repeats"), json.dumps(node)
    for repeat in repeats:
        for result in repeat["results"]:
            made = _architecture(space, result["genes"]) == result["architecture"]
            values = [*(_text(repeat, name) for name in OF_REPEAT), *(_text(result, name) for name in OF_RESULT)]
            architecture = "" if made else json.dumps(result["architecture"])
            yield [record.address, *values, architecture, settings]
            settings = ""


def _text(node: Node, name: str) -> str:
    """Return a value as JSON, seconds with nine significant digits; empty for None."""
    value = node.get(name)
    if value is not None and name.startswith("seconds"):
        value = float(f"{value:.9g}")
    return "" if value is None else json.dumps(value, separators=(",", ":"))


def _architecture(space: DesignSpace | None, genes: Any) -> Mapping[str, Any] | None:
    """Return OFA's dict of genes; None if the space cannot be built, or is another."""
    if space is None or not isinstance(genes, list) or len(genes) != len(space.genes):
        return None
    if not all(type(gene) is int and 0 <= gene < 128 for gene in genes):
        return None
    row = np.array(genes, np.int8)
    return space.to_ofa(row) if space.contains(row[None]).all() else None


def unpack(path: Path) -> list[Record]:
    """Read the records of a file that ``pack`` wrote.

    Raises:
        InputError: it is no such file.
    """
    largest_field = csv.field_size_limit(LARGEST)  # settings have all targets
    try:
        reader = csv.reader(io.StringIO(_content(path), newline=""))
        heads = next(reader, [])
        missing = [name for name in ("address", "repeat of repeat", "settings") if name not in heads]
        if missing:
            raise UnreadableError(f"it has no column {missing[0]}")
        lines = [dict(zip(heads, line, strict=True)) for line in reader]
        return [_record(list(several)) for _, several in groupby(lines, lambda line: line["address"])]
    except (UnreadableError, csv.Error, ValueError) as error:
        raise InputError(f"{path}: not readable as records ({error})") from error
    finally:
        csv.field_size_limit(largest_field)


def _content(path: Path) -> str:
    try:
        with gzip.open(io.BytesIO(content_of(path))) as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"not compressed by gzip: {error}") from error
    if len(content) > LARGEST:
        raise UnreadableError(f"larger than {LARGEST:,} bytes, the most that is read")
    return content.decode()


def _record(lines: Sequence[Mapping[str, str]]) -> Record:
    node = json_object(lines[0]["settings"].encode())
    config = node.get("config")
    space = space_of(config.get("space") if isinstance(config, dict) else None)
    repeats = []
    for _, several in groupby(lines, lambda line: line["repeat of repeat"]):
        same = list(several)
        repeat = _node({name: same[0].get(f"{name} of repeat") for name in OF_REPEAT})
        repeats.append({**repeat, "results": [_result(line, space) for line in same]})
    return parse({**node, "repeats": repeats})


def _result(line: Mapping[str, str], space: DesignSpace | None) -> Node:
    node = _node({name: line.get(name) for name in OF_RESULT})
    best, accuracy = node.get("best_known"), node.get("true_accuracy", node.get("accuracy"))
    regret = best - accuracy if isinstance(best, int | float) and isinstance(accuracy, int | float) else None
    architecture = json_value(line["architecture"].encode()) if line.get("architecture") else None
    if architecture is None:
        architecture = _architecture(space, node.get("genes"))
    return {**node, "regret": regret, "architecture": architecture, "curve": []}


def _node(texts: Mapping[str, str | None]) -> Node:
    """Return values by name, without those of columns that an older file lacks, or that a record's file omits."""
    there = {name: text or "null" for name, text in texts.items() if text is not None}
    values = json_value(f"[{','.join(there.values())}]".encode())  # at once, which is a fifth faster
    if len(values) != len(there):
        raise UnreadableError(f"a cell of {', '.join(there)} holds several values")
    return {name: value for name, value in zip(there, values, strict=True) if value is not None or name not in OMITTED}
