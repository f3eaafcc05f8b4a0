"""Pictures of records: accuracy over latency."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ofa_bench.results.records import Record
from ofa_bench.results.tables import rows

__all__ = ["accuracy_over_cost", "labels"]

MOST_COLUMNS = 3
"""Pictures of several spaces and devices stand in rows of at most this many."""


def accuracy_over_cost(records: Sequence[Record], path: Path) -> None:
    """Draw predicted accuracy over the targets, one line a strategy (mean over repeats, bars one standard deviation).

    Each space and device has a picture of its own; lines that differ in more than the strategy are named by it all.
    """

    def problem(record: Record) -> tuple[str, str, str]:
        return record["choices"]["space"], record["choices"]["device"], record["unit"]

    problems = sorted({problem(record) for record in records})
    columns = min(MOST_COLUMNS, len(problems))
    size = (8.0, 5.0) if columns == 1 else (5.5 * columns, 4.0 * math.ceil(len(problems) / columns))
    layout: Literal["constrained"] | None = "constrained" if len(problems) > 1 else None  # which takes its time
    figure = Figure(figsize=size, dpi=120, layout=layout)
    for number, names in enumerate(problems):
        axes = figure.add_subplot(math.ceil(len(problems) / columns), columns, number + 1)
        axes.set_title(f"{names[0]} on {names[1]}")
        axes.set_xlabel(f"target ({names[2]})")
        _draw(axes, [record for record in records if problem(record) == names])
    figure.savefig(path, pil_kwargs={"compress_level": 1})


def _draw(axes: Axes, records: Sequence[Record]) -> None:
    for number, (record, label) in enumerate(zip(records, labels(records), strict=True)):
        points = sorted(
            (row.target, 100 * row.accuracy, 100 * row.accuracy_std)
            for row in rows(record)
            if row.accuracy is not None and row.target is not None
        )
        targets, accuracies, stds = zip(*points, strict=True) if points else ((), (), ())
        marker = "osD^vPX*"[number % 8]
        axes.errorbar(
            targets,
            accuracies,
            yerr=stds if any(stds) else None,
            marker=marker,
            markersize=5,
            capsize=3,
            linewidth=1.4,
            label=label,
        )
    axes.set_ylabel("predicted accuracy (%)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")


def labels(records: Sequence[Record]) -> list[str]:
    """Name each record by its strategy, and by whatever else is not the same in all of them."""
    parts = [record["address"].split("/") for record in records]
    strategy = list(records[0]["choices"]).index("strategy") if records else 0
    differing = [i for i, values in enumerate(zip(*parts, strict=False)) if len(set(values)) > 1 and i != strategy]
    return [
        " ".join([record["choices"]["strategy"], *(part[i] for i in differing)])
        for record, part in zip(records, parts, strict=True)
    ]
