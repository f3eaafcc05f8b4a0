"""Draws changes of architectures that promise accuracy for their cost, by a first-order estimate."""

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.archive import Archive
from ofa_bench.search.children import Draw
from ofa_bench.search.problem import Evaluator
from ofa_bench.spaces import Genes
from ofa_bench.spaces.enumeration import change_each, single_changes

__all__ = ["Changes", "Places"]

Places = NDArray[np.intp]
"""Positions in an archive."""

Floats = NDArray[np.float64]
Weights = NDArray[np.float32]

_SPREAD = 0.7
"""Standard deviation of the logarithm of a price's random factor."""

_FITTED = 1000
"""The maximum number of architectures for a regression."""


class _Rows:
    """Rows of numbers (float32 [width]) by position in an archive."""

    def __init__(self, width: int) -> None:
        self._rows: Weights = np.empty((0, width), np.float32)
        self._numbers: dict[int, int] = {}

    def missing(self, places: Sequence[int]) -> list[int]:
        """Return the positions without a row, each once."""
        return [place for place in dict.fromkeys(places) if place not in self._numbers]

    def add(self, places: Sequence[int], rows: NDArray[np.floating]) -> None:
        """Add the rows of positions that have none: floats [n, width]."""
        begin, end = len(self._numbers), len(self._numbers) + len(places)
        if end > len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty((end, self._rows.shape[1]), np.float32)])
        self._rows[begin:end] = rows
        self._numbers |= zip(places, range(begin, end), strict=True)

    def at(self, places: Sequence[int]) -> Weights:
        """Return the rows of positions that have one: float32 [n, width]."""
        return self._rows.take([self._numbers[place] for place in places], axis=0)


class Changes:
    """Draws children of an archive's architectures, by changes that promise a gain.

    A single change is one gene set to one other choice. For a parent, each has an exact saving of cost and a gain: the
    accuracy that the predictor's gradient gives it to first order (``single_gains``). Where the predictor has none, a
    ridge regression of the accuracies last evaluated on the choices of active genes takes its place.

    Args:
        evaluator: counts gradients, candidates and costs; what it has evaluated is not drawn again.
        archive: holds the parents, in canonical form.
        rng: the only source of chance.
        tries: candidates drawn for a child.
        most_changes: the most genes that differ between parent and child.
        noise: scale of the Gumbel noise on gains, as a multiple of the parent's mean absolute gain.
        gradient: whether to use the predictor's gradient, if it has one.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        archive: Archive,
        rng: np.random.Generator,
        *,
        tries: int,
        most_changes: int,
        noise: float,
        gradient: bool = True,
    ) -> None:
        self._evaluator, self._archive, self._rng = evaluator, archive, rng
        self._space = space = evaluator.problem.space
        self._gene, self._choice = single_changes(space)
        self._tries, self._most, self._noise = tries, min(most_changes, len(self._gene)), noise
        self._gradient = gradient
        self._gains, self._savings = _Rows(len(self._gene)), _Rows(len(self._gene))
        self._scales: dict[int, float] = {}

    def on(self, evaluator: Evaluator, archive: Archive) -> "Changes":
        """Return the same changes with the costs of another device, whose archive has the same history."""
        other = copy.copy(self)
        other._evaluator, other._archive, other._savings = evaluator, archive, _Rows(len(self._gene))
        return other

    def children(self, parents: Places, targets: Floats, prices: Floats) -> tuple[Genes, Places]:
        """Draw one child a parent that meets its target and was never evaluated, if there is one; all are distinct.

        A candidate changes 1 to ``most_changes`` genes: those that score highest by gain plus saving times price (each
        candidate multiplies the price by its own log-normal factor) plus noise. Of the candidates that meet the target
        the child is the one whose changes have the highest sum of gains, again plus noise. Of two changes of one gene
        only the one that scores higher is made, but both count in that sum (without measurable effect).

        Args:
            parents: positions in the archive, intp [n].
            targets: the cost that each child must meet, float64 [n].
            prices: what a unit of cost is worth in accuracy, float64 [n].

        Returns:
            The children, canonical, int8 [m, n_genes], and the number of the parent of each, intp [m], rising.
        """
        gain, saving, scale = self._learn(parents)
        size, noise = (len(parents), self._tries), self._noise * scale
        price = (prices[:, None] * np.exp(_SPREAD * self._rng.standard_normal(size))).astype(np.float32)
        wanted = self._rng.integers(1, self._most + 1, size=size)
        luck = noise[:, None] * self._rng.gumbel(size=size)
        draw = Draw(self._archive.genes[parents], targets, gain, saving, noise, price, wanted, luck)
        return self._evaluator.children(draw, self._rng)

    def _learn(self, parents: Places) -> tuple[Weights, Weights, Weights]:
        """Return gains (-inf where nothing would change) and savings of the parents' single changes, and the mean gain.

        They are float32 [n, changes], twice, and [n]. They are computed once for each parent.
        """
        every = parents.tolist()
        new = self._savings.missing(every)
        if new:
            rows = self._archive.genes[new]
            self._savings.add(new, self._archive.cost[new][:, None] - self._evaluator.single_costs(rows))
            unknown = self._gains.missing(new)
            if unknown:
                gain, scale = self._estimate(self._archive.genes[unknown])
                self._gains.add(unknown, gain)
                self._scales |= zip(unknown, scale, strict=True)
        scales = np.array([self._scales[place] for place in every], np.float32)
        return self._gains.at(every), self._savings.at(every), scales

    def _estimate(self, rows: Genes) -> tuple[Weights, list[float]]:
        """Return the gains of architectures' single changes, float32 [n, changes], and the mean absolute gain of each.

        Args:
            rows: int8 [n, n_genes].
        """
        gain = self._evaluator.single_gains(rows) if self._gradient else None
        gain = self._regressed(rows) if gain is None else gain
        idle = (rows.take(self._gene, axis=1) == self._choice) | ~self._space.active(rows).take(self._gene, axis=1)
        counted = ~idle | idle.all(axis=1, keepdims=True)
        scale = np.abs(gain).sum(axis=1, where=counted) / counted.sum(axis=1)
        gain[idle] = -np.inf
        return gain, scale.tolist()

    def _regressed(self, rows: Genes) -> Weights:
        """Estimate what changes do to accuracy from the last architectures of the archive: float32 [n, changes]."""
        archive = self._archive
        choices, accuracy = self._choices(archive.genes[-_FITTED:]), archive.accuracy[-_FITTED:]
        choices -= choices.mean(axis=0)
        penalised = choices.T @ choices + np.eye(choices.shape[1], dtype=np.float32)
        worth = np.linalg.solve(penalised, choices.T @ (accuracy - accuracy.mean()).astype(np.float32))
        changed = change_each(rows, self._gene, self._choice)
        after = (self._choices(changed.reshape(-1, rows.shape[1])) @ worth).reshape(changed.shape[:2])
        change: Weights = after - (self._choices(rows) @ worth)[:, None]
        return change

    def _choices(self, rows: Genes) -> Weights:
        """Return whether architectures have each choice of an active gene, 0 or 1: float32 [n, choices]."""
        has: NDArray[np.bool_] = (rows[:, self._gene] == self._choice) & self._space.active(rows)[:, self._gene]
        return has.astype(np.float32)
