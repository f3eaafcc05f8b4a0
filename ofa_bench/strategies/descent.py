"""Gradient descent of distributions over choices, one distribution for each target, with a price of cost each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ofa_bench.spaces import Genes
from ofa_bench.strategies.relaxed import Choices, ExpectedCost, one_thread

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Adam", "Descent", "Known"]

PRICE_RATE, PRICE_STIFFNESS = 0.1, 3.0
"""What a price's logarithm gains for good, and only in a step, times the share by which the cost exceeds the target."""

MEMORY = 0.9
"""What a baseline keeps of its value in a step."""

MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants."""

_FLAT = 1e-9
"""The least sum of gradients of relative cost by which a price is divided."""

Floats = NDArray[np.float64]


class Known(NamedTuple):
    """What is known of samples: their accuracies and, of each single change, the gain of accuracy and the rise of cost.

    ``accuracy`` is float64 [n], ``gains`` float32 [n, changes], ``cost`` float64 [n], ``rises`` float64 [n, changes].
    ``gains`` is None if the predictor has no gradient, and the last two are where the expected cost is known.
    """

    accuracy: Floats
    gains: NDArray[np.float32] | None
    cost: Floats | None
    rises: Floats | None


class Adam:
    """Adam (Kingma & Ba, ICLR 2015, arXiv 1412.6980) with its default constants, on one tensor.

    The steps are those of ``torch.optim.Adam``, which would import torch's compiler: seconds in each process.
    """

    def __init__(self, values: "Tensor", rate: float) -> None:
        self._values, self._rate, self._steps = values, rate, 0
        self._mean, self._square = values.detach() * 0, values.detach() * 0

    def step(self, gradient: "Tensor") -> None:
        """Change the values, in place, down a gradient of the same shape."""
        self._steps += 1
        self._mean += (1 - MEAN_DECAY) * (gradient - self._mean)
        self._square += (1 - SQUARE_DECAY) * (gradient**2 - self._square)
        mean = self._mean / (1 - MEAN_DECAY**self._steps)
        square = self._square / (1 - SQUARE_DECAY**self._steps)
        self._values.data -= self._rate * mean / (square.sqrt() + EPSILON)


class Descent:
    """Distributions that begin uniform, and are improved by steps on samples of them.

    Args:
        choices: of all genes.
        expected: the expected cost; None if the costs of samples take its place.
        targets: the largest costs allowed, one for each distribution.
        samples: architectures drawn from each distribution in a step.
        learning_rate: Adam's.
        generator: the only source of chance.
    """

    def __init__(
        self,
        choices: Choices,
        expected: ExpectedCost | None,
        targets: Sequence[float],
        *,
        samples: int,
        learning_rate: float,
        generator: "Generator",
    ) -> None:
        import torch

        self._choices, self._expected, self._samples, self._generator = choices, expected, samples, generator
        self._targets = torch.tensor(targets, dtype=torch.float64)
        self.logits = torch.zeros((len(targets), *choices.shape), dtype=torch.float64, requires_grad=True)
        self._adam = Adam(self.logits, learning_rate)
        self.prices = torch.zeros(len(targets), dtype=torch.float64)
        self._baseline: Tensor | None = None

    def draw(self) -> Genes:
        """Draw samples of each distribution: int8 [targets * samples, n_genes], canonical, those of a target together.

        The next ``step`` is of these samples.
        """
        with one_thread():
            self._perturbed = self._choices.perturb(self.logits, self._samples, self._generator)
            self._rows = self._choices.rows(self._perturbed)
        return self._rows

    def step(self, temperature: float, known: Known) -> None:
        """Improve logits and prices, by what is known of the samples drawn last; gradients pass at a temperature."""
        import torch

        with one_thread():
            soft = torch.softmax(self._perturbed / temperature, dim=-1)
            worth = self._reinforced(known.accuracy) if known.gains is None else self._through(soft, known.gains)
            relative = self._cost(soft, known) / self._targets
            (up,) = torch.autograd.grad(worth.sum(), self.logits, retain_graph=True)
            (down,) = torch.autograd.grad(relative.sum(), self.logits)
            excess = (relative.detach() - 1).clamp(max=1)
            steepness = down.abs().sum(dim=(1, 2))
            balance = torch.where(steepness > _FLAT, up.abs().sum(dim=(1, 2)) / steepness, 0.0)
            self.prices = torch.where(self.prices > 0, self.prices, balance)
            self._adam.step((self.prices * torch.exp(PRICE_STIFFNESS * excess))[:, None, None] * down - up)
            self.prices = self.prices * torch.exp(PRICE_RATE * excess)

    def _cost(self, soft: "Tensor", known: Known) -> "Tensor":
        """Return expected costs, or means of samples with their straight-through gradient: float64 [targets]."""
        import torch

        if self._expected:
            return self._expected(torch.softmax(self._choices.bar(self.logits), dim=-1))
        assert known.cost is not None
        assert known.rises is not None
        through = self._through(soft, known.rises)
        return torch.from_numpy(known.cost).view(len(through), -1).mean(dim=1) + through - through.detach()

    def _through(self, soft: "Tensor", values: NDArray[np.floating]) -> "Tensor":
        """Return a function of logits with the straight-through gradient of values of changes: float64 [targets]."""
        return (soft * self._choices.spread(values).view_as(soft)).sum(dim=(2, 3)).mean(dim=1)

    def _reinforced(self, accuracy: Floats) -> "Tensor":
        """Return a function of logits with the gradient of REINFORCE: float64 [targets]."""
        import torch

        reward = torch.from_numpy(accuracy).view(len(self._targets), -1)
        mean = reward.mean(dim=1, keepdim=True)
        self._baseline = mean if self._baseline is None else MEMORY * self._baseline + (1 - MEMORY) * mean
        return ((reward - self._baseline) * self._choices.log_likelihood(self.logits, self._rows)).mean(dim=1)
