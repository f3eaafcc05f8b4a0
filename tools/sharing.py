"""What does one network for several devices cost? Writes ``benchmarks/studies/sharing.csv.gz`` in 2 CPU minutes.

The targets are levels: level k is the k-th default target of each device. Networks are searched (``joint``) for each
device by itself, for all devices at once (``device=group``, the worst case), and for the mean of the devices. A row has
the accuracy of one network by the predictor that guides, and its cost on every device.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from intervals import interval, interval_cell
from numpy.typing import NDArray

import ofa_bench as ob
from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.figures.sharing import draw_sharing
from ofa_bench.predictors import latency_table
from ofa_bench.records.tables import Table, markdown

__all__ = [
    "DEVICES", "FIGURE", "OUT", "Found", "device_levels", "found", "lost", "main", "over", "picture", "rows_of",
    "sharing",
]  # fmt: skip

ROOT = Path(__file__).parents[1]
OUT, FIGURE = ROOT / "benchmarks" / "studies" / "sharing.csv.gz", ROOT / "docs" / "fleets" / "sharing.png"
SPACE, DEVICES = "mbv3", ("note10", "i7_8700k", "jetson_gpu", "v100_b64")
WAYS = ("worst", "mean")
EVALUATIONS, REPEATS = 20_000, 10
COLUMNS = ("searched_for", "level", "repeat", "accuracy", *DEVICES)

Floats = NDArray[np.float64]


class Found(NamedTuple):
    """The networks found for a device or a group.

    ``accuracy`` is in percent [repeats, levels]; ``costs`` [repeats, levels, devices] are in the units of the devices.
    """

    accuracy: Floats
    costs: Floats


def rows_of(name: str) -> Iterator[tuple[object, ...]]:
    """Search for a device, or for the group in one of the ``WAYS``; yield the rows of what is found."""
    where = {"device": "group", "devices": list(DEVICES), "of": name} if name in WAYS else {"device": name}
    problem = ob.problem(SPACE, predictor="measured", **where)
    tables = [latency_table(problem.space, device) for device in DEVICES]
    record = ob.run(problem, "joint", evaluations=EVALUATIONS, repeats=REPEATS).record
    for repeat in record.repeats:
        results = sorted(repeat.results, key=lambda one: one.target)
        costs = np.stack([table.cost(np.array([one.genes for one in results], np.int8)) for table in tables], axis=1)
        for level, (one, shown) in enumerate(zip(results, costs.tolist(), strict=True), 1):
            assert one.accuracy is not None
            yield name, level, repeat.repeat, f"{100 * one.accuracy:.4f}", *(f"{cost:.5g}" for cost in shown)


def main() -> None:
    """Search, write the study, and draw the picture."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in (*DEVICES, *WAYS):
        writer.writerows(rows_of(name))
        print(name, flush=True)
    OUT.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    picture()


@cache
def found() -> dict[str, Found]:
    """Return what the study found, by the device or the way of ``WAYS`` that was searched for.

    Raises:
        FileNotFoundError: the study is not there.
    """
    table = pd.read_csv(OUT).sort_values(["repeat", "level"])
    made = {}
    for name, rows in table.groupby("searched_for"):
        shape = rows["repeat"].nunique(), rows["level"].nunique()
        costs = rows[list(DEVICES)].to_numpy(np.float64).reshape(*shape, len(DEVICES))
        made[str(name)] = Found(rows["accuracy"].to_numpy(np.float64).reshape(shape), costs)
    return made


def lost(device: str, way: str = "worst") -> Floats:
    """Return the points that a shared network loses on a device against one for it alone: [repeats, levels]."""
    return found()[device].accuracy - found()[way].accuracy


@cache
def device_levels() -> dict[str, tuple[float, ...]]:
    """Return the levels of each device: its default targets."""
    space = ob.problem(SPACE).space
    return {device: tuple(map(float, latency_table(space, device).targets)) for device in DEVICES}


def over(way: str) -> Floats:
    """Return by how much shared networks exceed the device's limit where they exceed it most, percent.

    float64 [repeats, levels], negative where all limits are met.
    """
    limits = np.array([device_levels()[device] for device in DEVICES]).T
    return np.asarray(100 * (found()[way].costs / limits - 1).max(axis=2))


def sharing() -> str:
    """Return the table: what a network that meets all limits loses on each device, and the network for the mean."""
    heads = (
        "level", "limits", "accuracy, all limits met %", *(f"lost on `{device}`" for device in DEVICES),
        "accuracy, mean %", "its limit most exceeded",
    )  # fmt: skip
    rows = []
    for i, limits in enumerate(zip(*device_levels().values(), strict=True)):
        rows.append((
            str(i + 1), " / ".join(f"{limit:g}" for limit in limits), f"{found()['worst'].accuracy[:, i].mean():.2f}",
            *(interval_cell(lost(device)[:, i], 2) for device in DEVICES),
            f"{found()['mean'].accuracy[:, i].mean():.2f}", f"{over('mean')[:, i].mean():+.0f} %",
        ))  # fmt: skip
    mean = [
        "mean", "", f"{found()['worst'].accuracy.mean():.2f}",
        *(interval_cell(lost(device).mean(axis=1), 2) for device in DEVICES),
        f"{found()['mean'].accuracy.mean():.2f}", "",
    ]  # fmt: skip
    others = ", ".join(f"`{device}` {over(device).mean():.0f} %" for device in DEVICES)
    note = f"Networks for one device alone exceed the limit of another, where they exceed it most, by (mean): {others}."
    table = markdown(Table("", heads, (*rows, tuple(mean)), left=2))
    return f"{table.rstrip()}\n\n{note}"


def picture() -> None:
    """Draw the picture of the study."""
    own = {device: _by_level(found()[device].accuracy) for device in DEVICES}
    shared = {
        "shared: all limits met": _by_level(found()["worst"].accuracy),
        "shared: in the mean": _by_level(found()["mean"].accuracy),
    }
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_bytes(png(draw_sharing(own, shared, {device: _by_level(lost(device)) for device in DEVICES})))


def _by_level(values: Floats) -> dict[int, tuple[float, float]]:
    return {level: interval(column) for level, column in enumerate(values.T, 1)}


if __name__ == "__main__":
    main()
