"""Draws changes of architectures that promise accuracy for their cost, by a first-order estimate."""

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.search.archive import Archive
from ofa_bench.search.problem import Evaluator
from ofa_bench.spaces import Genes
from ofa_bench.spaces.enumeration import change_each, single_changes

__all__ = ["Changes", "Places"]

Places = NDArray[np.intp]
"""Positions in an archive."""

Floats = NDArray[np.float64]
Weights = NDArray[np.float32]

_Gains = tuple[Weights, float]
"""Of one parent: the gain of each single change (-inf where nothing would change), and the mean absolute gain."""

_SPREAD = 0.7
"""Standard deviation of the logarithm of a price's random factor."""

_FITTED = 1000
"""The maximum number of architectures for a regression."""

_TINY = np.float32(1e-30)


class Changes:
    """Draws children of an archive's architectures, by changes that promise a gain.

    A single change is one gene set to one other choice. For a parent, each has an exact saving of cost and a gain: the
    accuracy that the predictor's gradient gives it to first order (``linearised``). Where the predictor has none, a
    ridge regression of the accuracies last evaluated on the choices of active genes takes its place.

    Args:
        evaluator: counts gradients, candidates and costs.
        archive: holds the parents, in canonical form; its present architectures count as drawn.
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
        self._gains: dict[int, _Gains] = {}
        self._savings: dict[int, Weights] = {}
        self._seen = set(space.keys(archive.genes))

    def on(self, evaluator: Evaluator, archive: Archive) -> "Changes":
        """Return the same changes with the costs of another device, whose archive has the same history."""
        other = copy.copy(self)
        other._evaluator, other._archive, other._savings = evaluator, archive, {}
        return other

    def unseen(self, rows: Genes) -> Genes:
        """Return the rows (int8 [n, n_genes], canonical) that were never drawn before, each once."""
        fresh = {key: i for i, key in reversed([*enumerate(self._space.keys(rows))]) if key not in self._seen}
        self._seen |= fresh.keys()
        return rows[sorted(fresh.values())]

    def children(self, parents: Places, targets: Floats, prices: Floats) -> Genes:
        """Draw one child a parent that meets its target and was never drawn before: int8 [at most n, n_genes].

        A candidate changes 1 to ``most_changes`` genes: those that score highest by gain plus saving times price (each
        candidate multiplies the price by its own log-normal factor) plus noise. Of the candidates that meet the target
        the child is the one whose changes have the highest sum of gains, again plus noise. Of two changes of one gene
        only the one that scores higher is made, but both count in that sum (without measurable effect).

        Args:
            parents: positions in the archive, intp [n].
            targets: the cost that each child must meet, float64 [n].
            prices: what a unit of cost is worth in accuracy, float64 [n].
        """
        learned = self._learn(parents.tolist())
        each = [i for i in range(len(parents)) for _ in range(self._tries)]
        gain, saving = (np.stack([one[i] for one in learned])[each] for i in (0, 1))
        noise = self._noise * np.array([one[2] for one in learned], np.float32)[each]
        spread = np.exp(_SPREAD * self._rng.standard_normal(len(each)))
        score = gain + (prices[each] * spread).astype(np.float32)[:, None] * saving
        score += noise[:, None] * self._gumbel(score.shape)
        rows, change = self._snapped(parents[each], *self._changed(parents[each], score, gain), gain)
        value = self._archive.accuracy[parents[each]] + change + noise * self._gumbel(change.shape)
        value[self._evaluator.cost(rows) > targets[each]] = -np.inf
        self._evaluator.counts.proposals += len(rows)
        return self._best_unseen(self._space.canonical(rows), value.reshape(len(parents), self._tries))

    def _gumbel(self, shape: tuple[int, ...]) -> Weights:
        uniform = self._rng.random(shape, dtype=np.float32)
        noise: Weights = -np.log(-np.log(np.maximum(uniform, _TINY)))
        return noise

    def _changed(self, parents: Places, score: Weights, gain: Weights) -> tuple[Genes, Weights]:
        """Apply a random number of each line's highest-scoring changes: int8 [n, n_genes], and their gains' sum."""
        n, rows, change = len(parents), self._archive.genes[parents], np.zeros(len(parents), np.float32)
        top = np.argpartition(score, -self._most, axis=1)[:, -self._most :]
        top = np.take_along_axis(top, np.argsort(np.take_along_axis(score, top, axis=1), axis=1), axis=1)
        wanted = self._rng.integers(1, self._most + 1, size=n)
        for rank in range(self._most):  # from the lowest score up, so that of two changes of a gene the better stays
            column = top[:, rank]
            uses = np.flatnonzero((self._most - rank <= wanted) & np.isfinite(score[np.arange(n), column]))
            column = column[uses]
            rows[uses, self._gene[column]] = self._choice[column]
            change[uses] += gain[uses, column]
        return rows, change

    def _snapped(self, parents: Places, rows: Genes, change: Weights, gain: Weights) -> tuple[Genes, Weights]:
        """Return the architectures that stand for changed rows, and the sum of the gains of all that differs."""
        before = self._archive.genes[parents]
        snapped = self._space.snap(rows, before)
        if snapped is rows:
            return rows, change
        differs = (snapped != before)[:, self._gene] & (snapped[:, self._gene] == self._choice)
        return snapped, np.where(differs & np.isfinite(gain), gain, 0).sum(axis=1)

    def _best_unseen(self, rows: Genes, value: NDArray[np.floating]) -> Genes:
        keys, n_tries = self._space.keys(rows), self._tries
        chosen = []
        for i, order in enumerate(np.argsort(-value, axis=1).tolist()):
            for candidate in (i * n_tries + j for j in order if value[i, j] > -np.inf):
                if keys[candidate] not in self._seen:
                    self._seen.add(keys[candidate])
                    chosen.append(candidate)
                    break
        return rows[chosen]

    def _learn(self, parents: Sequence[int]) -> list[tuple[Weights, Weights, float]]:
        """Return the gains and savings of each parent's single changes, and the mean gain; computed once for each."""
        new = [place for place in dict.fromkeys(parents) if place not in self._savings]
        if new:
            rows = self._archive.genes[new]
            changed = change_each(rows, self._gene, self._choice)
            costs = self._evaluator.cost_without_limits(changed.reshape(-1, rows.shape[1])).reshape(changed.shape[:2])
            self._savings |= zip(new, (self._archive.cost[new][:, None] - costs).astype(np.float32), strict=True)
            unknown = [i for i, place in enumerate(new) if place not in self._gains]
            if unknown:
                found = self._estimate(rows[unknown], changed[unknown])
                self._gains |= zip((new[i] for i in unknown), found, strict=True)
        return [(self._gains[place][0], self._savings[place], self._gains[place][1]) for place in parents]

    def _estimate(self, rows: Genes, changed: Genes) -> list[_Gains]:
        """Return the gains of architectures' single changes: int8 [n, n_genes], int8 [n, m, n_genes]."""
        gain = self._evaluator.linearised(rows, changed) if self._gradient else None
        gain = self._regressed(rows, changed) if gain is None else gain
        idle = (rows[:, self._gene] == self._choice) | ~self._space.active(rows)[:, self._gene]
        scale = np.abs(gain).mean(axis=1, where=~idle | idle.all(axis=1, keepdims=True))
        gain[idle] = -np.inf
        return [(one, float(scale[i])) for i, one in enumerate(gain)]

    def _regressed(self, rows: Genes, changed: Genes) -> Weights:
        """Estimate what changes do to accuracy from the last architectures of the archive: float32 [n, m]."""
        archive = self._archive
        choices, accuracy = self._choices(archive.genes[-_FITTED:]), archive.accuracy[-_FITTED:]
        choices -= choices.mean(axis=0)
        penalised = choices.T @ choices + np.eye(choices.shape[1], dtype=np.float32)
        worth = np.linalg.solve(penalised, choices.T @ (accuracy - accuracy.mean()).astype(np.float32))
        after = (self._choices(changed.reshape(-1, rows.shape[1])) @ worth).reshape(changed.shape[:2])
        change: Weights = after - (self._choices(rows) @ worth)[:, None]
        return change

    def _choices(self, rows: Genes) -> Weights:
        """Return whether architectures have each choice of an active gene, 0 or 1: float32 [n, choices]."""
        has: NDArray[np.bool_] = (rows[:, self._gene] == self._choice) & self._space.active(rows)[:, self._gene]
        return has.astype(np.float32)
