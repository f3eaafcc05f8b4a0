"""OFA's own accuracy predictor, read from its published checkpoint."""

from collections.abc import Mapping, Sequence

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import OneHotMLP
from ofa_bench.predictors.assets import ASSETS, asset_path
from ofa_bench.spaces import DesignSpace

__all__ = ["official_predictor"]

_CHECKPOINTS = {"mbv3": "ofa/acc_predictor.pth"}


def official_predictor(space: DesignSpace) -> OneHotMLP:
    """Load OFA's published accuracy predictor for a space (``ofa.tutorial.AccuracyPredictor``).

    Raises:
        InputError: none is published for the space, or the checkpoint is altered or cannot be had.
    """
    if space.name not in _CHECKPOINTS:
        raise InputError(
            f"predictor=official: OFA published none for space {space.name}, only for {', '.join(_CHECKPOINTS)}"
        )
    import torch

    checkpoint = _CHECKPOINTS[space.name]
    state = torch.load(asset_path(checkpoint), map_location="cpu", weights_only=True)
    layers = [(state[f"{i}.weight"].numpy().T.copy(), state[f"{i}.bias"].numpy()) for i in (0, 2, 4, 6)]
    return OneHotMLP(space, _mbv3_columns(space), layers, name="official", sha256=ASSETS[checkpoint])


def _mbv3_columns(space: DesignSpace) -> Mapping[str, Sequence[int]]:
    """Place features as ``ofa.tutorial.AccuracyPredictor.spec2feats`` does: 60 kernel, 60 expand, 8 resolution."""
    columns = {}
    for name, gene in zip(space.gene_names, space.genes, strict=True):
        kind, number = name[0], int(name[1:] or 0)
        if kind == "r":
            columns[name] = [120 + (int(size) - 112) // 16 for size in gene.choices]
        elif kind in "ke":
            columns[name] = list((0 if kind == "k" else 60) + 3 * number + np.arange(3))
    return columns
