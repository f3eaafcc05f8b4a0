"""Differentiable search, as in FBNet and ProxylessNAS, on an accuracy predictor and a cost model.

FBNet (Wu et al., CVPR 2019, arXiv 1812.03443) and ProxylessNAS (Cai et al., ICLR 2019, arXiv 1812.00332) search a
distribution over the choices of each layer by gradient descent, while they train the weights of a supernet. Here the
supernet is trained, and a predictor takes its place:

1. each target has a distribution, a softmax over logits for each gene (FBNet, section 3.3; ProxylessNAS, section 3.2);
2. architectures are drawn with Gumbel noise. The sample itself is evaluated, where FBNet mixes all choices; the
   gradient passes through the softmax of the same noisy logits at a temperature that falls (FBNet, section 3.3; with
   a sample, this is the straight-through estimator). The predictor, linearised at the sample, gives the gain of each
   choice of each gene;
3. of a predictor without gradient, the logits learn by REINFORCE with a moving baseline (ProxylessNAS, section 3.3.2);
4. the expected cost is a differentiable function of the probabilities, by the latency table (FBNet, section 3.2;
   ProxylessNAS, section 3.3.1). Of an additive table it is exact, of another cost model its differences at the samples;
5. FBNet and ProxylessNAS weight cost by constants that are tuned until it suits. Here each target has a price of cost,
   which rises while the expected cost exceeds the target and falls while it is below (a Lagrange multiplier, by dual
   ascent). It begins where gradients of accuracy and cost are equally large. So no constant has accuracy's unit;
6. every sample is evaluated and counts for all targets that it meets; the papers train a few networks that they draw or
   derive in the end.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ofa_bench.devices.cost import CostTable
from ofa_bench.errors import InputError
from ofa_bench.search import EvaluationRequest, Problem
from ofa_bench.search.problem import Values
from ofa_bench.spaces import Genes
from ofa_bench.strategies.charges import charge_of, check_gradient_cost, check_number
from ofa_bench.strategies.descent import Descent, Known
from ofa_bench.strategies.joint import draw_anchors
from ofa_bench.strategies.relaxed import Choices, ExpectedCost
from ofa_bench.strategies.shared import BudgetedEvaluator, SharedSearch, check_whole, need

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["Differentiable"]

COOLING = 0.2
"""The temperature at the end of a run, as a multiple of that at its beginning."""

PATIENCE = 20
"""The number of steps without a new architecture after which a run ends: its distributions have converged."""


class Differentiable(SharedSearch):
    """Search distributions over the choices of genes by gradients (this module's docstring has the algorithm).

    All targets are one batch. A run begins with uniform distributions and serves up to ten targets (of more, ten are
    chosen by chance, evenly spread). Runs follow each other until the budget is spent or a run finds nothing new.

    Args:
        population_size: times the budget's generations it is the number of evaluations, all targets together.
        evaluations: the number of evaluations instead of that.
        samples: architectures drawn for each target in a step.
        steps: of a run; fewer where the budget is smaller.
        learning_rate: Adam's.
        temperature: of the softmax of noisy logits at the beginning of a run; it falls to a fifth.
        gradient_cost: the evaluations that a gradient takes from the budget; ``measured``: as many as take as long.

    Raises:
        InputError: a number is not what it must be.
    """

    def __init__(
        self,
        population_size: int = 100,
        evaluations: int | None = None,
        *,
        samples: int = 2,
        steps: int = 400,
        learning_rate: float = 0.2,
        temperature: float = 5.0,
        gradient_cost: float | str = 0,
    ) -> None:
        super().__init__(population_size, evaluations)
        check_whole("samples", samples)
        check_whole("steps", steps)
        for key, value in {"learning_rate": learning_rate, "temperature": temperature}.items():
            check_number(key, value)
            if value == 0:
                raise InputError(f"strategy.{key}={value}: must be more than 0")
        check_gradient_cost(gradient_cost)
        self.samples, self.steps = samples, steps
        self.learning_rate, self.temperature, self.gradient_cost = learning_rate, temperature, gradient_cost
        need("differentiable", "torch")

    def charge(self, problem: Problem) -> float:
        """Return the evaluations that a gradient takes from the budget."""
        return charge_of(self.gradient_cost, problem)

    def explore(self, budgeted: BudgetedEvaluator, rng: np.random.Generator) -> EvaluationRequest[None]:
        """Make runs until the budget is spent or one of them finds nothing new."""
        import torch

        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        learned, size = _Learned(budgeted), 0
        while budgeted.left and size < budgeted.archive.size:
            size = budgeted.archive.size
            targets = draw_anchors(budgeted.targets, rng)
            yield from self._run(learned, targets.tolist(), generator)

    def _run(self, learned: "_Learned", targets: Sequence[float], generator: "Generator") -> EvaluationRequest[None]:
        """Improve uniform distributions until a run's share of the budget is spent or nothing new is drawn."""
        budgeted = learned.budgeted
        descent = Descent(
            learned.choices,
            learned.expected,
            targets,
            samples=self.samples,
            learning_rate=self.learning_rate,
            generator=generator,
        )
        step = len(targets) * self.samples * (1 + self.charge(budgeted.problem))
        runs = max(1, round(budgeted.left / step / self.steps))
        length, idle = math.ceil(budgeted.left / step / runs), 0
        for i in range(length):
            rows = budgeted.problem.space.snap(descent.draw())
            idle = 0 if (yield from learned.learn(rows)) else idle + 1
            if not budgeted.left or idle == PATIENCE:
                return
            descent.step(self.temperature * COOLING ** (i / length), learned.of(rows, np.repeat(targets, self.samples)))


class _Learned:
    """What a search has learned of architectures: each is evaluated, and its single changes estimated, once.

    ``expected`` is the expected cost; None if the cost model is no additive table.
    """

    def __init__(self, budgeted: BudgetedEvaluator) -> None:
        cost = budgeted.problem.cost
        self.budgeted, self.choices = budgeted, Choices(budgeted.problem.space)
        additive = cost if isinstance(cost, CostTable) and type(cost).cost is CostTable.cost else None
        self.expected = ExpectedCost(additive) if additive else None
        self._limits = cost.limits
        self._known: dict[bytes, Known] = {}

    def learn(self, rows: Genes) -> EvaluationRequest[int]:
        """Evaluate architectures that are new, and estimate their changes while there is budget; return how many.

        Args:
            rows: int8 [n, n_genes], canonical.
        """
        evaluator = self.budgeted.evaluator
        evaluator.counts.proposals += len(rows)
        new = {key: i for i, key in enumerate(evaluator.problem.space.keys(rows)) if key not in self._known}
        if new:
            fresh = rows[list(new.values())]
            accuracy, cost = yield from self.budgeted.evaluate(fresh)
            if self.budgeted.left:
                self._known |= zip(new, self._estimate(fresh, accuracy, cost), strict=True)
        return len(new)

    def of(self, rows: Genes, targets: Values) -> Known:
        """Return what is known of architectures (int8 [n, n_genes], canonical) for their targets (float64 [n]).

        Where there are limits on other costs, a cost is the target times the largest share of target and limits.
        """
        every = zip(*(self._known[key] for key in self.budgeted.problem.space.keys(rows)), strict=True)
        known = Known._make(None if values[0] is None else np.array(values) for values in every)
        if not self._limits:
            return known
        allowed = np.array([targets, *(np.full(len(rows), one.most) for one in self._limits)]).T
        share = (known.cost / allowed).max(axis=1)
        after = (known.rises / allowed[:, :, None]).max(axis=1)
        return known._replace(cost=share * targets, rises=(after - share[:, None]) * targets[:, None])

    def _estimate(self, rows: Genes, accuracy: Values, cost: Values) -> list[Known]:
        evaluator, unknown = self.budgeted.evaluator, [None] * len(rows)
        gains = evaluator.single_gains(rows)
        if self.expected:
            return list(map(Known, accuracy, unknown if gains is None else gains, unknown, unknown))
        after = evaluator.single_costs(rows)
        if not self._limits:
            return list(map(Known, accuracy, unknown if gains is None else gains, cost, after - cost[:, None]))
        models, every = [one.cost for one in self._limits], self.choices.changed(rows).reshape(-1, rows.shape[1])
        here = np.array([evaluator.cost_without_limits(rows), *(one.cost(rows) for one in models)]).T
        there = np.stack([after, *(one.cost(every).reshape(after.shape) for one in models)], axis=1)
        return list(map(Known, accuracy, unknown if gains is None else gains, here, there))
