"""What a search strategy sees: a design space, an accuracy predictor, a cost model, and honest counters."""

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
from ofa_bench.search.kernels import Kernels
from ofa_bench.search.memo import KeyedMemo, Memo, PackedMemo, Values
from ofa_bench.spaces import DesignSpace, Genes
from ofa_bench.spaces.checks import check_genes, check_shape
from ofa_bench.spaces.enumeration import number_of_architectures

__all__ = ["Counts", "CurvePoint", "EvaluationRequest", "Evaluator", "Problem", "SearchResult", "Values", "drive"]

CurvePoint = tuple[int, int, int, float]
"""Generation, evaluations, unique evaluations so far, and the best accuracy then."""


MAX_ACCURACY = 10.0
"""No accuracy is larger: what is, is in percent, where fractions of 1 are wanted."""

Result = TypeVar("Result")
EvaluationRequest = Generator[Genes, Values, Result]
"""What needs accuracies on its way to a result: it yields architectures (int8 [n, n_genes]) and is sent their values.

So searches that are independent can advance together, their architectures predicted in one call.
"""


@dataclass
class Counts:
    """What a search did.

    ``proposals`` are the architectures that chance, mutation, crossover and pruning put forward until the population
    was full; ``cost_lookups`` are the costs looked up for it, ``evaluations`` the accuracies asked for, and
    ``unique_evaluations`` those that the predictor had to give. ``gradients`` are the architectures at which it was
    linearised: the gradient there and the gains of all single changes take about as long as four to seven evaluations.
    """

    proposals: int = 0
    cost_lookups: int = 0
    evaluations: int = 0
    unique_evaluations: int = 0
    gradients: int = 0


@dataclass(frozen=True, repr=False)
class Problem:
    """A design space with what its architectures are worth and what they cost.

    ``keep`` says how many distinct architectures a result has for its target: the winner, and the best behind it.
    """

    space: DesignSpace
    predictor: AccuracyPredictor
    cost: CostModel
    keep: int = 10

    def __post_init__(self) -> None:
        adopt(self.predictor, AccuracyPredictor)
        adopt(self.cost, CostModel)

    @property
    def guard_band(self) -> float:
        """The factor by which its costs are raised above those of its table; 1 for none."""
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
        """The compiled loops over this space and cost model, where they can be had."""
        return Kernels.of(self.space, self.cost)

    def evaluator(self) -> "Evaluator":
        """Start a search's own memo and counters."""
        return Evaluator(self)


class Evaluator:
    """The one door of a search to accuracy and cost: it counts, and evaluates no architecture twice.

    The memo is keyed by canonical form and lives as long as the search; searches share nothing.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.counts = Counts()
        kernels = problem.kernels
        self._memo: Memo = PackedMemo(kernels) if kernels else KeyedMemo(problem.space)

    def cost(self, candidates: Genes) -> NDArray[np.float64]:
        """Look up the cost of candidates: int8 [n, n_genes] to float64 [n], in the cost model's unit.

        Raises:
            ValueError: these are no rows of the space.
        """
        candidates = check_shape(self.problem.space, candidates)
        self.counts.cost_lookups += len(candidates)
        return self.problem.cost.cost(candidates)

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Evaluate architectures, those not yet seen by the predictor: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the rows are no architectures of the space, or the predictor gave no finite number for each.
        """
        return drive(self.ask(check_genes(self.problem.space, genes)), self.problem.predictor)

    def ask(self, genes: Genes) -> EvaluationRequest[Values]:
        """Evaluate as ``accuracy`` does, but leave it to the caller to have the unseen ones predicted."""
        places, new = self._memo.find(genes)
        if len(new):
            try:
                values = yield genes[new]
                self._check(values, len(new))
            except BaseException:
                self._memo.forget()
                raise
            self._memo.store(values)
        self.counts.evaluations += len(places)
        self.counts.unique_evaluations += len(new)
        return self._memo.at(places)

    def alternatives(self, target: float, winner: Genes, highest: float) -> tuple[Alternative, ...]:
        """Return the best of what was evaluated that meets a target, behind the winner (see ``next_best``)."""
        return next_best(self.problem.cost, self.problem.keep, target, winner, highest, self._memo.best_first())

    def linearised(self, genes: Genes, changed: Genes) -> NDArray[np.float32] | None:
        """Estimate to first order what changes do to accuracy: float32 [n, m], fractions of 1; None if that is unknown.

        Args:
            genes: int8 [n, n_genes].
            changed: int8 [n, m, n_genes], changed forms of each of them.

        Raises:
            ValueError: these are no architectures of the space.
        """
        genes = check_shape(self.problem.space, genes)
        if np.ndim(changed) != 3 or len(changed) != len(genes):
            wanted = f"[{len(genes)}, m, {self.problem.space.n_genes}]"
            raise ValueError(f"changed must be int8 {wanted}, not {list(np.shape(changed))}")
        change = self.problem.predictor.linearised(genes, changed)
        self.counts.gradients += 0 if change is None else len(genes)
        return change

    def _check(self, values: Values, wanted: int) -> None:
        name, given = self.problem.predictor.name, np.asarray(values)
        if given.shape != (wanted,):
            raise InputError(f"predictor {name} gave accuracies of shape {given.shape} for {wanted} architectures")
        if given.dtype.kind not in "fiub" or not np.isfinite(given).all():
            raise InputError(f"predictor {name} gave an accuracy that is not a finite number")
        if given.size and np.abs(given).max() > MAX_ACCURACY:
            raise InputError(
                f"predictor {name} gave an accuracy of {given[np.abs(given).argmax()]:g}; must be a fraction of 1"
            )


def drive(asking: EvaluationRequest[Result], predictor: AccuracyPredictor) -> Result:
    """Go through with it, answering each time it asks."""
    values: Values | None = None
    with closing(asking):  # what is not answered is undone
        while True:
            try:
                asked = next(asking) if values is None else asking.send(values)
            except StopIteration as done:
                result: Result = done.value
                return result
            values = predictor.accuracy(asked)


@dataclass(frozen=True)
class SearchResult:
    """What a search found for one target.

    ``genes`` (int8 [n_genes], canonical), ``accuracy`` (fraction of 1) and ``cost`` are of the best architecture that
    meets the target. Where none can (``feasible`` is false), ``genes`` and ``cost`` are of the cheapest one and
    ``accuracy`` is None. ``population`` (int8 [n, n_genes]) are the last parents, best first, for warm starts.
    ``alternatives`` are the best distinct architectures behind it that meet the target, best first.

    Where one search served several targets, ``shared`` says how many: ``counts`` are then an equal share of what it
    did, so that sums over targets stay true, while ``curve`` counts all that the search had done by then.
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
        """Say that no architecture of the space meets the target, and which comes nearest."""
        return cls(target, False, problem.cost.cheapest, None, problem.cost.minimum)
