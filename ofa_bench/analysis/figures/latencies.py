"""Draws predicted and measured latencies of exported networks relative to their targets."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ofa_bench.analysis.figures.drawing import DPI
from ofa_bench.config.batches import batch_of_unit

__all__ = ["latencies"]

COLORS = ("#E69F00", "#D55E00", "#CC79A7")
"""Colours of measured 10th percentiles, medians and 90th percentiles."""


def latencies(cards: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Draw predicted and measured latencies relative to the target, by target; None without measurements."""
    known = [card for card in cards if card["measured"] and batch_of_unit(card["unit"])]
    if not known:
        return None
    figure = Figure(figsize=(8.0, 3.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    places = range(len(known))

    def less(values: Sequence[float]) -> list[float]:
        return [100 * (value / card["target"] - 1) for value, card in zip(values, known, strict=True)]

    axes.axhline(0, color="0.3", linewidth=1)
    axes.plot(places, less([card["cost"] for card in known]), "o", mfc="none", color="#0072B2", label="predicted")
    about = {card["measured"]["statistic"] for card in known}
    for (name, mark), color in zip({"p10": "v", "median": "s", "p90": "^"}.items(), COLORS, strict=True):
        some = [(place, card) for place, card in enumerate(known) if card["measured"][f"{name}_ms"] is not None]
        values = [100 * (card["measured"][f"{name}_ms"] / card["target"] - 1) for _, card in some]
        size = 7 if name in about else 4  # the statistic of the targets is larger
        label = f"measured, {name}{' (target)' if name in about else ''}"
        axes.plot([place for place, _ in some], values, mark, ms=size, color=color, label=label)
    axes.set_xticks(list(places), [f"{card['target']:g}" for card in known])
    axes.set_xlabel(f"target, {known[0]['unit']}")
    axes.set_ylabel("latency less target, %\n(above 0: missed)")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="best", framealpha=0.85, edgecolor="none")
    return figure
