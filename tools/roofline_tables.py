"""How well a roofline by a data sheet gives the latencies of devices that were measured, from the package's tables."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ofa_bench.config.batches import batch_of_unit
from ofa_bench.devices.roofline import FOLDER as LAYERS
from ofa_bench.devices.tables import FOLDER
from ofa_bench.devices.targets import draw_sample
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.profiling import roofline_table
from ofa_bench.records.tables import Table, markdown

__all__ = ["SHEETS", "Sheet", "roofline_errors", "roofline_sheets"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """What is published of a device: GFLOP/s in float32, GB/s, and where from."""

    title: str
    peak: float
    bandwidth: float
    source: str


SHEETS: Mapping[str, Sheet] = {
    "note10": Sheet(
        "Snapdragon 855, its fastest core", 45.4, 34.1,
        "[WikiChip](https://en.wikichip.org/wiki/qualcomm/snapdragon_800/855): 2.84 GHz, 64 bits of LPDDR4X-4266; "
        "two 128-bit multiply-adds a cycle (Arm's Cortex-A76 Software Optimization Guide)",
    ),
    "i7_8700k": Sheet(
        "Intel Core i7-8700K, six cores", 710.4, 41.6,
        "[Intel](https://www.intel.com/content/www/us/en/products/sku/126684/specifications.html): 3.7 GHz, 41.6 GB/s; "
        "two 256-bit multiply-adds a cycle",
    ),
    "p40_b64": Sheet(
        "NVIDIA Tesla P40", 11758, 346,
        "NVIDIA's data sheet of the Tesla P40: 3,840 cores of 1.531 GHz at most, 346 GB/s",
    ),
    "rtx2080ti_b64": Sheet(
        "NVIDIA RTX 2080 Ti", 13448, 616,
        "NVIDIA Turing GPU Architecture (WP-09183-001): 4,352 cores of 1.545 GHz at most, 616 GB/s",
    ),
    "v100_b64": Sheet("NVIDIA Tesla V100 (PCIe)", 14000, 900, "NVIDIA's data sheet: 14 TFLOP/s, 900 GB/s"),
    "titan_rtx_b64": Sheet(
        "NVIDIA Titan RTX", 16300, 672,
        "[NVIDIA's figures](https://www.tomshardware.com/news/nvidia-titan-rtx-specs-pricing,38184.html)",
    ),
    "titan_xp_b64": Sheet("NVIDIA Titan Xp", 12150, 547.7, "NVIDIA: 3,840 cores of 1.582 GHz at most, 547.7 GB/s"),
    "jetson_gpu": Sheet(
        "NVIDIA Jetson Xavier NX, its GPU", 845, 59.7,
        "NVIDIA's data sheet of the Jetson Xavier NX: 384 cores of 1.1 GHz, 59.7 GB/s",
    ),
}  # fmt: skip
"""Devices whose makers publish both numbers; the cards of the others do not name the model, or no layers are listed."""

OVERHEADS = (0, 10, 100)
"""Microseconds a layer; no data sheet has it."""


def roofline_sheets() -> str:
    """Return the published numbers of the devices whose tables are in the package."""
    rows = [
        (f"`{name}`", one.title, f"{one.peak:,g}", f"{one.bandwidth:g}", one.source) for name, one in _known().items()
    ]
    return markdown(Table("", ("device", "taken for", "GFLOP/s", "GB/s", "source"), tuple(rows), 5))


def roofline_errors() -> str:
    """Return how rooflines and multiply-accumulates compare with measured tables on 10,000 random architectures."""
    rows = []
    for name, sheet in _known().items():
        for space in (path.stem for path in sorted((FOLDER / name).glob("*.json"))):
            if (LAYERS / f"{space}.json").is_file():
                rows.append((f"`{name}`", f"`{space}`", *_compare(name, space, sheet)))
    heads = (
        "device", "space", "rank correlation", "rank within tenths of latency", "mean error after one factor",
        "the factors",
    )  # fmt: skip
    return markdown(Table("", heads, tuple(rows), 6))


def _known() -> Mapping[str, Sheet]:
    return {name: one for name, one in SHEETS.items() if (FOLDER / name).is_dir()}


def _compare(name: str, space_name: str, sheet: Sheet) -> tuple[str, ...]:
    space = load_space(space_name)
    rows, table = draw_sample(space), latency_table(space, name)
    batch = batch_of_unit(table.unit) or 1
    costs = [latency_table(space, "macs").cost(rows)]
    for overhead in OVERHEADS:
        costs.append(roofline_table(space, sheet.peak, sheet.bandwidth, overhead, batch).cost(rows))
    measured = table.cost(rows)
    tenths = np.array_split(np.argsort(measured), 10)
    factors = [float(np.median(measured / cost)) for cost in costs]
    errors = [np.abs(factor * cost / measured - 1).mean() for factor, cost in zip(factors, costs, strict=True)]
    return (
        _joined([_rank(measured, cost) for cost in costs], "{:.3f}"),
        _joined([float(np.mean([_rank(measured[one], cost[one]) for one in tenths])) for cost in costs], "{:.2f}"),
        _joined([100 * float(error) for error in errors], "{:.1f}") + " %",
        _joined(factors[1:], "{:.1f}"),
    )


def _rank(one: Floats, other: Floats) -> float:
    return float(spearmanr(one, other).statistic)


def _joined(values: list[float], form: str) -> str:
    return f"{form.format(values[0])}, " * (len(values) > 3) + " / ".join(
        form.format(value) for value in values[len(values) > 3 :]
    )
