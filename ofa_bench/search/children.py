"""Draws children: changed forms of architectures, by gains, savings and Gumbel noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.enumeration import single_changes

__all__ = ["GUMBEL", "Draw", "choose_children", "draw_candidates"]

Floats = NDArray[np.float64]
Weights = NDArray[np.float32]
Places = NDArray[np.int64]

GUMBEL: Weights = -np.log(-np.log((np.arange(2**16) + 0.5) / 2**16)).astype(np.float32)
"""The Gumbel distribution's quantiles, at the middles of equal shares: a random one of them is a draw from it."""


@dataclass(frozen=True)
class Draw:
    """What the children of n parents are drawn by, ``tries`` candidates each.

    ``parents`` are int8 [n, n_genes]; ``target`` (float64 [n]) is what a child may cost. ``gain`` and ``saving``
    (float32 [n, changes]) are of single changes, a gain of -inf of one that changes nothing. ``noise`` (float32 [n]) is
    the scale of the noise on a change's score. For each candidate, ``price`` (float32 [n, tries]) is what a unit of
    cost is worth, ``wanted`` (int64 [n, tries]) the number of changes, and ``luck`` (float64 [n, tries]) the noise on
    its value.
    """

    parents: Genes
    target: Floats
    gain: Weights
    saving: Weights
    noise: Weights
    price: Weights
    wanted: Places
    luck: Floats


def draw_candidates(space: DesignSpace, draw: Draw, rng: np.random.Generator) -> tuple[Genes, Weights]:
    """Draw changed forms of parents.

    A change scores its gain, plus its saving times the price, plus noise. A candidate has those that score highest (of
    equal scores, the first), and of several changes of one gene the one that scores highest; all count in the sum.

    Returns:
        The candidates, those of a parent one after another, int8 [n * tries, n_genes], and the sums of the gains of
        their changes, float32 [n * tries].
    """
    gene, choice = single_changes(space)
    n, tries = draw.price.size, draw.price.shape[1]
    gain = draw.gain.repeat(tries, axis=0)
    score = gain + draw.price.reshape(-1, 1) * draw.saving.repeat(tries, axis=0)
    score += draw.noise.repeat(tries)[:, None] * _draw_noise(draw.gain > -np.inf, tries, rng)
    rows, change = draw.parents.repeat(tries, axis=0), np.zeros(n, np.float32)
    each, wanted, top = np.arange(n), draw.wanted.ravel(), list[tuple[Places, Places]]()
    for rank in range(int(wanted.max(initial=0))):
        best = score.argmax(axis=1)
        used = np.flatnonzero((rank < wanted) & (score[each, best] > -np.inf))
        top.append((used, best[used]))
        score[each, best] = -np.inf
    for used, column in reversed(top):  # from the lowest score up, so that of two changes of a gene the better stays
        rows[used, gene[column]] = choice[column]
        change[used] += gain[used, column]
    return rows, change


def _draw_noise(changes: NDArray[np.bool_], tries: int, rng: np.random.Generator) -> Weights:
    """Draw Gumbel noise for those changes that are any: bool [n, changes] to float32 [n * tries, changes].

    Each candidate takes as many random words of 64 bits as it needs numbers of 16 bits.
    """
    noise, counts = np.zeros((len(changes), tries, changes.shape[1]), np.float32), changes.sum(axis=1)
    sizes = -(-counts // 4)
    words = rng.integers(2**64 - 1, size=int(sizes.sum()) * tries, dtype=np.uint64, endpoint=True)
    end = 0
    for one, live, n, size in zip(noise, changes, counts.tolist(), sizes.tolist(), strict=True):
        begin, end = end, end + size * tries
        one[:, live] = GUMBEL[words[begin:end].reshape(tries, size).view(np.uint16)[:, :n]]
    return noise.reshape(-1, changes.shape[1])


def choose_children(value: Floats, numbers: Places) -> Places:
    """Return the place of one candidate a parent, the best one that is new: int64 [at most n].

    Args:
        value: of the candidates, float64 [n, tries]; -inf where one misses the target.
        numbers: of their networks, int64 [n * tries]; -1 where one was evaluated.
    """
    order, tries = np.argsort(-value, axis=1, kind="stable"), value.shape[1]
    numbers = np.where(value > -np.inf, numbers.reshape(value.shape), -1)
    taken, chosen = {-1}, list[int]()
    for parent, places in enumerate(order.tolist()):
        for place, number in zip(places, numbers[parent, places].tolist(), strict=True):
            if number not in taken:
                taken.add(number)
                chosen.append(parent * tries + place)
                break
    return np.array(chosen, np.int64)
