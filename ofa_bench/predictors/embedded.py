"""Loads our own small accuracy predictors, which come with the package; they need no network and no torch."""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, Layer, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.measured import FOLDER as MEASURED
from ofa_bench.predictors.measured import measured_predictor, measured_sources
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["EARLIER", "FOLDER", "MEAN", "MEMBERS", "embedded_predictor", "join_layers", "mean_layers"]

FOLDER = files("ofa_bench") / "data" / "predictors"
"""Holds the card (``<space>.json``) and the weights (``<space>.npz``) of each network."""

MEMBERS = 4
"""Number of further small networks for each space that has one, in ``members/<space>_<number>.npz``."""

EARLIER = {
    "f14dbae9aa60ea2f245fdb2f845365157488cfc97c46483769c3620e2491aafb": (
        "48685122a3540636b06699af66cd816456b25f29b69563e2fda9bed4018eeba0",
    ),
}
"""Sources of labels of a predictor that records name and that is gone, by hash: a surrogate adapted from mbv3's."""

MEAN = "mean"
"""Stands for the mean of the members."""


def embedded_predictor(space: DesignSpace, member: int | str | None = None) -> AccuracyPredictor:
    """Load the embedded accuracy predictor of a space; its card stands beside it in ``ofa_bench/data/predictors``.

    It is a ``OneHotMLP``, trained on labels of the official predictor. A space without such a network gets its measured
    predictor (see ``measured_predictor``) under this name, with the same hash. A subspace gets the predictor of its
    parent.

    Args:
        space: its design space.
        member: load this one of the ``MEMBERS`` instead, counted from 1 (see ``tools/make_members.py``), or ``"mean"``,
            the mean of all of them.

    Raises:
        InputError: the package has none for the space, or no such member.
    """
    if member is not None and member != MEAN and (type(member) is not int or member not in range(1, MEMBERS + 1)):
        raise InputError(f"predictor.member={member}: must be one of 1 to {MEMBERS}, or {MEAN}")
    if isinstance(space, Subspace):
        return SubspacePredictor(space, embedded_predictor(space.parent, member))
    if (FOLDER / f"{space.name}.npz").is_file():
        layers, content = _weights(space.name, member)
        name, sha256 = "embedded" if member is None else f"member {member}", hashlib.sha256(content).hexdigest()
        about = _about(space.name, member)
        return OneHotMLP(space, one_hot_columns(space), layers, name=name, sha256=sha256, **about)
    if member is None and measured_sources(space):
        predictor = measured_predictor(space)
        predictor.name = "embedded"
        return predictor
    have = {path.name.removesuffix(".npz") for path in FOLDER.iterdir() if path.name.endswith(".npz")}
    if not member:
        have |= {path.name.removesuffix(".json") for path in MEASURED.iterdir() if path.name.endswith(".json")}
    option = "member" if member else "embedded"
    raise InputError(f"predictor={option}: there is none for space {space.name}, only for {', '.join(sorted(have))}")


def _weights(name: str, member: int | str | None) -> tuple[list[Layer], bytes]:
    """Return a space's layers, and the bytes of their file or files."""
    if member == MEAN:
        members = [_weights(name, number) for number in range(1, MEMBERS + 1)]
        return mean_layers([layers for layers, _ in members]), b"".join(content for _, content in members)
    content = (FOLDER / (f"{name}.npz" if member is None else f"members/{name}_{member}.npz")).read_bytes()
    return layers_of(content), content


def mean_layers(networks: Sequence[Sequence[Layer]]) -> list[Layer]:
    """Return the layers of one network whose output is the mean of the outputs of others, which are side by side in it.

    Args:
        networks: of the same inputs and number of layers, each with one output.
    """
    *hidden, (weight, bias) = join_layers(networks)
    return [*hidden, (weight.mean(axis=1, keepdims=True), bias.mean(keepdims=True))]


def join_layers(networks: Sequence[Sequence[Layer]]) -> list[Layer]:
    """Return the layers of one network that has others side by side in it, and one output for each.

    Args:
        networks: of the same inputs and number of layers, each with one output.
    """
    made: list[Layer] = []
    for layers in zip(*networks, strict=True):
        weights, biases = zip(*layers, strict=True)
        weight = np.concatenate(weights, axis=1)
        if made:  # each network reads its own units of the layer before
            rows, columns = (np.cumsum([0, *(one.shape[axis] for one in weights)]) for axis in (0, 1))
            weight = np.zeros((rows[-1], columns[-1]), np.float32)
            for one, row, column in zip(weights, rows, columns, strict=False):
                weight[row : row + one.shape[0], column : column + one.shape[1]] = one
        made.append((weight, np.concatenate(biases)))
    return made


def _about(name: str, member: int | str | None) -> dict[str, Any]:
    """Return the choices that a predictor's labels never had, and the hash of the predictor that made the labels."""
    card = json.loads((FOLDER / f"{'' if member is None else 'members/'}{name}.json").read_bytes())
    return {"unlabelled": card["coverage"]["unlabelled"], "sources": (card["teacher"]["sha256"],)}
