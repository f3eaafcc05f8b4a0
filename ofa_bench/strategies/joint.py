"""One search for all targets, whose cost does not grow with their number.

**The joint search.** Everything that is evaluated goes into one archive and counts for every target that it meets. The
search runs in rounds of ``restart`` evaluations. In a fresh round only architectures of this round can be parents: it
begins with a few random ones and the cheapest of the space. In every fourth round, and in the last of several, all of
the archive can. Fresh rounds in between advance together, a generation of each at a time, so that fewer calls evaluate
more. A round looks at up to ten targets (the *anchors*; of more targets, ten are chosen by chance, evenly spread). The
*elites* of an anchor are the few most accurate architectures that meet it. A generation of the search is

1. *parents*: for each anchor in turn, one of its elites, uniformly;
2. *changes*: the predictor, linearised at the parent, gives each single change (one gene, another choice) a gain g (of
   a predictor without gradient, a ridge regression of what it said last); the cost model gives its saving s exactly.
   With the price p of cost, the slope of accuracy over cost between the anchor and the one below it, candidates apply
   the m changes that have the largest g + p e^z s + noise (m uniform from 1 to ``most_changes``, z normal, Gumbel
   noise);
3. *children*: of a parent's ``tries`` candidates that meet the anchor and were never drawn before, the one with the
   largest sum of gains, plus noise, is evaluated, added to the archive and offered to all anchors.

So no architecture is evaluated twice, and all chance comes from one stream.

In a fleet the devices take turns, in random order: a round of ``TURN`` evaluations looks at the targets of one device
and at its costs. Parents are from all of the archive, which counts for the targets of all devices. There are fewer
elites and a fifth of the noise: other devices are variety enough.

What is new is the combination: gradient-informed proposals for an elitist archive of all targets at once. Sampling
changes by Gumbel noise on gradients is known from Grathwohl et al. (ICML 2021, "Oops I took a gradient"); archives of
elites that serve all constraints at once are known from Schneider et al. (AutoML 2022, arXiv 2208.00204).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ofa_bench.errors import InputError
from ofa_bench.search import Archive, EvaluationRequest, Fleet, Problem, SearchCoroutine
from ofa_bench.search.changes import Changes, Places
from ofa_bench.search.kernels import Kernels
from ofa_bench.strategies.base import Budget
from ofa_bench.strategies.charges import charge_of, check_gradient_cost, check_number
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_whole

__all__ = ["Joint", "draw_anchors"]

Floats = NDArray[np.float64]

ANCHORS = 10
"""The maximum number of targets that a round looks at."""

FROM_ARCHIVE = 4
"""Every ``FROM_ARCHIVE``-th round continues from the whole archive."""

TURN = 100
"""Evaluations of a round on one device of a fleet."""

FLEET_ELITES, FLEET_NOISE = 3, 0.2
"""In a fleet, the most elites of an anchor, and the share of the noise: its variety comes from the other devices."""

START = 20
"""Random architectures at the beginning of a fresh round."""

FLATTEST = 0.05
"""The least price of cost, as a multiple of the mean slope from the cheapest architecture to the last anchor."""


class Joint(SharedSearch):
    """Search all targets at once (this module's docstring has the algorithm).

    Args:
        population_size: times the budget's generations it is the number of evaluations, all targets together.
        evaluations: the number of evaluations instead of that.
        batch: children of a generation in a fresh round; in one from the whole archive of one device there are twice as
            many.
        elites: architectures kept for an anchor.
        restart: evaluations after which a round ends.
        tries: candidates drawn for a child.
        most_changes: the most genes that differ between parent and child.
        noise: scale of the noise on gains, as a multiple of a parent's mean absolute gain.
        gradient: whether to use the predictor's gradient, if it has one; else the ridge regression.
        across: whether the devices of a fleet are searched together; else each by itself, with as many evaluations.
        gradient_cost: the evaluations that a gradient takes from the budget; ``measured``: as many as take as long.

    Raises:
        InputError: a number is not what it must be.
    """

    fork_safe = True

    def __init__(
        self,
        population_size: int = 100,
        evaluations: int | None = None,
        *,
        batch: int = 20,
        elites: int = 8,
        restart: int = 1500,
        tries: int = 10,
        most_changes: int = 6,
        noise: float = 0.25,
        gradient: bool = True,
        gradient_cost: float | str = 0,
        across: bool = True,
    ) -> None:
        super().__init__(population_size, evaluations)
        self.batch, self.elites, self.restart = batch, elites, restart
        self.tries, self.most_changes = tries, most_changes
        for key in ("batch", "elites", "tries", "most_changes", "restart"):
            check_whole(key, getattr(self, key))
        check_number("noise", noise)
        check_gradient_cost(gradient_cost)
        for key, value in (("gradient", gradient), ("across", across)):
            if not isinstance(value, bool):
                raise InputError(f"strategy.{key}={value}: must be true or false")
        self.across_devices = across
        self.noise, self.gradient, self.gradient_cost = noise, gradient, gradient_cost

    def charge(self, problem: Problem) -> float:
        """Return the evaluations that a gradient takes from the budget."""
        return charge_of(self.gradient_cost, problem)

    def fleet_coroutines(self, fleet: Fleet, budget: Budget, rng: np.random.Generator) -> Sequence[SearchCoroutine]:
        """Return one coroutine, the search of all devices."""
        return [self._coroutine(self._budgeted(fleet, budget), rng)]

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Search one device."""
        return self.explore_all([budgeted], rng)

    def explore_all(self, search: Sequence[BudgetedEvaluator], rng: np.random.Generator) -> EvaluationRequest[None]:
        """Run rounds until the budget is spent, or several rounds in a row find nothing new."""
        first, devices = search[0], len(search)
        changes = Changes(
            first.evaluator,
            first.archive,
            rng,
            tries=self.tries,
            most_changes=self.most_changes,
            noise=self.noise * (1 if devices == 1 else FLEET_NOISE),
            gradient=self.gradient,
        )
        views = [(one, changes.on(one.evaluator, one.archive)) for one in search]
        size, elites, batch = self.restart, self.elites, 2 * self.batch
        if devices > 1:
            size, elites, batch = TURN, min(FLEET_ELITES, self.elites), self.batch
        fruitless, number, waiting = 0, 0, list[int]()
        while first.left and fruitless < max(FROM_ARCHIVE, devices):
            before, left = first.archive.size, math.ceil(first.left / size)
            until_archive = FROM_ARCHIVE - 1 - number % FROM_ARCHIVE
            from_archive = not fruitless and (until_archive == 0 or (number > 0 and left == 1))
            fresh = 0 if from_archive or devices > 1 else max(1, min(until_archive, left - 1))
            if not waiting:
                waiting = [int(i) for i in rng.permutation(devices)] if devices > 1 else [0]
            yield from self._rounds(*views[waiting.pop()], rng, size, elites, fresh * self.batch or batch, fresh)
            rounds = max(1, fresh)
            fruitless, number = (0 if first.archive.size > before else fruitless + rounds), number + rounds

    def _rounds(
        self,
        budgeted: BudgetedEvaluator,
        changes: Changes,
        rng: np.random.Generator,
        size: int,
        most_elites: int,
        children: int,
        fresh: int,
    ) -> EvaluationRequest[None]:
        """Spend ``size`` evaluations a round, or fewer where a generation has no child.

        Args:
            budgeted: the search, as it is seen from one device.
            changes: draws children.
            rng: the source of chance.
            size: evaluations of a round.
            most_elites: of an anchor.
            children: of a generation of all rounds.
            fresh: the number of fresh rounds that advance together; 0 for one round from the whole archive.
        """
        archive, begin, rounds = budgeted.archive, budgeted.archive.size, np.arange(max(1, fresh))
        end = begin + min(len(rounds) * size, budgeted.left)
        anchors, of = [draw_anchors(budgeted.targets, rng) for _ in rounds], rounds[:0]
        elites = _Elites(anchors, most_elites, budgeted.problem.kernels)
        if fresh:
            elites.offer(0 * rounds, rounds, archive)
            space, n = budgeted.problem.space, min(len(rounds) * START, end - begin)
            budgeted.evaluator.counts.proposals += n
            rows = budgeted.evaluator.unseen(space.canonical(space.sample(n, rng)))
            of = np.arange(len(rows)) % len(rounds)
            yield from budgeted.evaluate(rows)
        else:
            elites.offer_all(archive)
        while archive.size < end and budgeted.left:
            elites.offer(np.arange(begin, archive.size), of, archive)
            begin = archive.size
            parents, lines = elites.draw(min(children, end - begin), rng)
            rows, of_parents = changes.children(parents, elites.anchors.ravel()[lines], elites.prices(archive)[lines])
            if not len(rows):
                return
            of = lines[of_parents] // elites.anchors.shape[1]
            yield from budgeted.evaluate(rows)


def draw_anchors(targets: Sequence[float], rng: np.random.Generator) -> Floats:
    """Return up to ``ANCHORS`` of ascending targets, one of each equal share of them: float64 [anchors], ascending."""
    n, k = min(ANCHORS, len(targets)), len(targets)
    chosen: Floats = np.array(targets)[((np.arange(n) + rng.random(n)) * k / n).astype(np.intp)]
    return chosen


class _Elites:
    """The most accurate architectures below each anchor of rounds that advance together.

    ``anchors`` are float64 [rounds, a], ascending; a *line* is an anchor's place when the rounds are laid end to end.
    ``places`` in the archive are intp [rounds, a, most], best first, -1 where there is none; ``accuracy`` likewise.
    """

    def __init__(self, anchors: Sequence[Floats], most: int, kernels: Kernels | None = None) -> None:
        self.anchors, self._kernels = np.array(anchors), kernels
        self.places: Places = np.full((*self.anchors.shape, most), -1)
        self.accuracy: Floats = np.full(self.places.shape, -np.inf)

    def offer(self, places: Places, of: Places, archive: Archive) -> None:
        """Replace elites by more accurate architectures: places in the archive and numbers of rounds, both intp [n]."""
        if self._kernels:
            given = (places, of, archive.accuracy, archive.cost)
            self._kernels.offer(self.anchors, self.places, self.accuracy, *given)
            return
        meets = archive.cost[places] <= self.anchors[:, :, None]
        if len(self.anchors) > 1:
            meets &= of == np.arange(len(self.anchors))[:, None, None]
        accuracy = np.concatenate([self.accuracy, np.where(meets, archive.accuracy[places], -np.inf)], axis=2)
        order = np.argsort(-accuracy, axis=2, kind="stable")[:, :, : self.places.shape[2]]
        every = np.concatenate([self.places, np.broadcast_to(places, meets.shape)], axis=2)
        self.places = np.take_along_axis(every, order, axis=2)
        self.accuracy = np.take_along_axis(accuracy, order, axis=2)

    def offer_all(self, archive: Archive) -> None:
        """Offer the whole archive to a single round; between two anchors, only the best can be among the elites."""
        (anchors,), most = self.anchors, self.places.shape[2]
        first, kept = np.searchsorted(anchors, archive.cost), np.zeros(archive.size, bool)
        for anchor in range(len(anchors)):
            those = np.flatnonzero(first == anchor)
            values = archive.accuracy[those]
            kept[those] = values >= np.partition(values, -most)[-most] if len(those) > most else True
        places = np.flatnonzero(kept)
        self.offer(places, 0 * places, archive)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Places, Places]:
        """Draw parents for the lines in turn, each uniformly from its elites.

        Returns:
            The parents' places in the archive, and their lines; both intp [n].
        """
        lines = (np.arange(n) + rng.integers(self.anchors.size)) % self.anchors.size
        there = np.isfinite(self.accuracy).sum(axis=2).ravel()[lines]
        return self.places.reshape(self.anchors.size, -1)[lines, rng.integers(there)], lines

    def prices(self, archive: Archive) -> Floats:
        """Return the slope of accuracy over cost below each anchor, from the best found: float64 [lines]."""
        cheapest, path = archive.cost.argmin(), np.empty((2, len(self.anchors), self.anchors.shape[1] + 1))
        path[0, :, 0], path[1, :, 0] = archive.accuracy[cheapest], archive.cost[cheapest]
        path[0, :, 1:], path[1, :, 1:] = self.accuracy[:, :, 0], self.anchors
        rise, run = path[:, :, 1:] - path[:, :, :-1]
        slope = rise / np.maximum(run, 1e-9)
        rise, run = path[:, :, -1:] - path[:, :, :1]
        prices: Floats = np.maximum(slope, FLATTEST * rise / np.maximum(run, 1e-9)).ravel()
        return prices
