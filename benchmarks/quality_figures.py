"""Sums up the rounds of section ``time_to_quality``, and lays out its tables."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
from figures import Figure, figure, show, table

__all__ = ["MULTIPLES", "sum_up", "tables"]

MULTIPLES = {"10 targets": 1, "100 targets": 10, "100 targets, all": 10, "8 devices": 8, "8 devices, one by one": 8}
"""By how many ``ofa``'s seconds of ten targets are multiplied for each row."""

POINTS = 60
"""Points kept of a curve, evenly spread over the logarithm of seconds."""

NEAR = 5e-4
"""What is less than a difference worth having: 0.05 points."""

Curve = Sequence[tuple[float, float]]
"""Seconds, and the mean accuracy found until then (a fraction of 1)."""

Numbers = Mapping[str, float | None]


def sum_up(made: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Sum up what each round made; accuracies are in percent from here on."""
    ofa = {side: [one[side] for one in made["ofa"]] for side in made["ofa"][0]}
    seconds = {side: [one["seconds"] for one in rounds] for side, rounds in ofa.items()}
    rows = {row: [[one["rows"][row] for one in found] for found in made["joint"]] for row in MULTIPLES}
    first = made["joint"][0]
    return {
        "ofa": {
            side: {
                "seconds": figure(seconds[side]),
                "accuracy": figure(100 * one["accuracy"] for one in rounds),
                "difference": max(one["difference"] for one in rounds),
                "nearly": figure(_nearly(one["curve"]) for one in rounds),
            }
            for side, rounds in ofa.items()
        },
        "joint": {row: _row(rounds, seconds, MULTIPLES[row]) for row, rounds in rows.items()},
        "devices": {name: _device(name, made) for name in first[0]["devices"]},
        "hundred": figure(100 * one["accuracy"]["100"] for one in made["vanilla"]),
        "processes": _processes(made["processes"]),
        "curves": {"ofa": _thin(made["ofa"][0]["ofa"]["curve"]), "joint": [_thin(one["curve"]) for one in first]},
    }


def _nearly(curve: Curve) -> float:
    """Return the share of its seconds after which a curve is within ``NEAR`` of its end."""
    seconds, best = curve[-1]
    return next(one for one, accuracy in curve if accuracy >= best - NEAR) / seconds


def _row(rounds: Sequence[Sequence[Numbers]], ofa: Mapping[str, Sequence[float]], multiple: int) -> dict[str, Any]:
    """Sum up the searches of a row; ratios are ``ofa``'s seconds by the mean of ``joint``'s in a round."""
    searches = [one for found in rounds for one in found]
    return {
        "multiple": multiple,
        "searches": len(searches),
        **{key: _known(one[key] for one in searches) for key in searches[0]},
        "ratios": {side: _ratios(rounds, "seconds", seconds, multiple) for side, seconds in ofa.items()},
        "whole ratios": {side: _ratios(rounds, "whole seconds", seconds, multiple) for side, seconds in ofa.items()},
    }


def _ratios(rounds: Sequence[Sequence[Numbers]], key: str, ofa: Sequence[float], multiple: int) -> Figure | None:
    """Sum up ratios, of the rounds in which all searches were as good."""
    means = [None if None in (values := [one[key] for one in found]) else mean(values) for found in rounds]
    return _known(multiple * a / b if b else None for a, b in zip(ofa, means, strict=True))


def _known(values: Iterable[float | None]) -> Figure | None:
    """Sum up those that are not None; None if all are."""
    known = [value for value in values if value is not None]
    return figure(known) if known else None


def _device(name: str, made: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Sum up ``vanilla`` on a device, and the evaluations after which ``joint`` was as good there."""
    found = [one["devices"][name] for searches in made["joint"] for one in searches]
    return {
        "accuracy": figure(100 * one["accuracy"][name] for one in made["vanilla"]),
        "lookups": figure(one["lookups"][name] for one in made["vanilla"]),
        "searches": len(found),
        **{key: _known(one[key] for one in found) for key in found[0]},
    }


def _processes(rounds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for one in rounds for name in one))
    seconds = {name: figure(one[name] for one in rounds if name in one) for name in names}
    ratios = {name: figure(one["ofa"] / one[name] for one in rounds if name in one) for name in names if name != "ofa"}
    return {"seconds": seconds, "ratios": ratios}


def _thin(curve: Curve) -> list[tuple[float, float]]:
    """Return seconds and accuracies (%) of a part of the points, with the first and the last."""
    seconds = np.array([one for one, _ in curve])
    kept = np.unique(np.searchsorted(seconds, np.geomspace(seconds[0], seconds[-1], POINTS)).clip(0, len(curve) - 1))
    return [(round(curve[i][0], 6), round(100 * curve[i][1], 4)) for i in kept]


def tables(found: dict[str, Any]) -> str:
    """Lay out the rows, the devices and the processes."""
    head = ("joint", "as good", "seconds", "evaluations", *(f"{side} / joint" for side in found["ofa"]), "all: seconds")
    rows = [
        (row, f"{_count(one['seconds'])} of {one['searches']}", _show(one["seconds"]), _show(one["evaluations"]),
         *(_show(one["ratios"][side]) for side in found["ofa"]),
         f"{show(one['whole seconds'])}, {one['whole accuracy']['median']:.2f} %")
        for row, one in found["joint"].items()
    ]  # fmt: skip
    ofa = [(side, show(one["seconds"]), f"{one['accuracy']['median']:.3f}") for side, one in found["ofa"].items()]
    devices = [
        (name, f"{one['accuracy']['median']:.2f}",
         *(f"{_show(one[key])}, {_count(one[key])} of {one['searches']}" for key in ("together", "one by one")))
        for name, one in found["devices"].items()
    ]  # fmt: skip
    processes = found["processes"]
    started = [
        (name, show(one), show(processes["ratios"][name]) if name != "ofa" else "")
        for name, one in processes["seconds"].items()
    ]
    return "\n".join([
        table(f"time to quality: ten targets, n={found['generations']}", ("side", "seconds", "accuracy %"), ofa),
        table("until as good", head, rows),
        table("evaluations until as good as vanilla", ("device", "vanilla %", "together", "one by one"), devices),
        table("from the start of a process", ("side", "seconds", "ofa / joint"), started),
    ])  # fmt: skip


def _show(found: Figure | None) -> str:
    return show(found) if found else "never"


def _count(found: Figure | None) -> int:
    return found["n"] if found else 0
