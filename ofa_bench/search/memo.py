"""Memos of a search, by canonical form, so that no architecture is evaluated twice."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.children import Draw
from ofa_bench.search.kernels import Kernels
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["KeyedMemo", "Memo", "PackedMemo", "Values"]

Values = NDArray[np.float64]
"""Accuracies (fractions of 1) of some architectures: float64 [n]."""

CHUNK = 64
"""Number of architectures that ``best_first`` yields at a time, to save memory."""


class KeyedMemo:
    """A memo in a dictionary, for any design space."""

    def __init__(self, space: DesignSpace) -> None:
        self._space = space
        self._places: dict[bytes, int] = {}
        self._values: list[float] = []
        self._rows: list[Genes] = []
        self._new: Genes = np.empty((0, space.n_genes), np.int8)

    def __len__(self) -> int:
        return len(self._values)

    def find(self, genes: Genes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each row's place (int64 [n]), and the rows whose accuracy is new: int64 [new], the first of each kind.

        ``store`` or ``forget`` must be the next call.
        """
        known, new = len(self._places), list[int]()
        places = np.empty(len(genes), np.int64)
        for row, key in enumerate(self._space.keys(genes)):
            places[row] = place = self._places.setdefault(key, known + len(new))
            if place == known + len(new):
                new.append(row)
        self._new = genes[new]
        return places, np.array(new, np.int64)

    def store(self, values: Values) -> None:
        """Keep the accuracies of the new rows of the last ``find``: float64 [new]."""
        self._values.extend(values.tolist())
        self._rows.append(self._new)

    def forget(self) -> None:
        """Undo the last ``find``, because there are no accuracies for its new rows."""
        while len(self._places) > len(self._values):
            self._places.popitem()

    def at(self, places: NDArray[np.int64]) -> Values:
        """Return the accuracies at places that ``find`` returned."""
        return np.array([self._values[place] for place in places.tolist()])

    def best_first(self) -> Iterator[tuple[Genes, Values]]:
        """Yield all architectures (int8 [n, n_genes], canonical, distinct) with their accuracies, the best first."""
        values = np.array(self._values)
        rows = np.concatenate([self._new[:0], *self._rows])
        for places in _best_first(values):
            yield self._space.canonical(rows[places]), values[places]


class PackedMemo:
    """A memo in arrays, by packed keys: 32 bytes a place (16 more in large spaces), without Python objects."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels, self._size, self._new = kernels, 0, 0
        self._keys: NDArray[np.uint64] = np.empty((0, kernels.n_words), np.uint64)
        self._values: Values = np.empty(0)
        self._grow(512)

    def __len__(self) -> int:
        return self._size

    def find(self, genes: Genes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """See ``KeyedMemo.find``."""
        self._reserve(len(genes))
        places, new = self._kernels.find(genes, self._keys, self._size, self._slots)
        self._new = len(new)
        return places, new

    def store(self, values: Values) -> None:
        """See ``KeyedMemo.store``."""
        self._values[self._size : self._size + len(values)] = values
        self._size += len(values)

    def forget(self) -> None:
        """See ``KeyedMemo.forget``."""
        self._kernels.forget(self._keys, self._size, self._new, self._slots)
        self._new = 0

    def at(self, places: NDArray[np.int64]) -> Values:
        """See ``KeyedMemo.at``."""
        return self._values[places]

    def children(self, kernels: Kernels, draw: Draw, rng: np.random.Generator) -> tuple[Genes, NDArray[np.int64]]:
        """Draw children that are not in the memo (see ``Kernels.children``), at the costs of ``kernels``."""
        self._reserve(len(draw.parents))
        return kernels.children(draw, rng, self._keys, self._size, self._slots)

    def best_first(self) -> Iterator[tuple[Genes, Values]]:
        """See ``KeyedMemo.best_first``."""
        values = self._values[: self._size]
        for places in _best_first(values):
            yield self._kernels.unpack(self._keys[places]), values[places]

    def _reserve(self, n: int) -> None:
        while self._size + n > len(self._values):
            self._grow(2 * len(self._values))

    def _grow(self, capacity: int) -> None:
        more = capacity - len(self._values)
        self._keys = np.concatenate([self._keys, np.empty((more, self._kernels.n_words), np.uint64)])
        self._values = np.concatenate([self._values, np.empty(more)])
        self._slots = np.full(2 * capacity, -1, np.int32)
        self._kernels.rehash(self._keys, self._size, self._slots)


Memo = KeyedMemo | PackedMemo


def _best_first(values: Values) -> Iterator[NDArray[np.int64]]:
    """Yield all places, ``CHUNK`` at a time, by falling value; of equal values the first place comes first."""
    first: NDArray[np.bool_] = np.ones(len(values), np.bool_)
    if len(values) > CHUNK:  # usually only the first ones are needed: the others are sorted later
        first = values >= np.partition(values, -CHUNK)[-CHUNK]
    for wanted in (first, ~first):
        places = np.flatnonzero(wanted)
        places = places[np.argsort(-values[places], kind="stable")]
        for begin in range(0, len(places), CHUNK):
            yield places[begin : begin + CHUNK]
