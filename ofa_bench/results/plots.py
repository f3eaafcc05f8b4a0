"""Pictures of records: accuracy over latency."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ofa_bench.results.labels import labels
from ofa_bench.results.records import Record
from ofa_bench.results.tables import rows

__all__ = ["accuracy_over_cost"]

MOST_COLUMNS = 3
"""Pictures of several spaces and devices stand in rows of at most this many."""

MOST_INSIDE = 6
"""A legend of more lines than these stands beside its picture."""


def accuracy_over_cost(records: Sequence[Record], path: Path) -> None:
    """Draw predicted accuracy over the targets, one line a strategy (mean over repeats, bars one standard deviation).

    Each space and device has a picture of its own; lines that differ in more than the strategy are named by it all. A
    thin line shows the best known accuracies, where all lines of a picture were compared with the same.
    """

    def problem(record: Record) -> tuple[str, str, str]:
        return record["choices"]["space"], record["choices"]["device"], record["unit"]

    problems = sorted({problem(record) for record in records})
    columns = min(MOST_COLUMNS, len(problems))
    beside = len(records) > MOST_INSIDE
    size = (11.0 if beside else 8.0, 5.0) if columns == 1 else (5.5 * columns, 4.0 * math.ceil(len(problems) / columns))
    layout: Literal["constrained"] | None = (
        "constrained" if len(problems) > 1 or beside else None
    )  # which takes its time
    figure = Figure(figsize=size, dpi=120, layout=layout)
    for number, names in enumerate(problems):
        axes = figure.add_subplot(math.ceil(len(problems) / columns), columns, number + 1)
        axes.set_title(f"{names[0]} on {names[1]}")
        axes.set_xlabel(f"target ({names[2]})")
        _draw(axes, [record for record in records if problem(record) == names])
    figure.savefig(path, pil_kwargs={"compress_level": 1})


def _draw(axes: Axes, records: Sequence[Record]) -> None:
    if len({(record.get("frontier") or {}).get("sha256") for record in records}) == 1:
        _draw_best_known(axes, records)
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
            linestyle=("-", "--", ":")[number // 10 % 3],  # there are ten colours
            label=label,
        )
    axes.set_ylabel("predicted accuracy (%)")
    axes.grid(alpha=0.3)
    lines, names = axes.get_legend_handles_labels()
    if len(names) > MOST_INSIDE:
        axes.legend(lines, names, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    else:
        axes.legend(lines, names, frameon=False, loc="lower right")


def _draw_best_known(axes: Axes, records: Sequence[Record]) -> None:
    results = [result for record in records for result in record["repeats"][0]["results"]]
    points = sorted({(one["target"], one["best_known"]) for one in results if one.get("best_known") is not None})
    if points:
        targets, accuracies = zip(*points, strict=True)
        percent = [100 * accuracy for accuracy in accuracies]
        axes.plot(targets, percent, color="black", linestyle=":", linewidth=1.2, zorder=5, label="best known")
