"""A problem (design space, accuracy predictor, cost model), and the evaluator that counts what a search does."""

import copy
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ofa_bench.config.kinds import adopt
from ofa_bench.errors import InputError
from ofa_bench.predictors import AccuracyPredictor, CostModel
from ofa_bench.search.alternatives import Alternative, next_best
from ofa_bench.search.children import Draw, choose_children, draw_candidates
from ofa_bench.search.kernels import Kernels
from ofa_bench.search.memo import KeyedMemo, Memo, PackedMemo, Values
from ofa_bench.spaces import DesignSpace, Genes, ListedSpace
from ofa_bench.spaces.checks import check_genes, check_shape
from ofa_bench.spaces.enumeration import change_each, number_of_architectures, single_changes

__all__ = ["Counts", "CurvePoint", "EvaluationRequest", "Evaluator", "Problem", "SearchResult", "Values", "drive"]

CurvePoint = tuple[int, int, int, float]
"""Generation, evaluations and unique evaluations so far, and the best accuracy so far."""


MAX_ACCURACY = 10.0
"""The largest accuracy that is accepted: larger ones are percentages instead of fractions of 1."""

Result = TypeVar("Result")
EvaluationRequest = Generator[Genes, Values, Result]
"""A generator that yields architectures (int8 [n, n_genes]), is sent their accuracies, and returns a result.

So independent searches can advance together, with one call of the predictor for all.
"""


@dataclass
class Counts:
    """The counts of a search.

    ``proposals`` are the architectures that sampling, mutation, crossover and pruning proposed until the population was
    full; ``cost_lookups`` are the costs looked up for it, ``evaluations`` the accuracies requested, and
    ``unique_evaluations`` those of distinct architectures, which a search with a memo predicts only once.
    ``gradients`` are the architectures at which it was linearised: the gradient there and the gains of all single
    changes take as long as several evaluations (see ``predictors.gradient_costs``). ``repeated_measurements`` are
    those of architectures that were measured before in the search (see ``Evaluator.measure_again``).
    """

    proposals: int = 0
    cost_lookups: int = 0
    evaluations: int = 0
    unique_evaluations: int = 0
    gradients: int = 0
    repeated_measurements: int = 0

    @property
    def measurements(self) -> int:
        """What was asked of the predictor: each distinct architecture once, and what was measured again."""
        return self.unique_evaluations + self.repeated_measurements


@dataclass(frozen=True, repr=False)
class Problem:
    """A design space with an accuracy predictor and a cost model.

    ``keep`` is the number of distinct architectures in a result: the winner and the best ones behind it. If the
    predictor knows only some architectures, the problem has only these: ``space`` is then a ``ListedSpace``.
    ``measurement_seed`` decides the errors of simulated measurements.
    """

    space: DesignSpace
    predictor: AccuracyPredictor
    cost: CostModel
    keep: int = 10
    measurement_seed: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        adopt(self.predictor, AccuracyPredictor)
        adopt(self.cost, CostModel)
        if self.predictor.known_genes is not None and not isinstance(self.space, ListedSpace):
            listed = ListedSpace(self.space, self.predictor.known_genes)
            object.__setattr__(self, "space", listed)
            object.__setattr__(self, "cost", self.cost.among(listed.rows))

    @property
    def guard_band(self) -> float:
        """The factor by which costs are raised above those of the table; 1 for none."""
        return self.cost.guard_band

    def __repr__(self) -> str:
        number, cost = number_of_architectures(self.space), self.cost
        size = f"{number:,}" if number < 1e6 else f"{number:.3g}"
        return (
            f"Problem(space {self.space.name}, device {cost.name}, predictor {self.predictor.name}: "
            f"{size} architectures of {cost.minimum:.4g} to {cost.maximum:.4g} {cost.unit})"
        )

    @cached_property
    def kernels(self) -> Kernels | None:
        """The compiled loops over this space and cost model; None if they are not available."""
        return Kernels.of(self.space, self.cost)

    @cached_property
    def has_errors(self) -> bool:
        """Whether measurements of the predictor have errors."""
        none: Genes = np.empty((0, self.space.n_genes), np.int8)
        return self.predictor.measurement_errors(none, np.empty(0, np.int64), 0) is not None

    def with_errors_of(self, seed: int) -> "Problem":
        """Return the problem with the measurement errors of a seed; itself if measurements have no errors."""
        if not self.has_errors:
            return self
        other = copy.copy(self)  # with all that is cached
        object.__setattr__(other, "measurement_seed", seed)
        return other

    def measure(self, accuracy: Values, genes: Genes, times: NDArray[np.int64]) -> Values:
        """Return what measurements show of architectures: their accuracy and the errors; float64 [n].

        Args:
            accuracy: float64 [n], as the predictor has it.
            genes: int8 [n, n_genes].
            times: int64 [n], how often each of them was measured before in a search.
        """
        if not self.has_errors:
            return accuracy
        errors = np.asarray(self.predictor.measurement_errors(genes, times, self.measurement_seed))
        if errors.shape != times.shape or errors.dtype.kind not in "fiu" or not np.isfinite(errors).all():
            raise InputError(
                f"predictor {self.predictor.name} gave measurement errors {errors.dtype} {list(errors.shape)} for "
                f"{len(times)} architectures; must be finite numbers, one each"
            )
        return np.asarray(accuracy + errors)

    def evaluator(self) -> "Evaluator":
        """Return a new evaluator, with its own memo and counts, for one search."""
        return Evaluator(self)


class Evaluator:
    """Looks up costs and accuracies for one search, counts them, and evaluates no architecture twice.

    The memo is keyed by canonical form; searches do not share it.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.counts = Counts()
        kernels = problem.kernels
        self._memo: Memo = PackedMemo(kernels) if kernels else KeyedMemo(problem.space)
        self._has_errors = problem.has_errors
        self._times: dict[int, int] = {}  # by place, of architectures that were measured again

    def on(self, problem: Problem) -> "Evaluator":
        """Return an evaluator that looks up another device's costs; counts and memo are common.

        Args:
            problem: of the same space and predictor.
        """
        other = copy.copy(self)
        other.problem = problem
        return other

    def cost(self, candidates: Genes) -> NDArray[np.float64]:
        """Return the cost of candidates: int8 [n, n_genes] to float64 [n], in the cost model's unit.

        Raises:
            ValueError: the rows are not of the space.
        """
        candidates = check_shape(self.problem.space, candidates)
        self.counts.cost_lookups += len(candidates)
        kernels = self.problem.kernels
        return kernels.costs(candidates) if kernels else self.problem.cost.cost(candidates)

    def cost_without_limits(self, candidates: Genes) -> NDArray[np.float64]:
        """Return the cost as ``cost`` does, but finite also where candidates miss limits on other costs."""
        if not self.problem.cost.limits:
            return self.cost(candidates)
        candidates = check_shape(self.problem.space, candidates)
        self.counts.cost_lookups += len(candidates)
        return self.problem.cost.without_limits(candidates)

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Return the accuracy of architectures; only new ones are predicted: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are not architectures of the space, or an accuracy is not a finite number.
        """
        return drive(self.ask(check_genes(self.problem.space, genes)), self.problem.predictor)

    def ask(self, genes: Genes, *, memo: bool = True) -> EvaluationRequest[Values]:
        """Evaluate as ``accuracy`` does, but request the predictions of new ones from the caller.

        Without ``memo`` the predictions of all are requested, also of those that are known. Results and counts are the
        same.
        """
        places, new = self._memo.find(genes)
        wanted = genes[new] if memo else genes
        if len(wanted):
            try:
                values = yield wanted
                self._check(values, len(wanted))
                values = values if memo else np.asarray(values)[new]
                if self._has_errors:
                    values = self.problem.measure(values, genes[new], np.zeros(len(new), np.int64))
            except BaseException:
                self._memo.forget()
                raise
            self._memo.store(values)
        self.counts.evaluations += len(places)
        self.counts.unique_evaluations += len(new)
        return self._memo.at(places)

    def measure_again(self, genes: Genes) -> EvaluationRequest[Values]:
        """Measure architectures anew, whether known or not; request the predictions from the caller.

        Each row is a measurement of its own. The memo keeps the first one of each architecture.

        Args:
            genes: int8 [n, n_genes].

        Returns:
            float64 [n], the accuracies measured now.
        """
        if not len(genes):
            return np.empty(0)
        places, new = self._memo.find(genes)
        times, made = np.empty(len(genes), np.int64), dict.fromkeys(places[new].tolist(), 0)
        for row, place in enumerate(places.tolist()):
            times[row] = made.get(place, self._times.get(place, 1))
            made[place] = int(times[row]) + 1
        try:
            values = yield genes
            self._check(values, len(genes))
            values = self.problem.measure(np.asarray(values), genes, times)
        except BaseException:
            self._memo.forget()
            raise
        self._memo.store(values[new])
        self._times |= made
        first, again = len(new), len(genes) - len(new)
        self.counts.evaluations += len(genes)
        self.counts.unique_evaluations += first
        self.counts.repeated_measurements += again
        return values

    def first_measured(self, genes: Genes) -> Values:
        """Return the accuracies in the memo, of architectures that were all evaluated: float64 [n]; counts nothing."""
        places, new = self._memo.find(genes)
        if len(new):
            self._memo.forget()
            raise ValueError(f"{len(new)} of {len(genes)} architectures were not evaluated")
        return self._memo.at(places)

    def alternatives(self, target: float, winner: Genes, highest: float) -> tuple[Alternative, ...]:
        """Return the best evaluated architectures that meet a target, behind the winner (see ``next_best``)."""
        batches = ((rows, values, self.problem.cost.cost(rows)) for rows, values in self._memo.best_first())
        return next_best(self.problem.keep, target, winner, highest, batches)

    def single_costs(self, genes: Genes) -> NDArray[np.float64]:
        """Return the costs of all single changes, in the order of ``single_changes``: float64 [n, changes].

        They are finite also where a change misses limits on other costs.

        Args:
            genes: int8 [n, n_genes].
        """
        kernels, space = self.problem.kernels, self.problem.space
        if kernels:
            found = kernels.single_costs(genes)
            self.counts.cost_lookups += found.size
            return found
        changed = change_each(check_genes(space, genes), *single_changes(space))
        return self.cost_without_limits(changed.reshape(-1, space.n_genes)).reshape(changed.shape[:2])

    def single_gains(self, genes: Genes) -> NDArray[np.float32] | None:
        """Estimate to first order how single changes change accuracy; None if the predictor has no gradient.

        Args:
            genes: int8 [n, n_genes].

        Returns:
            float32 [n, changes], fractions of 1, in the order of ``single_changes``.

        Raises:
            ValueError: the rows are not architectures of the space.
        """
        genes, predictor = check_shape(self.problem.space, genes), self.problem.predictor
        gains = predictor.single_gains(genes)
        if gains is None:
            gains = predictor.linearised(genes, change_each(genes, *single_changes(self.problem.space)))
        self.counts.gradients += 0 if gains is None else len(genes)
        return gains

    def children(self, draw: Draw, rng: np.random.Generator) -> tuple[Genes, NDArray[np.int64]]:
        """Draw one child a parent, the best candidate that meets the target and was never evaluated; all are distinct.

        A candidate's value is the sum of the gains of its changes, plus luck (see ``Draw`` and ``draw_candidates``).

        Returns:
            The children (int8 [m, n_genes], canonical, m <= n), and the number of the parent of each (int64 [m]).
        """
        problem, space, (n, tries) = self.problem, self.problem.space, draw.price.shape
        self.counts.proposals += n * tries
        if problem.kernels and isinstance(self._memo, PackedMemo):
            self.counts.cost_lookups += n * tries  # all of them, as without the loops
            return self._memo.children(problem.kernels, draw, rng)
        drawn, change = draw_candidates(space, draw, rng)
        parents = draw.parents.repeat(tries, axis=0)
        rows = space.snap(drawn, parents)
        if rows is not drawn:  # all that differs counts
            gene, choice = single_changes(space)
            gains, differs = draw.gain.repeat(tries, axis=0), (rows != parents)[:, gene] & (rows[:, gene] == choice)
            change = np.where(differs & np.isfinite(gains), gains, 0).sum(axis=1)
        meets = self.cost(rows).reshape(n, tries) <= draw.target[:, None]
        value = np.where(meets, change.reshape(n, tries) + draw.luck, -np.inf)
        places, _ = self._memo.find(rows)
        self._memo.forget()
        chosen = choose_children(value, np.where(places < len(self._memo), -1, places))
        return space.canonical(rows[chosen]), chosen // tries

    def unseen(self, genes: Genes) -> Genes:
        """Return the architectures that were never evaluated, each once: int8 [n, n_genes] to [m, n_genes]."""
        _, new = self._memo.find(genes)
        self._memo.forget()
        return genes[new]

    def _check(self, values: Values, wanted: int) -> None:
        name, given = self.problem.predictor.name, np.asarray(values)
        if given.shape != (wanted,):
            raise InputError(f"predictor {name} gave accuracies of shape {given.shape} for {wanted} architectures")
        if given.dtype.kind in "fiub" and np.count_nonzero(np.abs(given) <= MAX_ACCURACY) == wanted:
            return  # faster than max()
        if given.dtype.kind not in "fiub" or not np.isfinite(given).all():
            raise InputError(f"predictor {name} gave an accuracy that is not a finite number")
        raise InputError(
            f"predictor {name} gave an accuracy of {given[np.abs(given).argmax()]:g}; must be a fraction of 1"
        )


def drive(request: EvaluationRequest[Result], predictor: AccuracyPredictor) -> Result:
    """Run a request to its end, with a predictor that answers it; return its result."""
    values: Values | None = None
    with closing(request):  # so that an unanswered request is undone
        while True:
            try:
                asked = next(request) if values is None else request.send(values)
            except StopIteration as done:
                result: Result = done.value
                return result
            values = predictor.accuracy(asked)


@dataclass(frozen=True)
class SearchResult:
    """The result of a search for one target.

    ``genes`` (int8 [n_genes], canonical), ``accuracy`` (fraction of 1) and ``cost`` are of the best architecture that
    meets the target. Where none can (``feasible`` is false), ``genes`` and ``cost`` are of the cheapest one and
    ``accuracy`` is None. ``population`` (int8 [n, n_genes]) are the last parents, best first, for warm starts.
    ``alternatives`` are the best distinct architectures behind it that meet the target, best first.

    If one search served several targets, ``shared`` is their number: ``counts`` are then an equal share of the search's
    counts, so that sums over targets are right, while ``curve`` has the counts of the whole search.
    """

    target: float
    feasible: bool
    genes: Genes
    accuracy: float | None
    cost: float
    counts: Counts = field(default_factory=Counts)
    curve: tuple[CurvePoint, ...] = ()
    generations: int = 0
    population: Genes | None = None
    shared: int = 1
    alternatives: tuple[Alternative, ...] = ()

    @classmethod
    def infeasible(cls, problem: Problem, target: float) -> "SearchResult":
        """Return the result for a target that no architecture meets; it has the cheapest architecture."""
        return cls(target, False, problem.cost.cheapest, None, problem.cost.minimum)
