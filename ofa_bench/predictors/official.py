"""Loads OFA's own accuracy predictors from their published checkpoints."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.importing import import_target
from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.assets import ASSETS, asset_content
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["MEASURED", "load_mbv3", "load_resnet50d", "official_predictor"]

Columns = Mapping[str, Sequence[int]]

Layer = tuple[int, int, int, int]
"""Outputs and inputs of a layer, and the bytes of its checkpoint at which its weights and its biases begin."""

MEASURED = "measured by OFA"
"""The source of the labels; they are not published."""


def official_predictor(space: DesignSpace, fetch: bool = True) -> AccuracyPredictor:
    """Load OFA's published accuracy predictor for a space (``ofa.tutorial`` and ``ofa.nas.accuracy_predictor``).

    A subspace gets the predictor of its parent. Without ``fetch``, the file must already be on this machine. The labels
    are not published; according to the paper (section 3.4), they are of 16,000 random subnets and resolutions, which
    have every choice of the space.

    Raises:
        InputError: none is published for the space, or the checkpoint is altered or cannot be fetched.
    """
    if isinstance(space, Subspace):
        return SubspacePredictor(space, official_predictor(space.parent, fetch))
    if not space.official_predictor:
        raise InputError(
            f"predictor=official: OFA published none for space {space.name}, which declares no official_predictor; use "
            "predictor=embedded"
        )
    load: Callable[[DesignSpace, bool], AccuracyPredictor] = import_target(space.official_predictor)
    return load(space, fetch)


def load_mbv3(space: DesignSpace, fetch: bool) -> AccuracyPredictor:
    """Load the predictor of ``ofa.tutorial``."""
    layers = ((400, 128, 1237, 206045), (400, 400, 850877, 849269), (400, 400, 207653, 847661))
    return _load(space, "ofa/acc_predictor.pth", (*layers, (1, 400, 1490897, 1490885)), _mbv3_columns(space), fetch)


def load_resnet50d(space: DesignSpace, fetch: bool) -> AccuracyPredictor:
    """Load the predictor of ``ofa.nas``; its last layer has no bias, but ``base_acc`` is added to its output."""
    path = "ofa/ofa_resnet50_acc_predictor.pth"
    layers = ((400, 82, 1287995, 644771), (400, 400, 646379, 1286387), (400, 400, 1547, 641555))
    return _load(space, path, (*layers, (1, 400, 643163, 1419203)), _resnet50d_columns(space), fetch)


def _load(space: DesignSpace, path: str, layers: Sequence[Layer], columns: Columns, fetch: bool) -> AccuracyPredictor:
    """Read the layers where they are in the checkpoint, whose hash was checked: torch would take seconds to import."""
    content = asset_content(path, fetch)

    def read(count: int, offset: int) -> NDArray[np.float32]:
        return _normal(np.frombuffer(content, "<f4", count, offset))

    arrays = [
        (read(outputs * inputs, weight).reshape(outputs, inputs).T, read(outputs, bias))
        for outputs, inputs, weight, bias in layers
    ]
    about = {"name": "official", "sha256": ASSETS[path]}
    return OneHotMLP(space, columns, arrays, **about, unlabelled={}, sources=(MEASURED,))


def _normal(stored: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy in which subnormal numbers (below 1.2e-38), which slow products down, are 0."""
    values = stored.astype(np.float32)
    values[np.abs(values) < np.finfo(np.float32).tiny] = 0
    return values


def _mbv3_columns(space: DesignSpace) -> Columns:
    """Return the columns of ``ofa.tutorial.AccuracyPredictor.spec2feats``: 60 kernel, 60 expand, 8 resolution."""
    columns = {}
    for name, gene in zip(space.gene_names, space.genes, strict=True):
        kind, number = name[0], int(name[1:] or 0)
        if kind == "r":
            columns[name] = [120 + (int(size) - 112) // 16 for size in gene.choices]
        elif kind in "ke":
            columns[name] = list((0 if kind == "k" else 60) + 3 * number + np.arange(3))
    return columns


def _resnet50d_columns(space: DesignSpace) -> Columns:
    """Return the columns of ``ofa.nas.accuracy_predictor.ResNetArchEncoder``: for ``r``, ``d0``, ``w`` and ``e``."""
    columns, end = {}, 0
    for kind in ("r", "d0", "w", "e"):
        for name, gene in zip(space.gene_names, space.genes, strict=True):
            if name.startswith(kind):
                columns[name] = list(range(end, end + len(gene.choices)))
                end += len(gene.choices)
    return columns
