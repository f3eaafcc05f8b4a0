"""What a search strategy sees: a design space, an accuracy predictor, a cost model, and honest counters."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ofa_bench.predictors import AccuracyPredictor, CostModel
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Counts", "CurvePoint", "Evaluator", "Problem", "SearchResult"]

CurvePoint = tuple[int, int, int, float]
"""Generation, evaluations, unique evaluations so far, and the best accuracy then."""


@dataclass
class Counts:
    """What a search did.

    ``proposals`` are the architectures that chance, mutation, crossover and pruning put forward until the population
    was full; ``cost_lookups`` are the costs looked up for it, ``evaluations`` the accuracies asked for, and
    ``unique_evaluations`` those that the predictor had to give.
    """

    proposals: int = 0
    cost_lookups: int = 0
    evaluations: int = 0
    unique_evaluations: int = 0


@dataclass(frozen=True)
class Problem:
    """A design space with what its architectures are worth and what they cost."""

    space: DesignSpace
    predictor: AccuracyPredictor
    cost: CostModel

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
        self._memo: dict[bytes, float] = {}

    def cost(self, candidates: Genes) -> NDArray[np.float64]:
        """Look up the cost of candidates: int8 [n, n_genes] to float64 [n], in the cost model's unit."""
        self.counts.cost_lookups += len(candidates)
        return self.problem.cost.cost(candidates)

    def accuracy(self, genes: Genes) -> NDArray[np.float64]:
        """Evaluate architectures, those not yet seen by the predictor: int8 [n, n_genes] to float64 [n].

        Raises:
            ValueError: the predictor gave what is not a finite number.
        """
        keys = self.problem.space.keys(genes)
        new = {key: i for i, key in enumerate(keys) if key not in self._memo}
        if new:
            values = self.problem.predictor.accuracy(genes[list(new.values())])
            if not np.isfinite(values).all():
                raise ValueError(
                    f"predictor {self.problem.predictor.name} gave an accuracy that is not a finite number"
                )
            self._memo.update(zip(new, values.tolist(), strict=True))
        self.counts.evaluations += len(keys)
        self.counts.unique_evaluations += len(new)
        return np.array([self._memo[key] for key in keys])


@dataclass(frozen=True)
class SearchResult:
    """What a search found for one target.

    ``genes`` (int8 [n_genes], canonical), ``accuracy`` (fraction of 1) and ``cost`` are of the best architecture that
    meets the target. Where none can (``feasible`` is false), ``genes`` and ``cost`` are of the cheapest one and
    ``accuracy`` is None. ``population`` (int8 [n, n_genes]) are the last parents, best first, for warm starts.
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

    @classmethod
    def infeasible(cls, problem: Problem, target: float) -> "SearchResult":
        """Say that no architecture of the space meets the target, and which comes nearest."""
        return cls(target, False, problem.cost.cheapest, None, problem.cost.minimum)
