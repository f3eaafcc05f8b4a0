"""Writes the files of studies that are tables."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ofa_bench.files.writing import write_whole

__all__ = ["write_study"]


def write_study(path: Path, rows: Sequence[Sequence[object]], columns: Sequence[str], keys: Sequence[str]) -> None:
    """Write rows as a packed CSV file, sorted by their keys; the same rows give the same bytes.

    Raises:
        ValueError: two rows have the same keys.
    """
    table = pd.DataFrame(rows, columns=list(columns)).sort_values(list(keys))
    twice = table.duplicated(list(keys))
    if twice.any():
        raise ValueError(f"twice: {table[twice].iloc[0][list(keys)].to_dict()}")
    write_whole(path, gzip.compress(table.to_csv(index=False).encode(), 9, mtime=0))
