"""Results of records as a CSV file: one line for each target of each repeat."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.predictors.coverage import format_choices
from ofa_bench.records.costs import guard_band_of
from ofa_bench.records.record import Record

__all__ = ["write_csv"]

RESULT_COLUMNS = (
    "target", "feasible", "accuracy", "cost", "seconds", "evaluations", "unique_evaluations", "gradients",
    "proposals", "cost_lookups", "generations", "shared", "best_known", "regret", "evaluations_within",
    "seconds_within", "unlabelled", "architecture",
)  # fmt: skip


def write_csv(records: Sequence[Record], path: Path) -> None:
    """Write what records found; what an older record does not say is empty. Costs are raised by ``guard_band``.

    ``unlabelled`` are the choices of an architecture that no label of the predictor had.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["address", "repeat", "unit", "guard_band", *RESULT_COLUMNS])
        for record in records:
            for repeat in record["repeats"]:
                for result in repeat["results"]:
                    found = {**result, "architecture": json.dumps(result["architecture"])}
                    found["unlabelled"] = format_choices(result.get("unlabelled") or {})
                    about = (record["address"], repeat["repeat"], record["unit"], guard_band_of(record))
                    writer.writerow([*about, *(found.get(key) for key in RESULT_COLUMNS)])
