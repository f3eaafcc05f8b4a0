"""Writes ``devices/<gpu>_b64/<space>.json``: ``python tools/make_gpus.py FOLDER``, a folder with the measured rows.

Syed and Srinivasan measured 8,000 random networks on each GPU, Lee et al. 4,000, of which the space has 825 (the others
are of other resolutions). The table is fitted to them by least squares: a block of a shape has a latency by kernel and
expand ratio, not negative, that is linear in the number of pixels; the rest of a network has one by resolution. One row
in five is held back and gives the card's errors.
"""

import csv
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from targets import targets_of

from ofa_bench.config.batches import milliseconds
from ofa_bench.devices.cost import Term
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.predictors import CostTable
from ofa_bench.profiling.fit import compute_errors, compute_guard_band
from ofa_bench.spaces import Genes, MobileNetV3Space
from ofa_bench.spaces.mobile import N_STAGES, RESOLUTIONS

__all__ = ["GPUS", "HELP", "Gpu", "fit", "main", "rows_of", "split", "table_of"]


@dataclass(frozen=True)
class Source:
    """Measured rows: whose they are, their licence, the space whose networks they are, and why that one."""

    about: str
    licence: str
    space: MobileNetV3Space
    width: str


OFANAS = Source(
    "Generalized Latency Performance Estimation for Once-For-All Neural Architecture Search (Syed "
    "and Srinivasan, arXiv 2101.00732), https://github.com/OFANAS/OFANAS_PerformanceEstimation, commit 55ac5b5",
    "Apache-2.0",
    MobileNetV3Space(width=1.0),
    "1.0 by their code; the rows do not state it",
)
HELP = Source(
    "HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via Meta-Learning (Lee et al., NeurIPS 2021), "
    "https://github.com/HayeonLee/HELP, commit 45f70eb, data/ofa",
    "MIT",
    MobileNetV3Space(),
    "taken for 1.2, which the rows do not state: the source's code evaluates its networks in that supernet, and "
    "multiply-accumulates of that width fit the latencies better (python tools/gpu_widths.py FOLDER)",
)


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name, and the file and column of its rows."""

    name: str
    file: str
    column: str
    source: Source


GPUS = {
    "p40_b64": Gpu("NVIDIA Tesla P40", "p40_b64.csv", "ms", OFANAS),
    "rtx2080ti_b64": Gpu("NVIDIA RTX 2080 Ti", "rtx2080ti_b64.csv", "ms", OFANAS),
    "v100_b64": Gpu("NVIDIA V100", "help_gpus.csv", "v100_64_ms", HELP),
    "titan_rtx_b64": Gpu("NVIDIA Titan RTX", "help_gpus.csv", "titan_rtx_64_ms", HELP),
    "titan_xp_b64": Gpu("NVIDIA Titan Xp", "help_gpus.csv", "titan_xp_64_ms", HELP),
}
BATCH, HELD_BACK = 64, 0.2
RIDGE = 1e-4
"""Times the squares of all entries, divided by the mean latency: only for what hardly any row has."""

SHARES = np.array([(r**2 - 160**2) / (224**2 - 160**2) for r in RESOLUTIONS])
"""Of the latency at r=224 in that at each resolution; the rest is that at r=160."""

SHAPES = [
    tuple(("r", f"k{4 * stage + i}", f"e{4 * stage + i}") for i in members)
    for stage in range(N_STAGES)
    for members in ((0,), (1, 2, 3))
]
"""The genes of blocks of one shape: the first of a stage, and the others."""


def main(folder: Path) -> None:
    """Write the tables in the package."""
    for device, gpu in GPUS.items():
        content = (folder / gpu.file).read_bytes()
        genes, measured = rows_of(gpu, content)
        held, fitted = split(len(genes))
        terms = fit(gpu.source.space, genes[fitted], measured[fitted])
        table = table_of(device, gpu, terms)
        card = _card(gpu, content, table.cost(genes[held]), measured[held])
        path = FOLDER / device / f"{table.space.name}.json"
        about = {"space": table.space.name, "device": device, "unit": table.unit}
        write_table(path, terms, **about, card=card, targets=targets_of(table))
        print(path)


def rows_of(gpu: Gpu, content: bytes) -> tuple[Genes, NDArray[np.float64]]:
    """Return the genes of the networks that the space has, int8 [n, n_genes], and their milliseconds [n]."""
    rows = [row for row in csv.DictReader(content.decode().splitlines()) if int(row["r"]) in RESOLUTIONS]
    digits = [{key: [int(digit) for digit in row[key]] for key in ("ks", "e", "d")} for row in rows]
    made = [gpu.source.space.from_ofa({**one, "r": int(row["r"])}) for one, row in zip(digits, rows, strict=True)]
    return np.stack(made), np.array([float(row[gpu.column]) for row in rows])


def split(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows that are held back, and the others."""
    held, fitted = np.split(np.random.default_rng(0).permutation(n), [int(HELD_BACK * n)])
    return held, fitted


def fit(space: MobileNetV3Space, genes: Genes, measured: NDArray[np.float64]) -> list[Term]:
    """Return the table whose costs of networks (int8 [n, n_genes]) are nearest to their milliseconds [n]."""
    features, scale = _features(space, genes), measured.mean()
    found, _ = nnls(
        np.vstack([features / scale, np.sqrt(RIDGE) * np.eye(features.shape[1])]),
        np.concatenate([measured / scale, np.zeros(features.shape[1])]),
        maxiter=100 * features.shape[1],
    )
    ends, common = found[: -len(SHARES)].reshape(len(SHAPES), 2, 3, 3), found[-len(SHARES) :]
    values = [np.multiply.outer(1 - SHARES, low) + np.multiply.outer(SHARES, high) for low, high in ends]
    terms = [Term((("r",),), common), *map(Term, SHAPES, values)]
    return [Term(term.places, np.round(term.values, 5)) for term in terms]


def table_of(device: str, gpu: Gpu, terms: Sequence[Term]) -> CostTable:
    """Return the table as a cost model, without a card."""
    return CostTable(gpu.source.space, terms, name=device, unit=milliseconds(BATCH), sha256="", card={})


def _card(gpu: Gpu, content: bytes, costs: NDArray[np.float64], measured: NDArray[np.float64]) -> Mapping[str, Any]:
    return {
        "title": f"{gpu.name} latency of OFA MobileNetV3 (width {gpu.source.space.width}), batches of {BATCH} images, "
        "fitted to networks",
        "batch": BATCH,
        "source": gpu.source.about,
        "licence": gpu.source.licence,
        "width": gpu.source.width,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "fit": "non-negative least squares on four of five random networks",
        "held_back": compute_errors(costs, measured),
        "guard_band": compute_guard_band(costs, measured),
        "made_by": "python tools/make_gpus.py FOLDER",
    }


def _features(space: MobileNetV3Space, genes: Genes) -> NDArray[np.float64]:
    """Return how often a network has each entry of the table: float64 [n, entries]."""
    active, rows = space.active(genes), np.arange(len(genes))
    share = SHARES[genes[:, 0]]
    blocks = np.zeros((len(genes), len(SHAPES), 2, 3, 3))
    for i, places in enumerate(SHAPES):
        for _, kernel, expand in places:
            k, e = space.index[kernel], space.index[expand]
            for end, part in enumerate((1 - share, share)):
                blocks[rows, i, end, genes[:, k], genes[:, e]] += part * active[:, k]
    return np.hstack([blocks.reshape(len(genes), -1), np.eye(len(SHARES))[genes[:, 0]]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
