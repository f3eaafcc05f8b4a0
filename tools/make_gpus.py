"""Writes ``devices/<gpu>_b64/mbv3_w1.0.json``: ``python tools/make_gpus.py FOLDER``, a folder with the measured rows.

Syed and Srinivasan measured 8,000 random networks on each GPU. The table is fitted to them by least squares: a block of
a shape has a latency by kernel and expand ratio, not negative, that is linear in the number of pixels; the rest of a
network has one by resolution. One row in five is held back and gives the card's errors.
"""

import csv
import hashlib
import sys
from collections.abc import Mapping
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
from ofa_bench.spaces.mobile import N_STAGES

__all__ = ["main"]

GPUS = {"p40_b64": "NVIDIA Tesla P40", "rtx2080ti_b64": "NVIDIA RTX 2080 Ti"}
BATCH, HELD_BACK = 64, 0.2
RIDGE = 1e-4
"""Times the squares of all entries, divided by the mean latency: only for what hardly any row has."""

SPACE = MobileNetV3Space(width=1.0)
SHARES = np.array([(r**2 - 160**2) / (224**2 - 160**2) for r in SPACE.genes[SPACE.index["r"]].choices])
"""Of the latency at r=224 in that at each resolution; the rest is that at r=160."""

SHAPES = [
    tuple(("r", f"k{4 * stage + i}", f"e{4 * stage + i}") for i in members)
    for stage in range(N_STAGES)
    for members in ((0,), (1, 2, 3))
]
"""The genes of blocks of one shape: the first of a stage, and the others."""


def main(folder: Path) -> None:
    """Write the tables in the package."""
    for device, name in GPUS.items():
        content = (folder / f"{device}.csv").read_bytes()
        genes, measured = _rows(content)
        order = np.random.default_rng(0).permutation(len(genes))
        held, fitted = np.split(order, [int(HELD_BACK * len(order))])
        features = _features(genes)
        scale = measured[fitted].mean()
        found, _ = nnls(
            np.vstack([features[fitted] / scale, np.sqrt(RIDGE) * np.eye(features.shape[1])]),
            np.concatenate([measured[fitted] / scale, np.zeros(features.shape[1])]),
            maxiter=100 * features.shape[1],
        )
        ends, common = found[: -len(SHARES)].reshape(len(SHAPES), 2, 3, 3), found[-len(SHARES) :]
        values = [np.multiply.outer(1 - SHARES, low) + np.multiply.outer(SHARES, high) for low, high in ends]
        terms = [Term((("r",),), common), *map(Term, SHAPES, values)]
        terms = [Term(term.places, np.round(term.values, 5)) for term in terms]
        unit = milliseconds(BATCH)
        about = {"space": SPACE.name, "device": device, "unit": unit}
        table = CostTable(SPACE, terms, name=device, unit=unit, sha256="", card={})
        card = _card(name, content, table.cost(genes[held]), measured[held])
        path = FOLDER / device / f"{SPACE.name}.json"
        write_table(path, terms, **about, card=card, targets=targets_of(table))
        print(path)


def _card(name: str, content: bytes, costs: NDArray[np.float64], measured: NDArray[np.float64]) -> Mapping[str, Any]:
    return {
        "title": f"{name} latency of OFA MobileNetV3 (width 1.0), batches of {BATCH} images, fitted to networks",
        "batch": BATCH,
        "source": "Generalized Latency Performance Estimation for Once-For-All Neural Architecture Search (Syed "
        "and Srinivasan, arXiv 2101.00732), https://github.com/OFANAS/OFANAS_PerformanceEstimation, commit 55ac5b5",
        "licence": "Apache-2.0",
        "width": "1.0 by their code; the rows do not state it",
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "fit": "non-negative least squares on four of five random networks",
        "held_back": compute_errors(costs, measured),
        "guard_band": compute_guard_band(costs, measured),
        "made_by": "python tools/make_gpus.py FOLDER",
    }


def _features(genes: Genes) -> NDArray[np.float64]:
    """Return how often a network has each entry of the table: float64 [n, entries]."""
    active, rows = SPACE.active(genes), np.arange(len(genes))
    share = SHARES[genes[:, 0]]
    blocks = np.zeros((len(genes), len(SHAPES), 2, 3, 3))
    for i, places in enumerate(SHAPES):
        for _, kernel, expand in places:
            k, e = SPACE.index[kernel], SPACE.index[expand]
            for end, part in enumerate((1 - share, share)):
                blocks[rows, i, end, genes[:, k], genes[:, e]] += part * active[:, k]
    return np.hstack([blocks.reshape(len(genes), -1), np.eye(len(SHARES))[genes[:, 0]]])


def _rows(content: bytes) -> tuple[Genes, NDArray[np.float64]]:
    """Return the networks' genes, int8 [n, n_genes], and milliseconds [n]."""
    rows = list(csv.DictReader(content.decode().splitlines()))
    digits = [{key: [int(digit) for digit in row[key]] for key in ("ks", "e", "d")} for row in rows]
    genes = np.stack([SPACE.from_ofa({**one, "r": int(row["r"])}) for one, row in zip(digits, rows, strict=True)])
    return genes, np.array([float(row["ms"]) for row in rows])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
