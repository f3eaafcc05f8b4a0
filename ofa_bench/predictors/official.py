"""Loads OFA's own accuracy predictors from their published checkpoints."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.importing import import_target
from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.assets import ASSETS, asset_content
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["MEASURED", "load_mbv3", "load_resnet50d", "official_predictor"]

Columns = Mapping[str, Sequence[int]]

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
    path = "ofa/acc_predictor.pth"
    state = _load(path, fetch)
    layers = [(state[f"{i}.weight"], state[f"{i}.bias"]) for i in (0, 2, 4, 6)]
    return _build(space, path, layers, _mbv3_columns(space))


def load_resnet50d(space: DesignSpace, fetch: bool) -> AccuracyPredictor:
    """Load the predictor of ``ofa.nas``; its last layer has no bias, but ``base_acc`` is added to its output."""
    path = "ofa/ofa_resnet50_acc_predictor.pth"
    state = _load(path, fetch)
    layers = [(state[f"layers.{i}.0.weight"], state[f"layers.{i}.0.bias"]) for i in range(3)]
    return _build(space, path, [*layers, (state["layers.3.weight"], state["base_acc"])], _resnet50d_columns(space))


def _load(path: str, fetch: bool) -> Mapping[str, Any]:
    content = asset_content(path, fetch)  # torch gets the bytes whose hash was checked, even if the file changes

    import torch

    state: Mapping[str, Any] = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    return state


def _build(space: DesignSpace, path: str, layers: Sequence[tuple[Any, Any]], columns: Columns) -> AccuracyPredictor:
    arrays = [(_normal(weight.T), _normal(bias)) for weight, bias in layers]
    about = {"name": "official", "sha256": ASSETS[path]}
    return OneHotMLP(space, columns, arrays, **about, unlabelled={}, sources=(MEASURED,))


def _normal(tensor: Any) -> NDArray[np.float32]:
    """Return a tensor as an array; subnormal numbers (below 1.2e-38), which slow products down, become 0."""
    values: NDArray[np.float32] = tensor.numpy().copy()
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
