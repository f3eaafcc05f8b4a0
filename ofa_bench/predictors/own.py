"""A user's own accuracy predictor, from a file of weights such as ``python -m ofa_bench.train_predictor`` writes."""

import hashlib
from pathlib import Path

from ofa_bench.errors import InputError
from ofa_bench.predictors.accuracy import AccuracyPredictor, OneHotMLP, Within
from ofa_bench.predictors.embedded import one_hot_columns
from ofa_bench.predictors.weights import LARGEST, layers_of
from ofa_bench.reading import UnreadableError, content_of, name_of
from ofa_bench.spaces import DesignSpace, PartSpace

__all__ = ["own_predictor"]


def own_predictor(space: DesignSpace, path: str) -> AccuracyPredictor:
    """Load a predictor for a space: a file of weights, or that of the space in a folder, ``<space>.npz``.

    A part of a space is judged by its own file, or else by that of the whole. The predictor's name is the last part of
    the path; its hash is that of the file. Its features are the one-hot form of the genes, in their order.

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
    except OSError as error:
        raise InputError(f"predictor={str(path)[:200]}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # a null character in the path
        raise InputError(f"predictor={str(path)[:200]}: cannot be read ({error})") from error
    if f"{space.name}.npz" in files:
        return _read(space, place / f"{space.name}.npz", name_of(place, folder=True))
    if isinstance(space, PartSpace):
        return Within(space, own_predictor(space.whole, path))
    have = ", ".join(name.removesuffix(".npz") for name in files) or "none"
    raise InputError(f"predictor={path}: it has no {space.name}.npz for space {space.name}, only for {have}")


def _read(space: DesignSpace, path: Path, name: str) -> AccuracyPredictor:
    """Read a file of weights; whatever is wrong with it is said of the file."""
    try:
        content = content_of(path, LARGEST)
        layers = layers_of(content)
    except UnreadableError as error:
        raise InputError(f"predictor={path}: cannot be read ({error})") from error
    judge, taken = space, len(layers[0][0])
    if isinstance(space, PartSpace) and taken != space.cardinality.sum():
        judge = space.whole
    wanted = int(judge.cardinality.sum())
    if taken != wanted:
        raise InputError(f"predictor={path}: takes {taken:,} features, and space {judge.name} has {wanted:,}")
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        predictor = OneHotMLP(judge, one_hot_columns(judge), layers, name=name, sha256=sha256)
    except InputError as error:
        raise InputError(f"predictor={path}: {error}") from error
    return Within(space, predictor) if isinstance(space, PartSpace) and judge is not space else predictor
