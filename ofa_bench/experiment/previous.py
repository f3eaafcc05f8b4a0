"""Reads the architectures that a warm start begins from, of a previous record or a file, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.experiment.architectures import check_same_network, content_hash, distinct_genes, read_architectures
from ofa_bench.experiment.named_records import record_named
from ofa_bench.spaces import ChosenSpace, DesignSpace, Genes, split_choices, whole_space

__all__ = ["PreviousArchitectures", "PreviousRecord", "named_by", "read"]

KEY = "strategy.warm_start.from"


@dataclass(frozen=True)
class PreviousRecord:
    """The architectures found (int8 [n, n_genes], distinct) for all targets and repeats of a record, and their hash.

    ``space`` is the design space as the record's config describes it, ``called`` the name of that option;
    ``pairs`` are the genes and OFA's dict of each network found.
    """

    name: str
    called: str
    space: Any
    genes: Genes
    sha256: str
    pairs: Sequence[tuple[Sequence[int], Mapping[str, Any]]] = field(default=(), repr=False)

    def genes_in(self, space: DesignSpace, described: Any) -> Genes:
        """Return the architectures as rows of this space; those of another part of it become the nearest ones here.

        In a listed space, those that are not listed become the nearest ones that are.

        Raises:
            InputError: they are of another space.
        """
        genes = self._genes_in_whole(whole_space(space), described)
        return np.unique(space.snap(genes), axis=0)

    def _genes_in_whole(self, space: DesignSpace, described: Any) -> Genes:
        if self.space != described and split_choices(self.space)[0] == split_choices(described)[0]:
            return self._nearest(space)
        if self.space != described or not space.contains(self.genes).all():
            other = self.called if self.called != space.name else f"{self.called} with other settings"
            raise InputError(f"{KEY}={self.name}: a record of space {other}; this one is {space.name}")
        where = f"{KEY}={self.name}"
        for positions, architecture in self.pairs:
            try:
                row = space.from_ofa(architecture)
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
            check_same_network(where, self.called, positions, row, space)
        return self.genes

    def _nearest(self, space: DesignSpace) -> Genes:
        """Return the nearest architectures of a subspace to those of its parent space."""
        parent = space.parent if isinstance(space, ChosenSpace) else space
        try:
            rows = np.array([parent.from_ofa(architecture) for _, architecture in self.pairs], np.int8)
        except InputError as error:
            raise InputError(f"{KEY}={self.name}: {error}") from error
        rows = space.nearest(rows) if isinstance(space, ChosenSpace) else rows
        return np.unique(rows, axis=0)


@dataclass(frozen=True)
class PreviousArchitectures:
    """Architectures that a user names without a record (see ``named_records.FORMS``), and their hash."""

    name: str
    sha256: str

    def genes_in(self, space: DesignSpace, described: Any) -> Genes:  # noqa: ARG002 -- as of a record
        """Return the architectures: int8 [n, n_genes], distinct.

        Raises:
            InputError: they cannot be read, or are not of this space.
        """
        return distinct_genes(read_architectures(KEY, self.name, space, None))


def named_by(strategy: Any) -> str | None:
    """Return the record (a path or an MLflow run) that a strategy's config names; None if it names none."""
    warm_start = strategy.get("warm_start") if isinstance(strategy, Mapping) else None
    name = warm_start.get("from") if isinstance(warm_start, Mapping) else None
    return None if name is None else str(name)


@cache
def read(name: str, uri: str | None) -> PreviousRecord | PreviousArchitectures:
    """Read what a user names (see ``named_records.FORMS``), once in a process, so that search and record agree.

    Raises:
        InputError: there is no such record, or it holds nothing that met its target.
    """
    content = content_hash(KEY, name)
    if content is not None:
        return PreviousArchitectures(name, content)
    record = record_named(KEY, name, uri)
    results = [one for one in record.results if one.feasible]
    rows = [result.genes for result in results]
    if not rows:
        raise InputError(f"{KEY}={name}: nothing in this record met its target")
    genes = np.unique(np.array(rows, np.int8), axis=0)
    digest = sha256(repr(genes.tolist()).encode()).hexdigest()
    pairs = [(result.genes, result.architecture) for result in results]
    return PreviousRecord(name, record.choices.space, record.config.get("space"), genes, digest, pairs)
