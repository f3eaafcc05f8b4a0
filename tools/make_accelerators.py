"""Writes the tables of ``accel_nasbench``: ``python tools/make_accelerators.py FILE``, the rows of Accel-NASBench.

A table is fitted to the networks that were measured: each of the seven stages has a cost, not negative, for its kernel,
expand ratio, layers and squeeze-and-excitation; what all networks share is in them. MACs and parameters are such sums,
so their tables are exact to the digits that are published. The card has the errors on networks that were held out.
"""

import csv
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from make_accel_nasbench import KINDS
from numpy.typing import NDArray
from scipy.optimize import nnls

from ofa_bench.devices.cost import Term
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.profiling.fit import compute_errors, compute_guard_band
from ofa_bench.spaces import AccelNASBenchSpace, Genes

__all__ = ["main"]

SPACE, STAGES = AccelNASBenchSpace(), range(7)
PLACES = [tuple(f"{kind}{stage}" for kind in ("k", "e", "d", "se")) for stage in STAGES]

INVERSE = "milliseconds an image: the inverse of the throughput"

DEVICES: Mapping[str, tuple[str, str, str]] = {
    "zcu102": ("latency_zcu102", "ms", "AMD/Xilinx Zynq UltraScale+ ZCU102 (FPGA) latency"),
    "vck190": ("latency_vck190", "ms", "AMD/Xilinx Versal VCK190 (FPGA) latency"),
    "a100": ("throughput_a100", "ms an image", f"NVIDIA A100, {INVERSE}"),
    "rtx3090": (
        "throughput_3090",
        "ms an image",
        f"NVIDIA RTX 3090, {INVERSE}",
    ),
    "tpuv2": ("throughput_tpuv2", "ms an image", f"Google TPU v2, {INVERSE}"),
    "tpuv3": ("throughput_tpuv3", "ms an image", f"Google TPU v3, {INVERSE}"),
    "macs": ("macs_m", "MMACs", "Multiply-accumulates of one image, in millions, as published"),
    "params": ("params_m", "M params", "Parameters, in millions"),
}
"""By device, the column of the file, the unit of the table, and the title of its card."""

CAVEATS = dict.fromkeys(
    ("tpuv2", "tpuv3"),
    "No network has more than 1,803 images a second on either TPU, so that may be the limit of what fed them; costs "
    "near it differ less than those of the networks alone",
)
LAST_DIGIT: Mapping[str, float] = {"macs": 0.001, "params": 0.00001}
"""Of the published numbers that are sums over stages."""

FOLDS = 5
QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)
"""Of the costs of the trained networks: the default targets."""

RIDGE = 1e-9
"""Times the squares of all entries, divided by the mean cost: what all networks share is spread over the stages."""


def main(path: Path) -> None:
    """Write the tables in the package."""
    content = path.read_bytes()
    rows = list(csv.DictReader(content.decode().splitlines()))
    genes = np.stack([SPACE.from_ofa(_architecture(row)) for row in rows])
    same = np.unique(genes, axis=0, return_inverse=True)[1].ravel()
    fold = (np.random.default_rng(0).permutation(same.max() + 1) % FOLDS)[same]
    features = _features(genes)
    for device, (column, unit, title) in DEVICES.items():
        measured = np.array([float(row[column] or "nan") for row in rows])
        measured = 1000 / measured if column.startswith("throughput") else measured
        known = np.isfinite(measured)
        found = np.zeros(len(rows))
        for number in range(FOLDS):
            held = fold == number
            found[held] = features[held] @ _fit(features[known & ~held], measured[known & ~held])
        entries = _fit(features[known], measured[known])
        values = np.split(np.round(entries, 6), np.cumsum(_sizes())[:-1])
        terms = [Term((place,), one.reshape(_shape(place))) for place, one in zip(PLACES, values, strict=True)]
        costs = features @ np.concatenate(values)
        card = {
            "title": f"{title}, {'a sum of seven stages' if device in LAST_DIGIT else 'fitted to networks'}",
            "source": "Accel-NASBench (Ahmad et al., DAC 2024, arXiv 2404.08005), "
            "https://github.com/afzalxo/Accel-NASBench, commit 4260357",
            "licence": "Apache-2.0",
            "file_sha256": hashlib.sha256(content).hexdigest(),
            **_about(device, costs[known], found[known], measured[known]),
            **({"caveat": CAVEATS[device]} if device in CAVEATS else {}),
            "made_by": "python tools/make_accelerators.py FILE",
        }
        targets = [float(f"{one:.3g}") for one in np.quantile(costs, QUANTILES)]
        about = {"space": SPACE.name, "device": device, "unit": unit}
        write_table(FOLDER / device / f"{SPACE.name}.json", terms, **about, card=card, targets=targets)
        print(device, card, targets)


def _about(
    device: str, costs: NDArray[np.float64], found: NDArray[np.float64], measured: NDArray[np.float64]
) -> dict[str, Any]:
    """Return what the card says of the errors; raise ValueError if a table that should be exact is not."""
    if device not in LAST_DIGIT:
        return {
            "fit": "non-negative least squares on all measured networks; searches use this cost, also "
            "of networks that were measured",
            "held_back": {"folds": FOLDS, **compute_errors(found, measured)},
            "fitted": compute_errors(costs, measured),
            "guard_band": compute_guard_band(found, measured),
        }
    off = float(np.abs(costs - measured).max())
    if off > LAST_DIGIT[device]:
        raise ValueError(f"{device}: off by {off}")
    return {
        "fit": "solved from the published numbers of all networks; costs differ by less than one in their last digit",
        "max_difference": round(off, 7),
    }


def _architecture(row: Mapping[str, str]) -> dict[str, list[int]]:
    return {kind: [int(row[f"block{stage}_{name}"]) for stage in STAGES] for kind, name in KINDS.items()}


def _shape(place: Sequence[str]) -> tuple[int, ...]:
    return tuple(len(SPACE.genes[SPACE.index[name]].choices) for name in place)


def _sizes() -> list[int]:
    return [int(np.prod(_shape(place))) for place in PLACES]


def _features(genes: Genes) -> NDArray[np.float64]:
    """Return which entries of the table a network has: float64 [n, entries]."""
    parts = []
    for place, size in zip(PLACES, _sizes(), strict=True):
        choices = genes[:, [SPACE.index[name] for name in place]].astype(int)
        parts.append(np.eye(size)[np.ravel_multi_index(tuple(choices.T), _shape(place))])
    return np.hstack(parts)


def _fit(features: NDArray[np.float64], measured: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entries whose sums have the least squares of errors."""
    width, scale = features.shape[1], measured.mean()
    # The triangle of the QR decomposition has the same squares as all rows.
    triangle = np.linalg.qr(np.column_stack([features, measured / scale]), mode="r")
    ridge = np.sqrt(RIDGE * len(measured)) * np.eye(width)
    rows, wanted = np.vstack([triangle[:, :width], ridge]), np.concatenate([triangle[:, width], np.zeros(width)])
    return np.asarray(scale * nnls(rows, wanted, maxiter=100 * width)[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
