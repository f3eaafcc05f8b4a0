"""Reads pairs of an architecture and its accuracy from a CSV file that a user, or ``ofa_bench.collect``, made."""

import csv
import hashlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.reading import UnreadableError, content_of, json_object
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["FEWEST", "MOST", "Pairs", "read_pairs"]

LARGEST = 200_000_000
"""Bytes of the largest file that is read."""

FEWEST, MOST = 20, 200_000
"""The fewest distinct architectures that a predictor is trained on, and the most pairs."""

MOST_LETTERS = 60
"""Of a value that is shown."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Pairs:
    """Architectures with their accuracies.

    ``genes: int8 [n, n_genes]`` are canonical, ``accuracy: float64 [n]`` are fractions of 1; ``file`` and ``sha256``
    say where they came from.
    """

    genes: Genes
    accuracy: NDArray[np.float64]
    file: str
    sha256: str

    @cached_property
    def same(self) -> NDArray[np.intp]:
        """Number the distinct architectures: intp [n], equal where pairs have the same one."""
        return np.unique(self.genes, axis=0, return_inverse=True)[1].ravel()

    @property
    def distinct(self) -> int:
        """How many architectures there are."""
        return int(self.same.max()) + 1

    @property
    def repeated(self) -> float | None:
        """The standard deviation of accuracies of one architecture (a fraction of 1); None where none has several."""
        spare = len(self.same) - self.distinct
        if not spare:
            return None
        counts = np.bincount(self.same)
        means = np.bincount(self.same, self.accuracy) / counts
        return float(np.sqrt(np.sum((self.accuracy - means[self.same]) ** 2) / spare))


def read_pairs(path: Path, space: DesignSpace) -> Pairs:
    """Read pairs of a space.

    An architecture is OFA's dict as JSON in the column ``architecture``, or else a column for the value of each gene,
    which may be empty where the gene is inactive. Its accuracy is the column ``accuracy``, a fraction of 1, or else
    ``top1``, in percent. Other columns are not looked at.

    Raises:
        InputError: the file cannot be read, a line of it is wrong, or it has too few pairs or too many.
    """
    try:
        content = content_of(path, LARGEST)
        text = content.decode("utf-8-sig")
    except UnreadableError as error:
        raise InputError(f"data={path}: cannot be read ({error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"data={path}: cannot be read (it is no text in UTF-8)") from error
    genes, accuracy = list[Genes](), list[float]()
    for line, row, reader in _rows(path, text, space):
        try:
            genes.append(_architecture(row, space))
            accuracy.append(_accuracy(row, reader))
        except (InputError, UnreadableError) as error:
            raise InputError(f"data={path}: line {line}: {error}") from error
        if len(genes) > MOST:
            raise InputError(f"data={path}: has more than {MOST:,} pairs, the most that are read")
    pairs = Pairs(
        np.array(genes, np.int8).reshape(-1, space.n_genes),
        np.array(accuracy),
        path.name,
        hashlib.sha256(content).hexdigest(),
    )
    distinct = pairs.distinct if genes else 0
    if distinct < FEWEST:
        raise InputError(f"data={path}: has {distinct} distinct architectures; at least {FEWEST} are needed")
    if np.ptp(pairs.accuracy) == 0:
        raise InputError(f"data={path}: all accuracies are {pairs.accuracy[0]:g}; nothing can be learned from them")
    return pairs


def _rows(path: Path, text: str, space: DesignSpace) -> Iterator[tuple[int, Row, str]]:
    """Give each row with the number of its last line and the column of its accuracy."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        column = _check_columns(path, reader.fieldnames or (), space)
        for row in reader:
            if None in row or None in row.values():
                there = sum(value is not None for name, value in row.items() if name) + len(row.get(None, ()))
                wanted = len(reader.fieldnames or ())
                raise InputError(f"data={path}: line {reader.line_num}: has {there} values for {wanted} columns")
            yield reader.line_num, row, column
    except csv.Error as error:
        raise InputError(f"data={path}: line {reader.line_num}: cannot be read as CSV ({error})") from error


def _check_columns(path: Path, names: Sequence[str], space: DesignSpace) -> str:
    """Check that what is needed is there, once each; give the column of the accuracy."""
    column = next((name for name in ("accuracy", "top1") if name in names), None)
    if column is None:
        raise InputError(f"data={path}: line 1: must name a column accuracy (a fraction of 1) or top1 (percent)")
    needed = ["architecture"] if "architecture" in names else list(space.gene_names)
    lacking = [name for name in needed if name not in names]
    if lacking:
        shown = ", ".join(lacking[:3]) + (" and others" if len(lacking) > 3 else "")
        raise InputError(
            f"data={path}: line 1: must name a column architecture (OFA's dict as JSON), "
            f"or one for each gene of {space.name}; there is none for {shown}"
        )
    for name in (column, *needed):
        if names.count(name) > 1:
            raise InputError(f"data={path}: line 1: names the column {name} twice")
    return column


def _architecture(row: Row, space: DesignSpace) -> Genes:
    """Read one architecture as a canonical row: int8 [n_genes]."""
    if "architecture" in row:
        arch = json_object(row["architecture"].encode())
        try:
            return space.from_ofa(arch)
        except InputError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(f"architecture is none of {space.name} ({type(error).__name__}: {error})") from error
    values = {name: _number(name, row[name]) for name in space.gene_names if row[name].strip()}
    try:
        return space.row(values)
    except KeyError as error:
        raise InputError(f"{error.args[0]} is empty, and the gene is active") from error


def _accuracy(row: Row, column: str) -> float:
    """Read the accuracy as a fraction of 1."""
    value, most = _number(column, row[column]), 1 if column == "accuracy" else 100
    if not 0 <= value <= most:
        other = "; a column top1 holds percent" if column == "accuracy" else ""
        raise InputError(f"{column}={_short(row[column])}: must be from 0 to {most}{other}")
    return value * 1.0 if column == "accuracy" else value / 100


def _number(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{column}={_short(text)}: must be a number")
    return value


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}..."
