"""Reads measured accuracies and labels of OFA's MobileNetV3 and ProxylessNAS supernets for the fits."""

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces import Genes, MobileNetV3Space, ProxylessNASSpace
from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["Rows", "read_rows"]

SPACES: dict[int, MobileSpace] = {20: MobileNetV3Space(), 21: ProxylessNASSpace()}
"""The space by its number of blocks."""


@dataclass(frozen=True)
class Rows:
    """Distinct networks at image sizes, with accuracies.

    ``genes`` is int8 [n, n_genes], with ``r`` 0; ``size`` the image size in pixels, int64 [n]; ``top1`` the mean
    accuracy in percent, float64 [n]; ``repeats`` of how many rows, float64 [n]; ``group`` the file, int64 [n];
    ``block`` numbers the architectures without the image size, int64 [n].
    """

    genes: Genes
    size: NDArray[np.int64]
    top1: NDArray[np.float64]
    repeats: NDArray[np.float64]
    group: NDArray[np.int64]
    block: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.top1)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Rows":
        """Return some of the rows."""
        return Rows(*(values[which] for values in vars(self).values()))


def read_rows(folder: Path, names: Sequence[str]) -> Rows:
    """Return the rows of files (``ks``, ``e``, ``d``, ``r``, ``top1_percent``); ``group`` counts the files from 0."""
    keys, top1 = list[tuple[int, ...]](), list[float]()
    for group, name in enumerate(names):
        content = (folder / name).read_bytes()
        text = gzip.decompress(content) if name.endswith(".gz") else content
        for row in csv.DictReader(io.StringIO(text.decode())):
            space = SPACES[len(row["ks"])]
            digits = {key: [int(letter) for letter in row[key]] for key in ("ks", "e", "d")}
            genes = space.from_ofa({**digits, "r": [space.resolutions[0]]})
            keys.append((*genes.tolist(), int(row["r"]), group))
            top1.append(float(row["top1_percent"]))
    distinct, place, counts = np.unique(np.array(keys), axis=0, return_inverse=True, return_counts=True)
    means = np.bincount(place.ravel(), top1) / counts
    genes = distinct[:, :-2].astype(np.int8)
    block = np.unique(genes, axis=0, return_inverse=True)[1].ravel()
    return Rows(genes, distinct[:, -2], means, counts.astype(float), distinct[:, -1], block)
