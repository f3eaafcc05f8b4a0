"""A design space as a list of genes, and the operators of OFA's evolution over arrays of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError, suggestion
from ofa_bench.spaces.checks import check_genes, check_row, check_shape
from ofa_bench.spaces.declarations import OFAEncoder, PublishedFile
from ofa_bench.spaces.drawing import Drawing, lay_out_blocks
from ofa_bench.spaces.genes import Gene, Genes

__all__ = ["DesignSpace"]


class DesignSpace(ABC):
    """A design space; architectures are rows of ``genes: int8 [n, n_genes]``, positions into choices.

    Sub-classes give the genes and the conversion to and from OFA's dict. By gene: ``cardinality`` (int8, number of
    choices), ``group`` (which of ``n_groups`` it mutates with), and where it is active: its ``owner``'s position is at
    least ``active_from``.

    Methods that take architectures raise ValueError if an array has another shape or type, or a position that its gene
    does not have.

    The other attributes are declarations. ``supernet``, ``official_predictor`` and ``lookup_forms`` are dotted names,
    which are imported when they are used.
    """

    fork_safe: bool = False
    """Whether searches may run in forked processes (see ``declares_fork_safe``): each class declares it anew."""

    supernet: str = ""
    """The function that builds its supernet: takes the space and returns a ``supernets.pieces.Supernet``."""

    published_weights: PublishedFile | None = None
    """The trained weights of its supernet, if they are published."""

    official_predictor: str = ""
    """The function that loads its published accuracy predictor: takes the space and whether files may be fetched."""

    ofa_encoder: OFAEncoder | None = None
    """The encoder of the package ``ofa`` that draws its architectures; by default, its search draws positions."""

    lookup_forms: str = ""
    """The layer names of lookup tables, for a ``MobileSpace``: a sequence of ``devices.lookup_layers.Form``."""

    gene_labels: Mapping[str, str] = {}
    """Names of kinds of genes in a drawing, such as ``{"k": "kernel"}``."""

    def __init__(self, name: str, genes: Sequence[Gene]) -> None:
        self.name = name
        self.genes = tuple(genes)
        self.gene_names = tuple(gene.name for gene in genes)
        self.index: Mapping[str, int] = {gene.name: i for i, gene in enumerate(genes)}
        self.cardinality = np.array([len(gene.choices) for gene in genes], dtype=np.int8)
        groups = {group: i for i, group in enumerate(dict.fromkeys(gene.group for gene in genes))}
        self.group = np.array([groups[gene.group] for gene in genes])
        self.n_groups = len(groups)
        self.owner = np.array([self.index[gene.owner or gene.name] for gene in genes])
        self.active_from = np.array([gene.active_from for gene in genes], dtype=np.int8)
        self._merged = [i for i, gene in enumerate(genes) if gene.same_as]

    @property
    def n_genes(self) -> int:
        """Number of genes, the length of a row."""
        return len(self.genes)

    def sample(self, n: int, rng: np.random.Generator) -> Genes:
        """Draw ``n`` architectures, each gene uniformly: int8 [n, n_genes]."""
        uniform = rng.random((n, self.n_genes), dtype=np.float32)
        return (uniform * self.cardinality).astype(np.int8)

    def mutate(self, parents: Genes, prob: float, rng: np.random.Generator) -> Genes:
        """Redraw each group of genes with probability ``prob`` (OFA's ``mutate_sample``): int8 [n, n_genes].

        A redrawn gene may keep its value, as in OFA's ``ArchManager.random_resample``.
        """
        parents = check_shape(self, parents)
        hit = rng.random((len(parents), self.n_groups), dtype=np.float32) < prob
        return np.where(hit[:, self.group], self.sample(len(parents), rng), parents)

    def crossover(self, first: Genes, second: Genes, rng: np.random.Generator) -> Genes:
        """Take each gene from one of two parents with equal chance (OFA's ``crossover_sample``)."""
        first, second = check_shape(self, first), check_shape(self, second)
        if len(first) != len(second):
            raise ValueError(f"{len(first)} architectures cannot be crossed with {len(second)}")
        return np.where(rng.random(first.shape, dtype=np.float32) < 0.5, first, second)

    def snap(self, rows: Genes, *parents: Genes) -> Genes:  # noqa: ARG002
        """Return the architectures that stand for proposed ones, here themselves (see ``ListedSpace``).

        A search that changes genes itself calls it before it evaluates a row.

        Args:
            rows: int8 [n, n_genes].
            parents: int8 [n, n_genes] each; what the rows were made from.
        """
        return rows

    def active(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which genes change the network: bool [n, n_genes]."""
        return np.asarray(check_genes(self, genes)[:, self.owner] >= self.active_from)

    def canonical(self, genes: Genes) -> Genes:
        """Set inactive genes to 0 and merge equal choices, so that equal networks are equal rows: int8 [n, n_genes]."""
        genes = check_shape(self, genes)
        rows: Genes = np.where(self.active(genes), genes, np.int8(0))
        for i in self._merged:
            rows[:, i] = np.array(self.genes[i].distinct, np.int8)[rows[:, i]]
        return rows

    def keys(self, genes: Genes) -> list[bytes]:
        """Return one hashable key a row; rows that build the same network have the same key."""
        keys: list[bytes] = np.ascontiguousarray(self.canonical(genes)).view(f"S{self.n_genes}").ravel().tolist()
        return keys

    def contains(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which rows are architectures of this space: bool [n]; rows of another length are not.

        Raises:
            ValueError: it is not an array of rows of integers.
        """
        genes = np.asarray(genes)
        if genes.ndim != 2 or genes.dtype.kind not in "iu":
            raise ValueError(f"genes must be int8 [n, {self.n_genes}], not {genes.dtype} {list(genes.shape)}")
        if genes.shape[1] != self.n_genes:
            return np.zeros(len(genes), dtype=bool)
        return np.asarray(((genes >= 0) & (genes < self.cardinality)).all(axis=1))

    def row(self, values: Mapping[str, float]) -> Genes:
        """Return the canonical row (int8 [n_genes]) of the genes' values; those of inactive genes may be anything.

        Raises:
            InputError: an active gene has no such choice, or there is no such gene.
            KeyError: an active gene has no value.
        """
        for name in values:
            if name not in self.index:
                raise self._unknown(name)
        row: Genes = np.zeros(self.n_genes, dtype=np.int8)
        for i, gene in enumerate(self.genes):
            absent = gene.owner is not None and row[self.index[gene.owner]] < gene.active_from
            row[i] = 0 if absent else self.position(gene.name, values[gene.name])
        merged: Genes = self.canonical(row[None])[0]
        return merged

    def values(self, row: Genes) -> dict[str, float]:
        """Return the value of each gene of one row (int8 [n_genes])."""
        row = check_row(self, row)
        return {gene.name: gene.choices[int(choice)] for gene, choice in zip(self.genes, row, strict=True)}

    def position(self, gene: str, value: float) -> int:
        """Return the position of a gene's value, a number (3 and 3.0 are equal; true and texts are refused).

        Raises:
            InputError: the gene has no such choice, or there is no such gene.
        """
        if gene not in self.index:
            raise self._unknown(gene)
        choices = self.genes[self.index[gene]].choices
        if not isinstance(value, Real) or isinstance(value, bool) or value not in choices:
            raise InputError(f"{self.name}: {gene}={value!r} is not one of {list(choices)}")
        return choices.index(value)

    def _unknown(self, name: str) -> InputError:
        return InputError(f"{self.name}: there is no gene {name}{suggestion(str(name), self.gene_names)}")

    def drawing(self, row: Genes) -> Drawing | None:
        """Return the drawing of one row (int8 [n_genes]); None if there is none."""
        values, active = self.values(row), self.active(row[None])[0].tolist()
        return lay_out_blocks(self.genes, values, dict(zip(self.gene_names, active, strict=True)), self.gene_labels)

    def read_network(self, config: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return OFA's dict, without the image size, of what ``ofa`` saves of a network (``net.config``).

        Raises:
            InputError: it is not a network of this space, or a part is missing.
        """
        raise InputError(f"networks of space {self.name} are not saved as net.config")

    @abstractmethod
    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row (int8 [n_genes]) to the dict that OFA's ``set_active_subnet`` and predictors take."""

    @abstractmethod
    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert OFA's dict to one canonical row (int8 [n_genes]).

        Raises:
            InputError: a key is missing, a list has the wrong length or a value is not in the space.
        """
