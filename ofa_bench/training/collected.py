"""Draws distinct random architectures, and measures the accuracy of networks on images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.supernets.images import Images

__all__ = ["Scores", "measure_accuracy", "sample_distinct"]

CHUNK = 1000
"""Architectures drawn at a time; always the same number, so that a larger sample begins with a smaller one."""

TRIES = 100
"""After so many consecutive chunks without a new architecture, the space is considered exhausted."""


@dataclass(frozen=True)
class Scores:
    """The top-1 and top-5 accuracy of a network (fractions of 1), and its mean loss.

    With fewer than five classes, top-5 is 1.
    """

    top1: float
    top5: float
    loss: float


def sample_distinct(space: DesignSpace, n: int, rng: np.random.Generator) -> Genes:
    """Return distinct canonical architectures, drawn with uniform genes: int8 [n, n_genes].

    Raises:
        InputError: the space seems to have fewer than ``n``.
    """
    rows, seen, idle = list[Genes](), set[bytes](), 0
    while len(rows) < n and idle < TRIES:
        before = len(rows)
        genes = space.canonical(space.sample(CHUNK, rng))
        for row, key in zip(genes, space.keys(genes), strict=True):
            if key not in seen:
                seen.add(key)
                rows.append(row)
        idle = idle + 1 if len(rows) == before else 0
    if len(rows) < n:
        raise InputError(f"n={n}: space {space.name} has fewer architectures; {len(rows):,} were found")
    return np.array(rows[:n])


def measure_accuracy(
    module: nn.Module,
    images: Images,
    labels: NDArray[np.int64],
    size: int,
    *,
    batch: int,
    shown: Callable[[int], object] = lambda _: None,
) -> Scores:
    """Return the accuracy of a network on images.

    Args:
        module: the network, in evaluation mode.
        images: the images.
        labels: their classes, as indices of the network's outputs: int64 [n].
        size: height and width of the images, which is the network's resolution.
        batch: images a batch.
        shown: called after each batch with its number of images.

    Raises:
        InputError: an image cannot be read, or the network's outputs are not finite.
    """
    hits, loss, first = np.zeros(2, np.int64), 0.0, 0
    device = next(module.parameters()).device
    with torch.inference_mode():
        for pixels in images.batches(size, batch):
            wanted = torch.from_numpy(labels[first : first + len(pixels)]).to(device)
            outputs = module(pixels.to(device))
            if not bool(torch.isfinite(outputs).all()):
                raise InputError("weights: a network with them has outputs that are not finite")
            loss += float(cross_entropy(outputs, wanted, reduction="sum"))
            found = outputs.topk(min(5, outputs.shape[1])).indices == wanted[:, None]
            hits += np.array([int(found[:, 0].sum()), int(found.sum())])
            first += len(pixels)
            shown(len(pixels))
    return Scores(float(hits[0]) / first, float(hits[1]) / first, loss / first)
