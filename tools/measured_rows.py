"""Reads measured accuracies and labels of OFA's MobileNetV3 and ProxylessNAS supernets for the fits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench import data
from ofa_bench.spaces import Genes
from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["Rows", "read_labels", "read_measured"]


@dataclass(frozen=True)
class Rows:
    """Distinct networks at image sizes, with accuracies.

    ``genes`` is int8 [n, n_genes], with ``r`` 0; ``size`` the image size in pixels, int64 [n]; ``part`` numbers the
    validation images that it was measured on, int64 [n], 0 for all of them; ``top1`` is the mean accuracy in percent,
    float64 [n]; ``repeats`` of how many rows, float64 [n]; ``block`` numbers the architectures without the image size,
    int64 [n].
    """

    genes: Genes
    size: NDArray[np.int64]
    part: NDArray[np.int64]
    top1: NDArray[np.float64]
    repeats: NDArray[np.float64]
    block: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.top1)

    def take(self, which: Any) -> "Rows":
        """Return some of the rows."""
        return Rows(*(values[which] for values in vars(self).values()))


def read_measured(space: MobileSpace) -> Rows:
    """Return what was measured on a space's supernet; parts of files of other image sizes are other parts."""
    table = data.measured(space.name)
    small = 100 * (table["resolution"] == 128).to_numpy()
    return _merge(space, table, np.where(table["part"] > 0, table["part"] + small, 0))


def read_labels(space: MobileSpace, sample: str | None = None) -> Rows:
    """Return AutoBuild's labels of a space: all, or those of one sample."""
    table = data.predicted(space.name)
    table = table if sample is None else table[table["sample"] == sample]
    return _merge(space, table, np.zeros(len(table), int))


def _merge(space: MobileSpace, table: Any, part: NDArray[np.int64]) -> Rows:
    least = space.resolutions[0]
    genes = np.array([space.from_ofa({**architecture, "r": [least]}) for architecture in table["architecture"]])
    keys = np.column_stack([genes.astype(int), table["resolution"], part])
    distinct, place, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    means = np.bincount(place.ravel(), table["top1"]) / counts
    genes = distinct[:, :-2].astype(np.int8)
    block = np.unique(genes, axis=0, return_inverse=True)[1].ravel()
    return Rows(genes, distinct[:, -2], distinct[:, -1], means, counts.astype(float), block)
