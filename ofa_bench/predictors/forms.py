"""Quadratic forms of an architecture: accuracies as sums of effects of choices and of pairs of choices."""

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from ofa_bench.files.reading import UnreadableError
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.spaces import DesignSpace

__all__ = ["contrasts", "forms_of", "pack_forms"]

Floats = NDArray[np.float64]

BLOCKS = 20
"""The blocks that are described: those that MobileNetV3 and ProxylessNAS share."""


def contrasts(space: DesignSpace) -> Floats:
    """Return the matrix from the one-hot features of an architecture to the numbers that describe its blocks.

    For each of ``BLOCKS`` blocks these are the linear and the middle contrast of its kernel and of its expand ratio, 0
    if the block does not exist; and for a block that may not exist, whether it does (1 or -1).

    Returns:
        float64 [n_features, 90].
    """
    places, columns = one_hot_columns(space), list[Floats]()

    def column(where: list[int], values: Floats) -> None:
        columns.append(np.zeros(int(space.cardinality.sum())))
        columns[-1][where] += values

    for block in range(BLOCKS):
        for kind in "ke":
            gene = space.genes[space.index[f"{kind}{block}"]]
            where, choices = places[gene.name], np.array(gene.choices)
            if kind == "k" and gene.active_from:
                column(where, np.full(len(where), 2.0))
                columns[-1][places["r"]] -= 1  # one of these features is always 1
            column(where, 2 * (choices - choices.mean()) / np.ptp(choices))
            column(where, np.array([-1, 2, -1]) / 3)
    return np.stack(columns, axis=1)


def pack_forms(square: Floats, line: Floats, level: Floats, networks: Floats) -> bytes:
    """Return the content of a file (``.npz``) of functions of architectures, whose values are points.

    Args:
        square: of products of the numbers that describe blocks, float64 [functions, width, width], or width 0.
        line: of these numbers by image size, [functions, sizes, width].
        level: by image size, [functions, sizes].
        networks: the share of the networks' mean in each function, [functions].
    """
    i, j = np.triu_indices(square.shape[1])
    both = square[:, i, j] + np.where(i == j, 0, square[:, j, i])
    content = io.BytesIO()
    np.savez_compressed(
        content,
        square=np.asarray(both, np.float16),
        line=np.asarray(line, np.float16),
        level=np.asarray(level, np.float32),
        networks=np.asarray(networks, np.float32),
    )
    return content.getvalue()


def forms_of(space: DesignSpace, content: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return functions from the content of a file: matrices over one-hot features, and shares of the networks' mean.

    A function's value (a fraction of 1) for features ``z`` is ``z' matrix z``.

    Returns:
        float32 [functions, n_features, n_features] and [functions].

    Raises:
        UnreadableError: it holds something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            square, line, level, networks = (
                np.asarray(arrays[name], np.float64) for name in ("square", "line", "level", "networks")
            )
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"it is no file of quadratic forms: {error}") from error
    basis, sizes = contrasts(space), one_hot_columns(space)["r"]
    made = np.zeros((len(networks), len(basis), len(basis)))
    if square.size:
        full = np.zeros((len(networks), basis.shape[1], basis.shape[1]))
        i, j = np.triu_indices(basis.shape[1])
        full[:, i, j] = square
        made += basis @ full @ basis.T
    if line.size:
        made[:, sizes] += line @ basis.T
    made[:, sizes[0] : sizes[-1] + 1, sizes] += level[:, :, None]  # so the gradient knows the other sizes too
    return (made / 100).astype(np.float32), networks.astype(np.float32)
