"""Draws leads over the reference by the predictor that guided the searches and by those that judge its winners."""

import textwrap
from itertools import cycle

from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import DPI
from ofa_bench.analysis.figures.hovering import note_points
from ofa_bench.analysis.summary import Summary, difference

__all__ = ["leads"]

LOOKS = (("#0072B2", "s"), ("#E69F00", "^"), ("#009E73", "D"))
ROW = 0.2
"""Distance between the points of one strategy; strategies are 1 apart."""


def leads(summary: Summary) -> Figure | None:
    """Draw each strategy's lead over the reference in mean accuracy by each predictor, with its 95 % interval if known.

    None without judges or without pairs.
    """
    lines = [line for line in summary.lines if line.paired and line.paired.difference is not None]
    if not summary.judges or not lines:
        return None
    figure = Figure(
        figsize=(8.0, 1.5 + (0.25 + 0.17 * len(summary.judges)) * len(lines)), dpi=DPI, layout="constrained"
    )
    axes = figure.add_subplot()
    guides = {line.name: line.paired for line in lines if line.paired}
    drawn = [(f"{summary.study.predictor} (guide)", "black", "o", guides)]
    drawn += [(one.judge, *look, dict(one.leads)) for one, look in zip(summary.judges, cycle(LOOKS), strict=False)]
    for number, (label, colour, marker, found) in enumerate(drawn):
        for place, line in enumerate(lines):
            lead, at = found.get(line.name), place + ROW * (number - (len(drawn) - 1) / 2)
            if lead is not None and lead.difference is not None:
                arms = lead.interval and [[lead.difference - lead.interval[0]], [lead.interval[1] - lead.difference]]
                axes.errorbar(
                    lead.difference, at, xerr=arms, fmt=marker, color=colour, ms=5, capsize=2.5, lw=1.2,
                    label=label if place == 0 else None,
                )  # fmt: skip
                note_points(axes, [lead.difference], [at], [f"{line.name} by {label}: {difference(lead)}"])
    axes.axvline(0, color="0.4", lw=0.9, zorder=0.5)
    axes.set_yticks(range(len(lines)), [textwrap.fill(line.name, 30) for line in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    known = any(lead.interval for *_, found in drawn for lead in found.values() if lead)
    about = "points of mean predicted accuracy" + ", 95 % interval" * known
    axes.set_xlabel(f"lead over {summary.reference} ({about})")
    axes.set_title(f"{summary.study.space} on {summary.study.device}")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", title="judged by")
    return figure
