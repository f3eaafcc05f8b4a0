"""Draws found networks among published ones: accuracy by multiply-accumulates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ofa_bench.analysis.figures.drawing import DPI, plain_numbers

__all__ = ["FoundNetworks", "PublishedNetwork", "draw_among_published"]

Floats = NDArray[np.float64]

COLOURS = ("#CC79A7", "#0072B2", "#009E73")

LABELS = {
    "FBNet-C": ((6, -1), "left"),
    "MnasNet-A1": ((4, 4), "left"),
    "MobileNetV3-Large 1.0": ((2, -13), "center"),
    "MobileNetV3-Large 0.75": ((5, -9), "left"),
    "ProxylessNAS (mobile)": ((4, -10), "left"),
    "EfficientNet-B0": ((5, -9), "left"),
}
"""Offsets (points) and alignments of labels that would lie on others or on the lines."""


@dataclass(frozen=True)
class PublishedNetwork:
    """A published network: top-1 in percent, multiply-accumulates in millions."""

    name: str
    top1: float
    macs: float


@dataclass(frozen=True, eq=False)
class FoundNetworks:
    """What a search found, float64 [targets] each: millions of MACs, accuracies and their uncertainties in percent."""

    name: str
    macs: Floats
    top1: Floats
    uncertainty: Floats


def draw_among_published(found: Sequence[FoundNetworks], published: Sequence[PublishedNetwork]) -> Figure:
    """Draw found networks, with one standard deviation of their predicted accuracy, among published ones."""
    figure = Figure(figsize=(8.6, 5.2), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for one, colour in zip(found, COLOURS, strict=False):
        axes.errorbar(
            one.macs, one.top1, yerr=one.uncertainty, color=colour, marker="D", ms=4, lw=1.3, capsize=2.5,
            elinewidth=1.0, label=one.name,
        )  # fmt: skip
    axes.plot(
        [one.macs for one in published], [one.top1 for one in published], ls="", marker="o", ms=6, mfc="none",
        mew=1.3, color="0.25", label="published, each trained by itself",
    )  # fmt: skip
    for network in published:
        offset, aligned = LABELS.get(network.name, ((6, -3), "left"))
        axes.annotate(
            network.name, (network.macs, network.top1), offset, textcoords="offset points", ha=aligned,
            fontsize="x-small", color="0.25",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(min(85.0, *(float(one.macs.min()) / 1.1 for one in found)), 7000)
    plain_numbers(axes, "x")
    axes.grid(alpha=0.3)
    axes.set_xlabel("multiply-accumulates, millions")
    axes.set_ylabel("ImageNet top-1, %")
    axes.legend(loc="lower left", framealpha=0.9, edgecolor="none", fontsize="small")
    return figure
