"""Writes ``benchmarks/studies/control.csv.gz``: ``python tools/control_rows.py FOLDER``.

The folder has the records of ``ofa_bench -m experiment=control``. There are too many of them to pack, so the table has
one row for each repeat of a cell, with the mean accuracy over its targets (percent) and its counts.
"""

import csv
import gzip
import io
import sys
from pathlib import Path

import numpy as np

from ofa_bench.files.writing import write_whole
from ofa_bench.records.gather import from_folders
from ofa_bench.records.model import Record

__all__ = ["main"]

OUT = Path(__file__).parents[1] / "benchmarks" / "studies" / "control.csv.gz"
HEADS = ("space", "device", "predictor", "predictor_sha256", "targets", "generations", "entry", "seed", "repeat",
         "accuracy", "made_generations", "evaluations", "unique_evaluations", "seconds", "identity",
         "made")  # fmt: skip


def entry_of(record: Record) -> str:
    """Return the name of a chain, or of a control: what is equal, and the order of the chain if it has its own."""
    if record.budget.match is None or record.choices.strategy != "vanilla":
        return record.choices.strategy
    return " ".join(filter(None, (record.budget.match, record.budget.chain)))


def rows(record: Record) -> list[tuple[object, ...]]:
    """Return a row for each repeat."""
    choices, found = record.choices, []
    for repeat in record.repeats:
        met = [one.accuracy for one in repeat.results if one.accuracy is not None]
        counts = [
            sum(getattr(one, key) for one in repeat.results)
            for key in ("generations", "evaluations", "unique_evaluations")
        ]
        found.append((
            choices.space, choices.device, choices.predictor, record.predictor.sha256, len(record.targets),
            record.budget.generations, entry_of(record), record.seed, repeat.repeat,
            round(100 * float(np.mean(met)), 6), *counts, round(repeat.seconds, 4), record.identity, record.made.at,
        ))  # fmt: skip
    return found


def main() -> None:
    """Write the table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADS)
    writer.writerows(sorted(row for record in from_folders([Path(sys.argv[1])]).records for row in rows(record)))
    write_whole(OUT, gzip.compress(text.getvalue().encode(), 9, mtime=0))
    print(f"{OUT.name}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
