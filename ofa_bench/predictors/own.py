"""Loads a user's own accuracy predictor from a file of weights, such as ``ofa_bench train`` writes."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.files.reading import UnreadableError, content_of, json_object, name_of
from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP, SubspacePredictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.coverage import Choices
from ofa_bench.predictors.weights import layers_of
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["own_predictor"]


def own_predictor(space: DesignSpace, path: str) -> AccuracyPredictor:
    """Load a predictor for a space: a file of weights, or that of the space in a folder, ``<space>.npz``.

    A subspace gets its own file, or else that of its parent. The predictor's name is the last part of the path; its
    hash is that of the file. Its features are the one-hot form of the genes, in their order. The card beside the file,
    of the same name, has the hash of its labels, or of the predictor that made them, which is its source, and lists the
    choices that its labels never had; without a card, both are unknown.

    Args:
        space: what it predicts for.
        path: of the file or folder.

    Raises:
        InputError: there is none for the space, or it cannot be read or does not fit the space.
    """
    place = Path(str(path))
    try:
        if not place.is_dir():
            return _read(space, place, name_of(place))
        files = sorted(entry.name for entry in place.iterdir() if entry.name.endswith(".npz"))
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", error)
        raise InputError(f"predictor={str(path)[:200]}: cannot be read ({reason})") from error
    if f"{space.name}.npz" in files:
        return _read(space, place / f"{space.name}.npz", name_of(place, folder=True))
    if isinstance(space, Subspace):
        return SubspacePredictor(space, own_predictor(space.parent, path))
    have = ", ".join(name.removesuffix(".npz") for name in files) or "none"
    raise InputError(f"predictor={path}: it has no {space.name}.npz for space {space.name}, only for {have}")


def _read(space: DesignSpace, path: Path, name: str) -> AccuracyPredictor:
    """Read a file of weights; messages of errors name the file."""
    try:
        content = content_of(path)
        layers = layers_of(content)
    except UnreadableError as error:
        raise InputError(f"predictor={path}: cannot be read ({error})") from error
    taken, wanted = len(layers[0][0]), int(space.cardinality.sum())
    if isinstance(space, Subspace) and taken != wanted:
        return SubspacePredictor(space, _read(space.parent, path, name))
    if taken != wanted:
        raise InputError(f"predictor={path}: takes {taken:,} features, and space {space.name} has {wanted:,}")
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        card = _card(path)
        about: dict[str, Any] = {"unlabelled": _unlabelled(path, card, space), "sources": _sources(card)}
        return OneHotMLP(space, one_hot_columns(space), layers, name=name, sha256=sha256, **about)
    except InputError as error:
        raise InputError(f"predictor={path}: {error}") from error


def _card(weights: Path) -> Mapping[str, Any]:
    """Return the card of a file of weights; empty without one."""
    path = weights.with_name(f"{weights.name.removesuffix('.npz')}.json")
    if not os.path.lexists(path):
        return {}
    try:
        return json_object(content_of(path))
    except UnreadableError as error:
        raise InputError(f"its card {path.name} cannot be read ({error})") from error


def _sources(card: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the hash of the teacher, or of the file of labels, from a card that ``ofa_bench train`` wrote."""
    made_from = [card.get(key) for key in ("teacher", "data")]
    hashes = [one.get("sha256") for one in made_from if isinstance(one, dict)]
    return next(((one,) for one in hashes if isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one)), None)


def _unlabelled(weights: Path, card: Mapping[str, Any], space: DesignSpace) -> Choices | None:
    """Return from its card the choices that the labels never had; None if unknown."""
    coverage = card.get("coverage")
    if coverage is None:  # an old card, or one of something else
        return None
    try:
        unlabelled = coverage["unlabelled"]
        return {space.genes[space.index[gene]].name: tuple(map(float, unlabelled[gene])) for gene in unlabelled}
    except (KeyError, TypeError, ValueError) as error:
        card_name = f"{weights.name.removesuffix('.npz')}.json"
        raise InputError(f"its card {card_name} has no coverage.unlabelled of genes of space {space.name}") from error
