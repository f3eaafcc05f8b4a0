"""Pictures of records: accuracy over latency."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ofa_bench.results.records import Record
from ofa_bench.results.tables import rows

__all__ = ["accuracy_over_cost", "labels"]


def accuracy_over_cost(records: Sequence[Record], path: Path) -> None:
    """Draw predicted accuracy over the targets, one line a strategy (mean over repeats, bars one standard deviation).

    Records of different problems are different lines; they are named by all that sets them apart.
    """
    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for number, (record, label) in enumerate(zip(records, labels(records), strict=True)):
        points = sorted(
            (row.target, 100 * row.accuracy, 100 * row.accuracy_std)
            for row in rows(record)
            if row.accuracy is not None and row.target is not None
        )
        targets, accuracies, stds = zip(*points, strict=True) if points else ((), (), ())
        marker = "osD^vPX*"[number % 8]
        axes.errorbar(
            targets, accuracies, yerr=stds, marker=marker, markersize=5, capsize=3, linewidth=1.4, label=label
        )
    units = sorted({record["unit"] for record in records})
    axes.set_xlabel(f"target ({' or '.join(units)})")
    axes.set_ylabel("predicted accuracy (%)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path)


def labels(records: Sequence[Record]) -> list[str]:
    """Name each record by its strategy, and by whatever else is not the same in all of them."""
    parts = [record["address"].split("/") for record in records]
    strategy = list(records[0]["choices"]).index("strategy") if records else 0
    differing = [i for i, values in enumerate(zip(*parts, strict=False)) if len(set(values)) > 1 and i != strategy]
    return [
        " ".join([record["choices"]["strategy"], *(part[i] for i in differing)])
        for record, part in zip(records, parts, strict=True)
    ]
