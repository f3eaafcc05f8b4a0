"""The base of multi-objective searches by pymoo's genetic algorithms: one search serves all targets."""

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ofa_bench.search import EvaluationRequest
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_probability, check_whole, need

__all__ = ["PymooSearch"]


class PymooSearch(SharedSearch):
    """Run a genetic algorithm of pymoo once, for high accuracy and low cost; it serves all targets.

    Selection, survival, uniform crossover and the elimination of duplicates (by canonical form) are pymoo's; random
    architectures and mutation are the space's own: each gene group is redrawn with ``mutate_prob``, as in OFA's
    evolution and, gene by gene, in OFA². Every child is mutated; before that it is crossed with ``crossover_prob``.
    Each generation has ``population_size`` children.

    Args:
        population_size: of each generation.
        mutate_prob: the probability that a gene group of a child is redrawn.
        crossover_prob: the probability that two parents are crossed.
        evaluations: for all targets together; None for ``budget.generations`` times ``population_size``.

    Raises:
        InputError: a value is not allowed, or pymoo is not installed.
    """

    name: ClassVar[str]
    """The option's name, for messages."""

    module: ClassVar[str]
    """The module of pymoo that has the algorithm."""

    def __init__(
        self,
        population_size: int = 100,
        mutate_prob: float = 0.1,
        crossover_prob: float = 0.5,
        evaluations: int | None = None,
    ) -> None:
        super().__init__(population_size, evaluations)
        check_whole("population_size", population_size, least=2)
        check_probability("mutate_prob", mutate_prob)
        check_probability("crossover_prob", crossover_prob)
        self.mutate_prob, self.crossover_prob = mutate_prob, crossover_prob
        need(self.name, self.module)

    @abstractmethod
    def algorithm(self, **shared: Any) -> Any:
        """Return a new algorithm of pymoo, made with these arguments, which all algorithms have."""

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Make generations until the budget is spent or no child is new to the population."""
        algorithm = self._set_up(budgeted, rng)
        while budgeted.left:
            offspring = algorithm.ask()
            if offspring is None:
                return
            offspring = offspring[: budgeted.left]
            accuracy, cost = yield from budgeted.evaluate(offspring.get("X"))
            offspring.set("F", np.stack([-accuracy, cost], axis=1))
            with np.errstate(divide="ignore", invalid="ignore"):  # SPEA2 divides by objectives' ranges, which may be 0
                algorithm.tell(offspring)

    def _set_up(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> Any:
        from pymoo.core.problem import Problem
        from pymoo.core.termination import NoTermination
        from pymoo.operators.crossover.ux import UniformCrossover

        space = budgeted.problem.space
        budgeted.evaluator.counts.proposals += self.population_size
        algorithm = self.algorithm(
            pop_size=self.population_size,
            sampling=space.canonical(space.sample(self.population_size, rng)),
            crossover=UniformCrossover(prob=self.crossover_prob),
            mutation=partial(self._mutated, budgeted),
            seed=rng,  # pymoo gives it to numpy.random.default_rng, which takes a generator as it is
        )
        return algorithm.setup(Problem(n_var=space.n_genes, n_obj=2), termination=NoTermination())

    def _mutated(
        self, budgeted: BudgetedEvaluator, _problem: Any, children: Any, *, random_state: Any, **_: Any
    ) -> Any:
        """Mutate crossed children, as pymoo's operator; pymoo replaces those that are not new."""
        space, genes = budgeted.problem.space, children.get("X")
        budgeted.evaluator.counts.proposals += len(genes)
        children.set("X", space.canonical(space.mutate(genes, self.mutate_prob, random_state)))
        return children
