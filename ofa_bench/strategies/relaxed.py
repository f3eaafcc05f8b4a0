"""Independent distributions over the choices of each gene: samples, expected costs and gradients, by torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ofa_bench.devices.cost import CostTable
from ofa_bench.devices.elimination import Factor
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.enumeration import change_each, single_changes

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Choices", "ExpectedCost", "one_thread"]


class Choices:
    """The choices of all genes, and distributions over them, as tensors [..., n_genes, most choices of a gene].

    Choices that a gene does not have are barred, and so are all but one of those that build the same network. A *single
    change* sets one gene to one of its choices; they are in the order of the genes.
    """

    def __init__(self, space: DesignSpace) -> None:
        import torch

        self._space, self.shape = space, (space.n_genes, int(space.cardinality.max()))
        self._gene, self._choice = single_changes(space)
        self._barred = torch.ones(self.shape, dtype=torch.bool)
        for i, gene in enumerate(space.genes):
            self._barred[i, list(gene.distinct)] = False

    def bar(self, logits: "Tensor") -> "Tensor":
        """Return logits with -inf for barred choices: float64 [..., n_genes, most]."""
        return logits.masked_fill(self._barred, -np.inf)

    def perturb(self, logits: "Tensor", n: int, generator: "Generator") -> "Tensor":
        """Return ``n`` copies of logits, each with its own Gumbel noise: float64 [k, ...] to float64 [k, n, ...].

        The largest of a gene is a sample from the distribution that the softmax of its logits is (Gumbel-max trick).
        """
        import torch

        noise = torch.empty((len(logits), n, *self.shape), dtype=torch.float64).exponential_(generator=generator)
        return self.bar(logits)[:, None] - noise.log()

    def rows(self, perturbed: "Tensor") -> Genes:
        """Return the architectures of the largest choices, canonical: float64 [k, n, ...] to int8 [k * n, n_genes]."""
        largest = perturbed.detach().argmax(dim=-1).flatten(0, 1).numpy()
        return self._space.canonical(largest.astype(np.int8))

    def changed(self, rows: Genes) -> Genes:
        """Return all single changes of rows: int8 [n, n_genes] to int8 [n, changes, n_genes]."""
        return change_each(rows, self._gene, self._choice)

    def spread(self, values: NDArray[np.floating]) -> "Tensor":
        """Return values of single changes by gene and choice: [n, changes] to float64 [n, n_genes, most]."""
        import torch

        spread = np.zeros((len(values), *self.shape))
        spread[:, self._gene, self._choice] = values
        return torch.from_numpy(spread)

    def log_likelihood(self, logits: "Tensor", rows: Genes) -> "Tensor":
        """Return the logarithm of the probability of architectures, by those of their active genes' choices.

        Args:
            logits: float64 [k, n_genes, most].
            rows: int8 [k * n, n_genes], canonical; n of each distribution.

        Returns:
            float64 [k, n].
        """
        import torch

        chosen = torch.from_numpy(rows.astype(np.int64)).view(len(logits), -1, self.shape[0], 1)
        active = torch.from_numpy(self._space.active(rows)).view(chosen.shape[:-1])
        every = torch.log_softmax(self.bar(logits), dim=-1)[:, None].expand(-1, chosen.shape[1], -1, -1)
        return (every.gather(-1, chosen)[..., 0] * active).sum(dim=-1)


class ExpectedCost:
    """The exact expectation of an additive table's cost, where all genes are independent; it has a gradient.

    Each entry counts with the product of its genes' probabilities, owners among them, so that genes which several
    summands share, or that are not always active, need no care: the expectation of a sum is the sum of expectations.

    Args:
        cost: the table.
    """

    def __init__(self, cost: CostTable) -> None:
        import torch

        alike: dict[tuple[int, ...], list[Factor]] = {}
        for factor in cost.factors:
            alike.setdefault(factor[1].shape, []).append(factor)
        self._tables = [
            (torch.tensor([scope for scope, _ in some]), torch.from_numpy(np.stack([values for _, values in some])))
            for some in alike.values()
        ]

    def __call__(self, probabilities: "Tensor") -> "Tensor":
        """Return expected costs, in the table's unit: float64 [n, n_genes, most choices of a gene] to float64 [n]."""
        expected = 0 * probabilities.sum(dim=(1, 2))  # a gradient, also where no gene changes the cost
        for genes, values in self._tables:
            left = values.expand(len(probabilities), *values.shape)
            for gene in genes.T.flip(0):  # the last axis is summed first
                weight = probabilities[:, gene, : left.shape[-1]]
                left = (left * weight.view(*weight.shape[:2], *[1] * (left.dim() - 3), -1)).sum(dim=-1)
            expected = expected + left.sum(dim=1)
        return expected


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread, so that sums are in one order; then in as many as before."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
