"""Loads our own small accuracy predictors, which come with the package; they need no network and no torch."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, Layer, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.transfer import transferred_layers
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["FOLDER", "MEAN", "MEMBERS", "embedded_predictor", "mean_layers"]

FOLDER = files("ofa_bench") / "data" / "predictors"
"""Holds the card (``<space>.json``) of each, and its weights (``<space>.npz``) or in the card their source."""

MEMBERS = 4
"""Number of further small networks for each space, in ``members/<space>_<number>.npz``."""

MEAN = "mean"
"""Stands for the mean of the members."""


def embedded_predictor(space: DesignSpace, member: int | str | None = None) -> AccuracyPredictor:
    """Load the embedded accuracy predictor of a space; its card stands beside it in ``ofa_bench/data/predictors``.

    It is a ``OneHotMLP``, called ``transfer`` if it is adapted from another space's predictor (the card says how). A
    subspace gets the predictor of its parent.

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
    columns, name = one_hot_columns(space), "" if member is None else f"member {member}"
    if (FOLDER / f"{space.name}.npz").is_file():
        layers, content = _weights(space.name, member)
        name, sha256 = name or "embedded", hashlib.sha256(content).hexdigest()
        about = _coverage(_card(space.name, member)) | _teacher(_card(space.name, member))
        return OneHotMLP(space, columns, layers, name=name, sha256=sha256, **about)
    transfer, source = _transfer(space.name), space.transferred_from
    if transfer is None or source is None:
        stems = {path.name.rpartition(".")[0] for path in FOLDER.iterdir() if path.name.endswith((".npz", ".json"))}
        have = sorted(stem for stem in stems if (FOLDER / f"{stem}.npz").is_file() or _transfer(stem))
        option = "member" if name else "embedded"
        raise InputError(f"predictor={option}: there is none for space {space.name}, only for {', '.join(have)}")
    card = _decisive(space.name)
    layers, content = _weights(source.name, member)
    layers = transferred_layers(layers, one_hot_columns(source), columns, transfer)
    sha256 = hashlib.sha256(card + content).hexdigest()
    about = _coverage(_card(space.name)) | _teacher(_card(source.name, member))
    return OneHotMLP(space, columns, layers, name=name or "transfer", sha256=sha256, **about)


def _weights(name: str, member: int | str | None) -> tuple[list[Layer], bytes]:
    """Return a space's layers, and the bytes of their file or files."""
    if member == MEAN:
        members = [_weights(name, number) for number in range(1, MEMBERS + 1)]
        return mean_layers([layers for layers, _ in members]), b"".join(content for _, content in members)
    content = (FOLDER / (f"{name}.npz" if member is None else f"members/{name}_{member}.npz")).read_bytes()
    return layers_of(content), content


def mean_layers(networks: Sequence[Sequence[Layer]]) -> list[Layer]:
    """Return the layers of one network whose output is the mean of the outputs of others, side by side in it.

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
    weight, bias = made[-1]
    return [*made[:-1], (weight.mean(axis=1, keepdims=True), bias.mean(keepdims=True))]


def _card(name: str, member: int | str | None = None) -> Mapping[str, Any]:
    """Return the card of a space's predictor, or that of its members."""
    card: Mapping[str, Any] = json.loads((FOLDER / f"{'' if member is None else 'members/'}{name}.json").read_bytes())
    return card


def _coverage(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices that a predictor's labels never had."""
    return {"unlabelled": card["coverage"]["unlabelled"]}


def _teacher(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hash of the predictor that made the labels."""
    return {"sources": (card["teacher"]["sha256"],)}


def _decisive(name: str) -> bytes:
    """Return the part of a card that identifies it: all but ``coverage``, which changes no prediction."""
    card = json.loads((FOLDER / f"{name}.json").read_bytes())
    return f"{json.dumps({key: value for key, value in card.items() if key != 'coverage'}, indent=1)}\n".encode()


def _transfer(name: str) -> Mapping[str, Any] | None:
    """Return from a space's card how another space's predictor is adapted to it; None if it is not."""
    card = FOLDER / f"{name}.json"
    transfer: Mapping[str, Any] | None = json.loads(card.read_bytes()).get("transfer") if card.is_file() else None
    return transfer
