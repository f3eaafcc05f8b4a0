"""Reads pairs of an architecture and its accuracy from a file."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.training.columns import Column
from ofa_bench.training.formats import Entry, decode, read_architecture, read_entries

__all__ = ["FEWEST", "Pairs", "read_pairs"]

FEWEST = 20
"""The fewest distinct architectures for the training of a predictor."""

TRAINED = 10
"""An accuracy in percent that only trained networks reach, so that a value such as 0.8 beside it must be a fraction."""


@dataclass(frozen=True)
class Pairs:
    """Architectures with their accuracies.

    ``genes: int8 [n, n_genes]`` are canonical; ``accuracy: float64 [n]`` has fractions of 1; ``file`` and ``sha256``
    identify the source.
    """

    genes: Genes
    accuracy: NDArray[np.float64]
    file: str
    sha256: str

    @cached_property
    def same(self) -> NDArray[np.intp]:
        """A number for each pair, equal for pairs of the same architecture: intp [n]."""
        return np.unique(self.genes, axis=0, return_inverse=True)[1].ravel()

    @property
    def distinct(self) -> int:
        """The number of distinct architectures."""
        return int(self.same.max()) + 1

    @property
    def repeated(self) -> float | None:
        """The standard deviation of repeated accuracies of one architecture (a fraction of 1), None without any."""
        spare = len(self.same) - self.distinct
        if not spare:
            return None
        counts = np.bincount(self.same)
        means = np.bincount(self.same, self.accuracy) / counts
        return float(np.sqrt(np.sum((self.accuracy - means[self.same]) ** 2) / spare))


def read_pairs(path: Path, space: DesignSpace) -> Pairs:
    """Return the pairs of a space in a table, in OFA's ``acc.dict`` or in NSGANetV2's ``.stats``.

    In a table, an architecture is OFA's dict (in JSON or Python) in the column ``architecture``, or else a column with
    the value of each gene, which may be empty if the gene is inactive. Its accuracy is in the column ``accuracy``, as
    a fraction of 1, or else in ``top1``, in percent; ``columns`` has further names. Other columns are ignored.
    ``acc.dict`` has percent, ``.stats`` has errors in percent.

    Raises:
        InputError: the file cannot be read, a line is wrong or in another unit, or there are too few pairs.
    """
    try:
        content = content_of(path)
        text = decode(content)
    except UnreadableError as error:
        raise InputError(f"data={path}: cannot be read ({error})") from error
    try:
        genes, accuracy = _read(text, space)
    except InputError as error:
        raise InputError(f"data={path}: {error}") from error
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
        raise InputError(f"data={path}: all accuracies are {pairs.accuracy[0]:g}; no predictor can be trained on them")
    return pairs


def _read(text: str, space: DesignSpace) -> tuple[list[Genes], list[float]]:
    """Return canonical rows and accuracies (fractions of 1)."""
    genes, numbers, places = list[Genes](), list[float](), list[str]()
    column = Column("accuracy", "fraction")
    for entry in read_entries(text, space):
        column = entry.column
        try:
            genes.append(_architecture(entry, space))
            numbers.append(_accuracy(entry.accuracy, column))
        except (InputError, UnreadableError) as error:
            raise InputError(f"{entry.place}: {error}") from error
        places.append(entry.place)
    if column.unit == "fraction":
        return genes, numbers
    _check_percent(column, numbers, places)
    return genes, [(100 - number if column.unit == "error" else number) / 100 for number in numbers]


def _check_percent(column: Column, numbers: Sequence[float], places: Sequence[str]) -> None:
    """Raise InputError for fractions of 1 in a column of percent, which would be small but possible as percent.

    0 is the same in both units. Small values may be correct if none reaches ``TRAINED``: the weights may be random.
    """
    small = [i for i, number in enumerate(numbers) if 0 < number <= 1]
    if not small:
        return
    largest = max(numbers)
    if largest <= 1 or largest >= TRAINED:
        raise InputError(
            f"{places[small[0]]}: {column.name}={numbers[small[0]]:g}: column {column.name} must have percent, but "
            f"{len(small)} of {len(numbers)} values are at most 1, like fractions of 1: multiply them by 100, or name "
            "a column of fractions accuracy"
        )


def _architecture(entry: Entry, space: DesignSpace) -> Genes:
    """Return the canonical row of an architecture: int8 [n_genes]."""
    if not entry.by_gene:
        arch = read_architecture(entry.architecture)
        try:
            return space.from_ofa(arch)
        except InputError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(f"architecture is not of {space.name} ({type(error).__name__}: {error})") from error
    assert not isinstance(entry.architecture, str)
    values = {name: _number(name, text) for name in space.gene_names if (text := entry.architecture[name]).strip()}
    try:
        return space.row(values)
    except KeyError as error:
        raise InputError(f"{error.args[0]} is empty, but the gene is active") from error


def _accuracy(given: Any, column: Column) -> float:
    """Return a number from a column of accuracies, if it is in the range of its unit."""
    value, most = _number(column.name, given), 1 if column.unit == "fraction" else 100
    if not 0 <= value <= most:
        other = "; name the column top1 for percent" if column.unit == "fraction" else ""
        raise InputError(f"{column.name}={str(given)[:60]}: must be from 0 to {most}{other}")
    return value


def _number(column: str, given: Any) -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(given)
    except (OverflowError, TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        comma = isinstance(given, str) and "," in given
        raise InputError(f"{column}={str(given)[:60]}: must be a number{', with a decimal point' if comma else ''}")
    return value
