"""A model-based peer: Optuna's tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011)."""

from typing import Any

import numpy as np

from ofa_bench.search import EvaluationRequest
from ofa_bench.spaces import DesignSpace
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_whole, need

__all__ = ["TPE"]


class TPE(SharedSearch):
    """Run Optuna's TPE once, for high accuracy and low cost (Ozaki et al., GECCO 2020); it serves all targets.

    A trial is one architecture, a categorical parameter each gene, all genes sampled jointly (``multivariate``). One
    multi-objective study finds more than one study a target, with the target as a constraint, at equal evaluations.
    Optuna takes tens of milliseconds for a trial, more with each, so there is a budget of its own, of few evaluations.

    Args:
        evaluations: trials, for all targets together.

    Raises:
        InputError: ``evaluations`` is not a whole number of 1 or more, or Optuna is not installed.
    """

    fork_safe = True

    def __init__(self, evaluations: int = 1000) -> None:
        super().__init__(evaluations=evaluations)
        check_whole("evaluations", evaluations)
        need("tpe", "optuna")

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Run one trial after another."""
        space, study = budgeted.problem.space, _study(int(rng.integers(2**32)))
        parameters = _parameters(space)
        while budgeted.left:
            trial = study.ask(parameters)
            budgeted.evaluator.counts.proposals += 1
            row = np.array([[trial.params[name] for name in space.gene_names]], np.int8)
            accuracy, cost = yield from budgeted.evaluate(row)
            study.tell(trial, [accuracy[0], cost[0]])


def _study(seed: int) -> Any:
    """Return a study that is kept in memory; Optuna's message about it is not shown."""
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    finally:
        optuna.logging.set_verbosity(verbosity)


def _parameters(space: DesignSpace) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution

    return {gene.name: CategoricalDistribution(range(len(gene.choices))) for gene in space.genes}
