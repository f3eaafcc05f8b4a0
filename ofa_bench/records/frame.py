"""Builds one tidy table of the results of records, as a data frame or a CSV file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.records.columns import data_columns
from ofa_bench.records.model import Record

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["tidy", "write_csv"]


def tidy(records: Sequence[Record]) -> "DataFrame":
    """Return one row for each target of each repeat; values that a record lacks are missing.

    Accuracies, ``uncertainty`` (one standard deviation of the predicted ``accuracy``), ``measured`` (the accuracy
    measured on images) and regrets are fractions of 1. Targets and costs are in ``unit``; costs include the
    ``guard_band``. ``architecture`` is OFA's dict; ``unlabelled`` lists its choices that no label of the predictor had.
    """
    from pandas import DataFrame  # imported here, because it takes long

    columns = data_columns()
    lines = [
        [column.datum(record, repeat, result) for column in columns]
        for record in records
        for repeat in record.repeats
        for result in repeat.results
    ]
    table = DataFrame(lines, columns=[column.name for column in columns])
    return table.astype({name: float for name in table if table[name].isna().all()})


def write_csv(records: Sequence[Record], path: Path, columns: Mapping[str, Sequence[float]] | None = None) -> None:
    """Write the table of ``tidy`` as CSV, with further columns; architectures are JSON.

    Raises:
        OSError: the file cannot be written.
    """
    table = tidy(records)
    table["architecture"] = table["architecture"].map(json.dumps)
    table.assign(**(columns or {})).to_csv(path, index=False)
