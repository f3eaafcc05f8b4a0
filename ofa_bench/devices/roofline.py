"""Latencies from a data sheet: the roofline model (Williams, Waterman and Patterson, CACM 2009).

A layer takes as long as the slower of its arithmetic at the peak rate and its traffic at the bandwidth of the memory,
and an overhead. The latency of an architecture is the sum over its layers.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ofa_bench.config.batches import MAX, milliseconds
from ofa_bench.devices.cost import Term
from ofa_bench.errors import InputError
from ofa_bench.files.writing import write_whole

__all__ = ["FOLDER", "DataSheet", "Layer", "LayerTerm", "read_layers", "write_layers"]

FORMAT = "ofa_bench.layers/1"
FOLDER = Path(__file__).parents[1] / "data" / "layers"
"""Has ``<space>.json``, the layers of a space."""


class Layer(NamedTuple):
    """A convolution, matrix product or pooling, for one image.

    ``macs`` are its multiply-accumulates, ``moved`` the numbers of its input and output, ``weights`` its parameters.
    """

    macs: int
    moved: int
    weights: int


@dataclass(frozen=True)
class LayerTerm:
    """The layers that the genes of a place choose, by the positions of the choices; every one of ``places`` has them.

    Choices that are not there add no layer.
    """

    places: tuple[tuple[str, ...], ...]
    layers: Mapping[tuple[int, ...], Sequence[Layer]]


@dataclass(frozen=True)
class DataSheet:
    """What the roofline model knows of a device, and how a network runs on it.

    Args:
        peak: arithmetic in GFLOP/s; a multiply-accumulate is two operations.
        bandwidth: of the memory, in GB/s (1e9 bytes a second).
        overhead: of each layer, in microseconds, such as the launch of a kernel.
        batch: the number of images at a time; weights are read, and overheads are there, once a batch.
        bytes: of a number, such as 4 for float32.

    Raises:
        InputError: a value is not allowed; the message names its key.
    """

    peak: float
    bandwidth: float
    overhead: float = 0.0
    batch: int = 1
    bytes: float = 4

    def __post_init__(self) -> None:
        """Check the values."""
        for key, unit in (("peak", " of GFLOP/s"), ("bandwidth", " of GB/s"), ("bytes", "")):
            if not _is_number(value := getattr(self, key)) or not 1e-6 <= value <= 1e12:
                raise InputError(f"device.{key}={_shown(value)}: must be a positive number{unit}, 1e-6 to 1e12")
        if not _is_number(self.overhead) or not 0 <= self.overhead <= 1e9:
            raise InputError(
                f"device.overhead={_shown(self.overhead)}: must be a number of microseconds a layer, 0 to 1e9"
            )
        if type(self.batch) is not int or not 1 <= self.batch <= MAX:
            raise InputError(f"device.batch={_shown(self.batch)}: must be a whole number of 1 to {MAX:,}")

    @property
    def unit(self) -> str:
        """The unit of its latencies, ``ms`` or ``ms a batch of <batch>``."""
        return milliseconds(self.batch)

    def latency(self, layers: Sequence[Layer]) -> float:
        """Return how long layers take one after the other, in milliseconds a batch."""
        seconds = 0.0
        for macs, moved, weights in layers:
            arithmetic = 2 * macs * self.batch / (1e9 * self.peak)
            traffic = self.bytes * (moved * self.batch + weights) / (1e9 * self.bandwidth)
            seconds += max(arithmetic, traffic) + 1e-6 * self.overhead
        return 1e3 * seconds

    def terms(self, listed: Sequence[LayerTerm]) -> list[Term]:
        """Return the latencies of all layers of a space, in milliseconds a batch, as the terms of a cost table."""
        made = []
        for one in listed:
            values = np.zeros([1 + max(positions) for positions in zip(*one.layers, strict=True)])
            for choice, layers in one.layers.items():
                values[choice] = self.latency(layers)
            made.append(Term(one.places, values))
        return made


def read_layers(space: str) -> list[LayerTerm]:
    """Return the layers of a space of the package, by its name.

    Raises:
        FileNotFoundError: there is no list of its layers.
    """
    found = json.loads((FOLDER / f"{space}.json").read_bytes())
    layers = [Layer(*one) for one in found["layers"]]
    return [
        LayerTerm(
            tuple(map(tuple, term["places"])),
            {tuple(choice): tuple(layers[i] for i in numbers) for choice, numbers in term["layers"]},
        )
        for term in found["terms"]
    ]


def write_layers(path: Path, listed: Sequence[LayerTerm], *, space: str, card: Mapping[str, Any]) -> None:
    """Write the layers of a space, each different one once, and a line for each term."""
    every = dict.fromkeys(layer for term in listed for layers in term.layers.values() for layer in layers)
    number = {layer: i for i, layer in enumerate(every)}
    about = {"format": FORMAT, "space": space, "card": dict(card), "layers": list(every)}
    rows = [
        json.dumps({
            "places": term.places,
            "layers": [[choice, [number[one] for one in layers]] for choice, layers in term.layers.items()],
        }, separators=(",", ":"))
        for term in listed
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in about.items())
    write_whole(path, f'{{{text},\n "terms": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: object) -> str:
    return "null" if value is None else str(value)[:40]
