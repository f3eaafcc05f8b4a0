"""Our own small accuracy predictors, shipped with the package; they need no network and no torch."""

from importlib.resources import as_file, files

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import OneHotMLP
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.spaces import DesignSpace

__all__ = ["FOLDER", "embedded_predictor", "one_hot_columns"]

FOLDER = files("ofa_bench") / "data" / "predictors"
"""Holds the weights (``<space>.npz``) and the card (``<space>.json``) of each."""


def one_hot_columns(space: DesignSpace) -> dict[str, list[int]]:
    """Place one feature for each choice of each gene, in the order of the genes."""
    ends = np.cumsum(space.cardinality, dtype=int)
    return {
        name: list(range(end - len(gene.choices), end))
        for name, gene, end in zip(space.gene_names, space.genes, ends.tolist(), strict=True)
    }


def embedded_predictor(space: DesignSpace) -> OneHotMLP:
    """Load the embedded accuracy predictor of a space; its card stands beside it in ``ofa_bench/data/predictors``.

    Raises:
        InputError: the package has none for the space.
    """
    resource = FOLDER / f"{space.name}.npz"
    if not resource.is_file():
        have = ", ".join(sorted(path.name[:-4] for path in FOLDER.iterdir() if path.name.endswith(".npz")))
        raise InputError(f"predictor=embedded: there is none for space {space.name}, only for {have}")
    with as_file(resource) as path:
        with np.load(path, allow_pickle=False) as arrays:
            count = len(arrays.files) // 2
            layers = [
                (arrays[f"weight{i}"].astype(np.float32), arrays[f"bias{i}"].astype(np.float32)) for i in range(count)
            ]
        return OneHotMLP(space, one_hot_columns(space), layers, name="embedded", sha256=sha256_of(path))
