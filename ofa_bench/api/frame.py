"""Records as one tidy table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ofa_bench.config.schema import GROUPS
from ofa_bench.records.record import Record

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["tidy"]

COPIED = ("target", "accuracy", "cost", "regret", "evaluations", "unique_evaluations", "seconds", "architecture")


def tidy(records: Sequence[Record]) -> "DataFrame":
    """Return records as a table: one row a target and repeat."""
    from pandas import DataFrame

    columns = [*GROUPS, "seed", "repeat", "unit", *COPIED, "address"]
    table = DataFrame([row for record in records for row in _rows(record)], columns=columns)
    return table.astype(dict.fromkeys(("accuracy", "regret"), float))


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    named = {"seed": record["seed"], "unit": record["unit"], "address": record["address"]}
    for repeat in record["repeats"]:
        for result in repeat["results"]:
            found = {key: result.get(key) for key in COPIED}
            yield {**record["choices"], **named, "repeat": repeat["repeat"], **found}
