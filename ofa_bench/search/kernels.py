"""The compiled inner loops of searches: same results as the NumPy code, bit for bit, in a third of its time.

A wheel has ``kernels.c`` compiled, or else the machine's C compiler compiles it at first use (``library.py``). Without
either, with ``OFA_BENCH_COMPILED=0``, and for spaces and cost models that override the operators, the NumPy code runs
instead.
"""

import ctypes
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import CostModel, CostTable
from ofa_bench.search.children import GUMBEL, Draw, draw_candidates
from ofa_bench.search.library import load_library
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.checks import check_genes, check_shape
from ofa_bench.spaces.enumeration import single_changes

__all__ = ["Kernels"]

_OPERATORS = ("sample", "mutate", "crossover", "snap", "active", "canonical", "keys")
_MAX_TERMS = 128  # of more, NumPy orders the additions otherwise
_WORD = 64

_Place, _Count = ctypes.c_void_p, ctypes.c_int64
_SIGNATURES = {
    "costs": (None, [_Place, _Place, _Count, _Place]),
    "single_costs": (None, [_Place, _Place, _Place, _Count, _Place, _Count, _Place]),
    "children": (_Count, [_Place, _Place, _Place, _Place, _Count, _Place, _Count, _Place, _Place]),
    "offspring": (
        _Count,
        [_Place, _Place, _Place, _Count, ctypes.c_float, ctypes.c_double, _Count, _Place, _Count, _Count],
    ),
    "sample": (_Count, [_Place, _Place, ctypes.c_double, _Count, _Count, _Place, _Count, _Place]),
    "find": (_Count, [_Place, _Place, _Count, _Place, _Count, _Place, _Count, _Place, _Place]),
    "forget": (None, [_Count, _Place, _Count, _Count, _Place, _Count]),
    "rehash": (None, [_Count, _Place, _Count, _Place, _Count]),
}


@cache
def _library() -> ctypes.CDLL | None:
    """Return the compiled loops; None if there are none."""
    library = load_library()
    for function, (gives, takes) in _SIGNATURES.items() if library else ():
        getattr(library, function).restype, getattr(library, function).argtypes = gives, takes
    return library


class _Tables(ctypes.Structure):
    """The C structure ``tables``."""

    _fields_ = (
        *((name, _Count) for name in ("n_genes", "n_groups", "n_words", "n_terms")),
        *((name, _Place) for name in ("cardinality", "group", "owner", "active_from", "distinct", "first", "shift")),
        *((name, _Place) for name in ("offset", "begin", "gene", "stride", "entries")),
    )


class _Draws(ctypes.Structure):
    """The C structure ``draws``."""

    _fields_ = (
        *((name, _Count) for name in ("n", "tries", "n_changes", "most")),
        *((name, _Place) for name in ("gene", "choice", "gumbel", "parents", "gain", "saving", "noise", "price")),
        *((name, _Place) for name in ("wanted", "luck", "target")),
    )


class Kernels:
    """The compiled loops over one design space and one cost table; ``of`` returns them if they are available."""

    def __init__(self, library: ctypes.CDLL, space: DesignSpace, cost: CostTable) -> None:
        self.loops, self.space, self.cost = library, space, cost
        first, shift = _packing(space.cardinality)
        self.n_words = len(first) - 1
        self._word = np.repeat(np.arange(self.n_words), np.diff(first))  # the word of each gene
        self._shift, self._bits = shift, _bits(space.cardinality)
        distinct = np.full((space.n_genes, 256), -1, np.int8)  # a place for every byte, also in invalid rows
        for i, gene in enumerate(space.genes):
            distinct[i, : len(gene.choices)] = gene.distinct
        term, gene_of = np.nonzero(cost.strides.T)
        arrays = {
            "cardinality": space.cardinality.astype(np.float32),
            "group": space.group.astype(np.int64),
            "owner": space.owner.astype(np.int64),
            "active_from": space.active_from,
            "distinct": distinct,
            "first": first,
            "shift": shift,
            "offset": cost.offsets.astype(np.int64),
            "begin": np.searchsorted(term, np.arange(len(cost.offsets) + 1)).astype(np.int64),
            "gene": gene_of.astype(np.int64),
            "stride": cost.strides.T[term, gene_of].astype(np.int64),
            "entries": cost.entries.astype(np.float64),
        }
        self._kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        changed, self._choice = single_changes(space)
        self._gene = changed.astype(np.int64)
        self._changes = (_address(self._gene), _address(self._choice), len(changed))
        counts = (space.n_genes, space.n_groups, self.n_words, len(cost.offsets))
        self._tables = _Tables(*counts, *map(_address, self._kept.values()))
        self._at = ctypes.addressof(self._tables)

    def __reduce__(self) -> tuple[Any, ...]:
        return Kernels.of, (self.space, self.cost)  # another process loads its own

    @classmethod
    def of(cls, space: DesignSpace, cost: CostModel) -> "Kernels | None":
        """Return the loops; None without a compiler, with overridden operators, or if results differ from NumPy's."""
        if not isinstance(cost, CostTable) or type(cost).cost is not CostTable.cost:
            return None
        if any(getattr(type(space), name) is not getattr(DesignSpace, name) for name in _OPERATORS):
            return None
        if cost.strides.shape[0] != space.n_genes or len(cost.offsets) > _MAX_TERMS:
            return None
        library = _library()
        made = cls(library, space, cost) if library else None
        return made if made and made._agree(space, cost) else None

    def _agree(self, space: DesignSpace, cost: CostTable) -> bool:
        """Return whether samples, costs, offspring and children are the same as NumPy's."""
        ours, theirs = np.random.default_rng(0), np.random.default_rng(0)
        parents, *_ = self.sample(ours, np.inf, 60, 60, 60)
        children, _ = self.offspring(ours, parents, 0.3, np.inf, 1, 50, 120)
        drawn = space.sample(60, theirs)
        mutants = space.mutate(parents[theirs.integers(60, size=50)], 0.3, theirs)
        first, second = parents[theirs.integers(60, size=(2, 70))]
        crossed = space.crossover(first, second, theirs)
        agree = ((parents, drawn), (children, [*mutants, *crossed]), (self.costs(parents), cost.cost(parents)))
        alike = all(np.array_equal(one, other) for one, other in agree)
        return alike and self._draw_alike(parents[:20])

    def _draw_alike(self, parents: Genes) -> bool:
        """Return whether the candidates of architectures (int8 [n, n_genes]) are the same as NumPy's."""
        rng, n = np.random.default_rng(0), len(parents)
        gain, saving = rng.standard_normal((2, n, len(self._gene)), dtype=np.float32)
        ones, every = np.ones(n, np.float32), np.full(n, np.inf)
        wanted = rng.integers(1, 7, size=(n, 1))
        draw = Draw(parents, every, gain, saving, ones, rng.random((n, 1), np.float32), wanted, np.zeros((n, 1)))
        keys, slots = np.empty((n, self.n_words), np.uint64), np.full(8 * n, -1, np.int32)
        ours, of = self.children(draw, np.random.default_rng(1), keys, 0, slots)
        theirs, _ = draw_candidates(self.space, draw, np.random.default_rng(1))
        return np.array_equal(ours, theirs[of])

    def costs(self, genes: Genes) -> NDArray[np.float64]:
        """Return the cost of each architecture: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        rows = np.ascontiguousarray(check_genes(self.space, genes))
        found = np.empty(len(rows))
        self.loops.costs(self._at, _address(rows), len(rows), _address(found))
        return found

    def single_costs(self, rows: Genes) -> NDArray[np.float64]:
        """Return the costs of all single changes of architectures: int8 [n, n_genes] to float64 [n, changes]."""
        rows = check_genes(self.space, rows).copy()
        found = np.empty((len(rows), len(self._gene)))
        self.loops.single_costs(self._at, *self._changes, _address(rows), len(rows), _address(found))
        return found

    def children(
        self, draw: Draw, rng: np.random.Generator, keys: NDArray[np.uint64], size: int, slots: NDArray[np.int32]
    ) -> tuple[Genes, NDArray[np.int64]]:
        """Draw the best new candidate of each parent, as ``children.draw_candidates`` and ``choose_children`` do.

        Args:
            draw: what they are drawn by.
            rng: the only source of chance.
            keys: of known architectures (see ``find``), with room for n more; the same afterwards.
            size: how many keys there are.
            slots: see ``find``.

        Returns:
            The children (int8 [m, n_genes], m <= n), and the number of the parent of each (int64 [m]).

        Raises:
            ValueError: the parents are not architectures of the space.
            MemoryError: there is not enough for the candidates of one parent.
        """
        n, tries = draw.price.shape
        parents = check_genes(self.space, draw.parents)
        lists = (parents, draw.gain, draw.saving, draw.noise, draw.price, draw.wanted, draw.luck, draw.target)
        arrays: list[NDArray[Any]] = [np.ascontiguousarray(array) for array in lists]
        counts = (n, tries, len(self._gene), int(draw.wanted.max(initial=1)))
        changes = (*self._changes[:2], _address(GUMBEL))
        given = _Draws(*counts, *changes, *map(_address, arrays))
        made, of = np.empty((n, self.space.n_genes), np.int8), np.empty(n, np.int64)
        memo, places = (_address(keys), size, _address(slots), len(slots) - 1), (_address(made), _address(of))
        found = self.loops.children(self._at, ctypes.addressof(given), _state(rng), *memo, *places)
        if found < 0:
            raise MemoryError("no memory for the candidates of a parent")
        return made[:found], of[:found]

    def offspring(
        self, rng: np.random.Generator, parents: Genes, prob: float, target: float, rounds: int, n_mutants: int, n: int
    ) -> tuple[Genes, int]:
        """Draw mutants and then crossings of random parents, redrawn up to ``rounds`` times while they miss the target.

        Args:
            rng: the only source of chance; it is drawn from as by ``DesignSpace.mutate`` and ``crossover``.
            parents: int8 [n_parents, n_genes].
            prob: the probability of redrawing a group of genes in a mutant.
            target: the cost that every child must meet.
            rounds: how often a child is drawn before its (first) parent takes its place.
            n_mutants: how many of the children are mutants.
            n: the number of children.

        Returns:
            The children (int8 [n, n_genes]), and the number of candidates drawn for them.

        Raises:
            ValueError: the parents are not architectures of the space, there are none, or more mutants than children.
            MemoryError: there is not enough for the candidates.
        """
        if not 0 <= n_mutants <= n or not len(parents):
            raise ValueError(f"{len(parents)} parents cannot have {n} children, {n_mutants} of them mutants")
        parents, children = self._checked(parents), np.empty((n, self.space.n_genes), np.int8)
        given = (_address(parents), len(parents), prob, target, rounds, _address(children))
        candidates = self.loops.offspring(self._at, _state(rng), *given, n_mutants, n - n_mutants)
        if candidates == -2:
            check_genes(self.space, parents)
        if candidates < 0:
            raise MemoryError("no memory for a generation's candidates")
        return children, candidates

    def sample(
        self, rng: np.random.Generator, target: float, batch: int, most: int, wanted: int
    ) -> tuple[Genes, int, int]:
        """Draw batches of random architectures, as ``DesignSpace.sample`` does, until there are enough for a target.

        Returns:
            The first ``wanted`` ones that meet the target (int8 [n, n_genes]), fewer after ``most`` draws; the number
            of draws in all, and until the last of these.
        """
        rows, drawn = np.empty((wanted, self.space.n_genes), np.int8), (_Count * 2)()
        given = (target, batch, most, _address(rows), wanted, drawn)
        n = self.loops.sample(self._at, _state(rng), *given)
        return rows[:n], drawn[0], drawn[1]

    def find(
        self, rows: Genes, keys: NDArray[np.uint64], size: int, slots: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each row's place among the first ``size`` keys; new keys are appended.

        Args:
            rows: int8 [n, n_genes], in any form.
            keys: uint64 [capacity, n_words], with room for n more.
            size: how many keys there are.
            slots: int32 [a power of 2, larger than the capacity]: places of the keys, -1 where empty.

        Returns:
            The place of each row (int64 [n]), and which rows are the first of a new key (int64 [new]).

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        rows, n = self._checked(rows), len(rows)
        places, fresh = np.empty(n, np.int64), np.empty(n, np.int64)
        ats = (_address(keys), size, _address(slots), len(slots) - 1, _address(places), _address(fresh))
        found = self.loops.find(self._at, _address(rows), n, *ats)
        if found < 0:
            check_genes(self.space, rows)
        return places, fresh[:found]

    def unpack(self, keys: NDArray[np.uint64]) -> Genes:
        """Return the canonical rows of packed keys: uint64 [n, n_words] to int8 [n, n_genes]."""
        mask = (np.uint64(1) << self._bits) - np.uint64(1)
        return np.asarray((keys[:, self._word] >> self._shift) & mask, np.int8)

    def _checked(self, rows: Genes) -> Genes:
        """Return rows in C order, of the right shape."""
        return np.ascontiguousarray(check_shape(self.space, rows))

    def forget(self, keys: NDArray[np.uint64], size: int, n: int, slots: NDArray[np.int32]) -> None:
        """Empty the slots of the ``n`` keys after the first ``size``, which were inserted last."""
        self.loops.forget(self.n_words, _address(keys), size, n, _address(slots), len(slots) - 1)

    def rehash(self, keys: NDArray[np.uint64], size: int, slots: NDArray[np.int32]) -> None:
        """Insert the first ``size`` keys into empty slots."""
        self.loops.rehash(self.n_words, _address(keys), size, _address(slots), len(slots) - 1)


def _address(array: Any) -> int:
    """Return where an array's numbers begin, in a third of the time of ``array.ctypes.data``."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):  # it is read-only, or empty
        return int(array.ctypes.data)


def _state(rng: np.random.Generator) -> int:
    """Return the address of a generator's ``bitgen_t``, from which C draws."""
    return int(rng.bit_generator.ctypes.bit_generator.value)


def _bits(cardinality: Iterable[int]) -> NDArray[np.uint64]:
    """Return the number of bits of each gene's position: uint64 [n_genes]."""
    return np.array([max(1, (int(choices) - 1).bit_length()) for choices in cardinality], np.uint64)


def _packing(cardinality: Iterable[int]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return how the genes' positions are packed into words of 64 bits.

    Returns:
        The first gene of each word, and the number of genes (int64 [words + 1]); the shift of each gene.
    """
    first, shift, used = [0], [], 0
    for gene, bits in enumerate(_bits(cardinality).tolist()):
        if used + bits > _WORD:
            first.append(gene)
            used = 0
        shift.append(used)
        used += bits
    return np.array([*first, len(shift)], np.int64), np.array(shift, np.uint64)
