"""A search by measurements: it measures where a model of the measurements so far promises something.

What a user pays for is a measured accuracy, not a predictor's answer. So this strategy asks for few accuracies:

1. the first measurements are of random architectures, each once;
2. a **model** is fitted to all measurements;
3. the **inner** strategy searches all targets on the model, with ``inner_evaluations`` of it. It maximises the
   **acquisition**: the model's mean, or an optimistic quantile, the mean plus ``optimism`` standard deviations
   (Srinivas et al., ICML 2010). With ``expected_improvement`` (Jones et al., 1998) it finds candidates by that
   quantile;
4. of what it found, the targets in turn choose what is measured: the candidate with the highest acquisition that was
   not measured before. What is chosen counts as measured in the deviations (Desautels et al., JMLR 2014). Where there
   are fewer candidates than a batch has places, random architectures take these;
5. after each **batch** of measurements the search goes on from 2. The last batch is of the model's mean.

In the end a target gets the measured architecture with the highest accuracy. Where measurements have errors, simulated
or of a sample of images, that is the one with the highest mean of the model, and not the one with the luckiest
measurement; its accuracy is then that mean.

With ``rounds=0``, all measurements are of random architectures, but for those of the winners that the inner strategy
finds on the model. With OFA's evolution inside, that is OFA's recipe (Cai et al., ICLR 2020, with 16,000 measurements).
LINAS (Cummings et al., arXiv 2205.10358) and NSGANetV2 (Lu et al., ECCV 2020) differ in the model, the inner strategy
and the sizes of batches.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ofa_bench.errors import InputError, suggestion
from ofa_bench.predictors import AccuracyPredictor
from ofa_bench.search import EvaluationRequest, Problem
from ofa_bench.spaces import Genes, whole_space
from ofa_bench.spaces.enumeration import number_of_architectures
from ofa_bench.strategies.acquisition import ACQUISITIONS, Optimistic, Worth, choose_batch, expected_improvement
from ofa_bench.strategies.base import Limit, Strategy, is_fork_safe
from ofa_bench.strategies.charges import check_number
from ofa_bench.strategies.joint import draw_anchors
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_whole

__all__ = ["Model", "Surrogate"]

Model = Callable[..., AccuracyPredictor]
"""Fits a predictor: called with the design space, measured architectures (int8 [n, n_genes]), their accuracies (float64
[n], fractions of 1) and ``name=``. Architectures that were measured twice are there twice."""

KEPT = 50
"""Candidates of a target, or more in large batches. If too few are new, the inner strategy is to report more."""

LEAST, SHARE = 20, 50
"""The default of ``batch``: at least ``LEAST`` measurements, and one for each ``SHARE`` made so far."""

DRAWS = 20
"""Draws of random architectures, after which those that are new are enough."""


class Surrogate(SharedSearch):
    """Search by measurements and a model of them (this module's docstring has the algorithm).

    Args:
        inner: the strategy that searches the model.
        model: fits the model.
        evaluations: measurements, for all targets together; None for ``budget.generations`` times ``population_size``.
        initial: measurements of random architectures.
        batch: measurements between two fits; None: ``LEAST``, or a fiftieth of those made so far if that is more.
        rounds: the number of batches; what they leave of the measurements is initial. None: ``initial``, and as many
            batches as there are measurements for.
        acquisition: ``mean``, ``optimistic`` or ``expected_improvement``.
        optimism: standard deviations that are added to the mean, unless the acquisition is the mean.
        inner_evaluations: evaluations of the model in each round, for all targets together, by an inner strategy that
            keeps to such a limit; None, or by any other one: those of the budget or of its own keys.
        again: whether an architecture may be measured again in a later batch; each time counts.
        population_size: see ``evaluations``.

    Raises:
        InputError: a value is not allowed.
    """

    def __init__(
        self,
        inner: Strategy,
        model: Model,
        evaluations: int | None = 1000,
        *,
        initial: int = 100,
        batch: int | None = None,
        rounds: int | None = None,
        acquisition: str = "optimistic",
        optimism: float = 2.0,
        inner_evaluations: int | None = 2000,
        again: bool = False,
        population_size: int = 100,
    ) -> None:
        super().__init__(population_size, evaluations)
        check_whole("initial", initial)
        if batch is not None:
            check_whole("batch", batch)
        if rounds is not None:
            check_whole("rounds", rounds, least=0)
        if acquisition not in ACQUISITIONS:
            *others, last = ACQUISITIONS
            near = suggestion(str(acquisition), ACQUISITIONS)
            raise InputError(f"strategy.acquisition={acquisition}: must be {', '.join(others)} or {last}{near}")
        check_number("optimism", optimism)
        if inner_evaluations is not None:
            check_whole("inner_evaluations", inner_evaluations)
        if not isinstance(again, bool):
            raise InputError(f"strategy.again={again}: must be true or false")
        if not isinstance(inner, Strategy):
            raise InputError("strategy.inner: must be the config of a strategy, as in conf/strategy/surrogate.yaml")
        if not callable(model):
            raise InputError("strategy.model: must be the config of a model, as in conf/model/process.yaml")
        self.inner, self.model, self.initial, self.batch, self.rounds = inner, model, initial, batch, rounds
        self.acquisition, self.optimism, self.again = acquisition, optimism, again
        self.inner_evaluations = inner_evaluations

    @property
    def fork_safe(self) -> bool:  # type: ignore[override]
        """Whether its searches may run in forked processes: if the model and the inner strategy declare it."""
        maker = getattr(self.model, "func", self.model)  # of a config, it is a partial one
        return is_fork_safe(self.inner) and bool(getattr(maker, "__dict__", {}).get("fork_safe"))

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Measure until the budget is spent, or the inner strategy finds nothing that is new."""
        measured, model = _Measured(budgeted, self.model), None
        if self.rounds is None:
            initial = self.initial - 1  # the cheapest was measured first
        else:
            initial = budgeted.left - (self.rounds * (self.batch or LEAST) or len(budgeted.targets))
        yield from measured.measure(measured.draw(min(max(initial, 1), budgeted.left), rng))
        while budgeted.left and (self.rounds != 0 or model is None):
            batch = self.batch or max(LEAST, budgeted.evaluator.counts.evaluations // SHARE)
            size = min(budgeted.left, batch if self.rounds != 0 else len(budgeted.targets))
            if measured.are_equal:
                rows = measured.draw(size, rng)  # nothing can be learned from them
            else:
                model = measured.fit(rng)
                with threadpool_limits(1):  # the last bits of a model's products depend on the number of threads
                    rows = self._choose(model, measured, size, rng)
            if len(rows) < size and not self.again:
                rows = measured.draw(size, rng, besides=rows)
            if not len(rows):
                break  # all were measured
            yield from measured.measure(rows, again=self.again)
        if (budgeted.problem.has_errors or budgeted.problem.predictor.sampled) and not measured.are_equal:
            model = model if model and self.rounds == 0 else measured.fit(rng)
            budgeted.archive = budgeted.archive.with_accuracy(model.accuracy(budgeted.archive.genes))

    def _choose(self, model: AccuracyPredictor, measured: "_Measured", size: int, rng: np.random.Generator) -> Genes:
        """Return at most ``size`` architectures to measure, which the targets choose in turn: int8 [n, n_genes]."""
        budgeted = measured.budgeted
        acquisition = "mean" if size == budgeted.left or self.rounds == 0 else self.acquisition
        targets = draw_anchors(budgeted.targets, rng).tolist() if self.rounds != 0 else budgeted.targets
        guide = model if acquisition == "mean" else Optimistic(model, self.optimism)
        rows = self._candidates(guide, measured, size, targets, rng)
        if not len(rows):
            return rows
        meets = budgeted.problem.cost.cost(rows) <= np.array(targets)[:, None]
        worth = self._worth(acquisition, measured, targets)
        return rows[choose_batch(model, rows, meets, size, int(rng.integers(len(targets))), worth)]

    def _candidates(
        self,
        guide: AccuracyPredictor,
        measured: "_Measured",
        size: int,
        targets: Sequence[float],
        rng: np.random.Generator,
    ) -> Genes:
        """Return the best architectures for each target by a guide that may be measured: int8 [n, n_genes].

        There are ``size`` of them or more if the inner strategy finds so many.
        """
        budgeted, limit = measured.budgeted, None
        if self.inner_evaluations is not None and "unique_evaluations" in self.inner.limits:
            most = min(self.inner_evaluations, number_of_architectures(budgeted.problem.space))
            limit = Limit("unique_evaluations", float(most))
        budget = dataclasses.replace(budgeted.budget, limit=limit)
        kept = max(KEPT, -(-size // len(targets)))
        while True:
            problem = Problem(budgeted.problem.space, guide, budgeted.problem.cost, measured.reported)
            rows: list[Genes] = []
            for _, result in self.inner.search(problem, targets, budget, rng):
                found = np.array([result.genes, *(other.genes for other in result.alternatives)], np.int8)
                found = problem.space.canonical(found)
                rows.extend(found[:kept] if self.again else found[measured.are_new(found)][:kept])
            candidates = np.unique(np.array(rows, np.int8).reshape(-1, problem.space.n_genes), axis=0)
            if len(candidates) >= size or measured.reported >= measured.distinct + size:
                return candidates
            measured.reported *= 2

    def _worth(self, acquisition: str, measured: "_Measured", targets: Sequence[float]) -> Worth | None:
        """Return what targets maximise; None for the mean."""
        if acquisition == "expected_improvement":
            best = [measured.best(target) for target in targets]
            return lambda mean, deviation, target: expected_improvement(mean, deviation, best[target])
        return None if acquisition == "mean" else lambda mean, deviation, _: mean + self.optimism * deviation


class _Measured:
    """What a search has measured, and the model that is fitted to it."""

    def __init__(self, budgeted: BudgetedEvaluator, model: Model) -> None:
        self.budgeted, self._model, self._space = budgeted, model, budgeted.problem.space
        self._rows, self._accuracy = [budgeted.archive.genes.copy()], [budgeted.archive.accuracy.copy()]
        self._keys = set(self._space.keys(budgeted.archive.genes))
        self.reported = KEPT
        """How many candidates of a target the inner strategy is to report."""

    @property
    def are_equal(self) -> bool:
        """Whether all accuracies are equal."""
        return all(float(np.ptp(values)) == 0 and values[0] == self._accuracy[0][0] for values in self._accuracy)

    def new(self, rows: Genes) -> Genes:
        """Return the architectures that were not measured, each once: int8 [n, n_genes] to int8 [m, n_genes]."""
        rows = np.unique(self._space.canonical(rows), axis=0)
        return rows[self.are_new(rows)]

    def are_new(self, rows: Genes) -> NDArray[np.bool_]:
        """Return which architectures were not measured: int8 [n, n_genes] to bool [n]."""
        return np.array([key not in self._keys for key in self._space.keys(rows)], bool)

    @property
    def distinct(self) -> int:
        """The number of architectures that were measured."""
        return len(self._keys)

    def draw(self, n: int, rng: np.random.Generator, besides: Genes | None = None) -> Genes:
        """Return random architectures that were not measured: int8 [at most n, n_genes]; ``besides`` are among them."""
        rows: Genes = np.empty((0, self._space.n_genes), np.int8) if besides is None else besides
        for _ in range(DRAWS):
            drawn = self._space.sample(n - len(rows), rng)
            rows = self.new(np.concatenate([rows, drawn]))
            if len(rows) == n:
                break
        return rng.permutation(rows)

    def measure(self, rows: Genes, *, again: bool = False) -> EvaluationRequest[None]:
        """Measure architectures: int8 [n, n_genes]; with ``again``, also those that were measured before."""
        if not len(rows):
            return
        self.budgeted.evaluator.counts.proposals += len(rows)
        accuracy, _ = yield from self.budgeted.evaluate(rows, again=again)
        self._rows.append(rows[: len(accuracy)])
        self._accuracy.append(accuracy)
        self._keys |= {*self._space.keys(rows)}

    def fit(self, rng: np.random.Generator) -> AccuracyPredictor:
        """Return a model that is fitted to all measurements, in random order."""
        rows, accuracy = np.concatenate(self._rows), np.concatenate(self._accuracy)
        order = rng.permutation(len(rows))
        return self._model(whole_space(self._space), rows[order], accuracy[order], name="surrogate")

    def best(self, target: float) -> float:
        """Return the highest accuracy that was measured within a target."""
        archive = self.budgeted.archive
        return float(archive.accuracy[archive.cost <= target].max())
