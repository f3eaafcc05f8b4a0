"""Our own small accuracy predictors, shipped with the package; they need no network and no torch."""

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, Layer, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.coverage import Choices
from ofa_bench.predictors.transfer import transferred_layers
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["FOLDER", "MEMBERS", "embedded_predictor", "one_hot_columns"]

FOLDER = files("ofa_bench") / "data" / "predictors"
"""Holds the card (``<space>.json``) of each and its weights (``<space>.npz``), or in the card where they come from."""

MEMBERS = 4
"""Further small networks a space, in ``members/<space>_<number>.npz``, by which others' winners are judged."""


def one_hot_columns(space: DesignSpace) -> dict[str, list[int]]:
    """Place one feature for each choice of each gene, in the order of the genes."""
    ends = np.cumsum(space.cardinality, dtype=int)
    return {
        name: list(range(end - len(gene.choices), end))
        for name, gene, end in zip(space.gene_names, space.genes, ends.tolist(), strict=True)
    }


def embedded_predictor(space: DesignSpace, member: int | None = None) -> AccuracyPredictor:
    """Load the embedded accuracy predictor of a space; its card stands beside it in ``ofa_bench/data/predictors``.

    It is a ``OneHotMLP``, called ``transfer`` where another space's predictor is made to serve (the card says how). A
    part of a space is judged by the predictor of the whole.

    Args:
        space: what it predicts for.
        member: load this one of the ``MEMBERS`` instead, counted from 1 (see ``tools/make_members.py``).

    Raises:
        InputError: the package has none for the space, or no such member.
    """
    if member is not None and (type(member) is not int or member not in range(1, MEMBERS + 1)):
        raise InputError(f"predictor.member={member}: must be one of 1 to {MEMBERS}")
    if isinstance(space, Subspace):
        return SubspacePredictor(space, embedded_predictor(space.parent, member))
    columns, number = one_hot_columns(space), "" if member is None else f" {member}"
    if (FOLDER / f"{space.name}.npz").is_file():
        layers, content = _weights(space.name, member)
        name = f"member{number}" if number else "embedded"
        sha256 = hashlib.sha256(content).hexdigest()
        return OneHotMLP(space, columns, layers, name=name, sha256=sha256, unlabelled=_unlabelled(space.name, member))
    transfer, source = _transfer(space.name), space.transferred_from
    if transfer is None or source is None:
        stems = {path.name.rpartition(".")[0] for path in FOLDER.iterdir() if path.name.endswith((".npz", ".json"))}
        have = sorted(stem for stem in stems if (FOLDER / f"{stem}.npz").is_file() or _transfer(stem))
        option = "member" if number else "embedded"
        raise InputError(f"predictor={option}: there is none for space {space.name}, only for {', '.join(have)}")
    card = _decisive(space.name)
    layers, content = _weights(source.name, member)
    layers = transferred_layers(layers, one_hot_columns(source), columns, transfer)
    sha256 = hashlib.sha256(card + content).hexdigest()
    name, unlabelled = f"member{number}" if number else "transfer", _unlabelled(space.name)
    return OneHotMLP(space, columns, layers, name=name, sha256=sha256, unlabelled=unlabelled)


def _weights(name: str, member: int | None) -> tuple[list[Layer], bytes]:
    """Read a space's layers, and the bytes of their file."""
    content = (FOLDER / (f"{name}.npz" if member is None else f"members/{name}_{member}.npz")).read_bytes()
    return layers_of(content), content


def _unlabelled(name: str, member: int | None = None) -> Choices:
    """Read from a predictor's card which choices its labels never had."""
    card = FOLDER / (f"{name}.json" if member is None else f"members/{name}.json")
    unlabelled: Choices = json.loads(card.read_bytes())["coverage"]["unlabelled"]
    return unlabelled


def _decisive(name: str) -> bytes:
    """Return what identifies a card: all but ``coverage``, which changes no prediction."""
    card = json.loads((FOLDER / f"{name}.json").read_bytes())
    return f"{json.dumps({key: value for key, value in card.items() if key != 'coverage'}, indent=1)}\n".encode()


def _transfer(name: str) -> Mapping[str, Any] | None:
    """Read how another space's predictor is made to serve a space, from its card; None where it is not."""
    card = FOLDER / f"{name}.json"
    transfer: Mapping[str, Any] | None = json.loads(card.read_bytes()).get("transfer") if card.is_file() else None
    return transfer
