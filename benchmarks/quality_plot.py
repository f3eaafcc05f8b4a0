"""Draws what section ``time_to_quality`` measured: mean accuracy over ten targets against seconds of search."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

__all__ = ["draw"]


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the first round into a PNG: ``ofa``'s searches, and those of ``joint``."""
    ofa, joint = found["curves"]["ofa"], found["curves"]["joint"]
    goal = found["ofa"]["ofa"]["accuracy"]["runs"][0]
    figure = Figure(figsize=(7.5, 4.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*ofa, strict=True), color="C3", label="ofa's own ten searches, all with as many generations")
    for i, curve in enumerate(joint):
        axes.plot(
            *zip(*curve, strict=True), color="C0", lw=1, label=f"joint ({len(joint)} searches)" if i == 0 else None
        )
    axes.axhline(goal, color="0.5", lw=1, ls="--", label="what ofa finds in the end")
    axes.set(xscale="log", xlabel="seconds of search", ylabel="mean predicted accuracy, ten targets (%)")
    axes.set_ylim(goal - 4, max(curve[-1][1] for curve in joint) + 0.3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")
    axes.set_title(
        f"MobileNetV3 on the Note10, official predictor, n={found['generations']} for ofa", fontsize="medium"
    )
    figure.savefig(path)
