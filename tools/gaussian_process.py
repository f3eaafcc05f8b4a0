"""A Gaussian process over OFA's MobileNetV3 architectures: main effects and their products.

An architecture is a vector of 90 numbers: for each block, whether it exists and the linear and middle contrasts of its
kernel and expand ratio. The kernel is that of Bayesian linear regression on these, each with its own scale, plus the
square of another for products of two effects; image size adds a cubic polynomial and scales main effects (Rasmussen &
Williams, 2006, sections 2.1, 2.2 and 4.2.2). So each function is a quadratic form, and is known by its weights.
Posterior functions are drawn by Matheron's rule (Wilson et al., ICML 2020).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.forms import contrasts
from ofa_bench.spaces import Genes, MobileNetV3Space

__all__ = ["Forms", "Kernel", "describe", "fit_kernel", "log_size", "posterior"]

SPACE = MobileNetV3Space()
NONE = (np.zeros((int(SPACE.cardinality.sum()), 1), np.float32), np.zeros(1, np.float32))
ENCODER = OneHotMLP(SPACE, one_hot_columns(SPACE), [NONE], name="", sha256="")
STEPS, RATE = 150, 0.08


def describe(genes: Genes) -> Tensor:
    """Return the numbers that describe architectures of MobileNetV3, whatever their image size: float64 [n, 90]."""
    return torch.tensor(ENCODER.features(genes)[:, :-1] @ contrasts(SPACE))


def log_size(sizes: NDArray[np.integer]) -> Tensor:
    """Return the logarithm of image sizes in pixels, 0 at 224 and 1 at 128: float64 [n]."""
    return torch.tensor(np.log(sizes / 224) / np.log(128 / 224))


class Kernel(torch.nn.Module):
    """The covariance of accuracies (unit: ``SCALE`` points); all parameters are logarithms of standard deviations."""

    def __init__(self, width: int) -> None:
        super().__init__()
        parameter = torch.nn.Parameter
        self.constant = parameter(torch.tensor(0.0, dtype=torch.float64))
        self.main = parameter(torch.full((width,), -1.5, dtype=torch.float64))
        self.product = parameter(torch.full((width,), -2.5, dtype=torch.float64))
        self.size = parameter(torch.tensor([1.0, 0.0, 0.0, -1.0], dtype=torch.float64))
        self.noise = parameter(torch.tensor([-4.0, -2.0], dtype=torch.float64))
        self.level = parameter(torch.tensor(-2.0, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """Return the covariance of architectures (x, with log sizes t) and others (y, u): [n, m]."""
        main = (x * self.main.exp()) @ (y * self.main.exp()).T
        product = ((x * self.product.exp()) @ (y * self.product.exp()).T) ** 2
        size, both = (2 * self.size).exp(), t[:, None] * u
        of_size = size[0] * both + size[1] * both**2 + size[2] * both**3 + size[3] * both * main
        return (2 * self.constant).exp() + main + product + of_size

    def noise_of(self, part: Tensor, repeats: Tensor) -> Tensor:
        """Return the variance of measurements on parts (int64 [n], 0: all images) for so many repeats: [n]."""
        return (2 * self.noise).exp()[(part > 0).long()] / repeats + 1e-6

    def level_of(self, part: Tensor) -> Tensor:
        """Return the covariance of measurements by the level of the images of a part, [n, n]."""
        same = (part[:, None] == part) & (part > 0)
        return (2 * self.level).exp() * same

    def draw(self, samples: int, generator: torch.Generator) -> "Forms":
        """Return functions that are drawn from the prior."""
        width = len(self.main)

        def normal(*shape: int) -> Tensor:
            return torch.randn(samples, *shape, dtype=torch.float64, generator=generator)

        scale, size = self.product.exp(), self.size.exp()
        level = torch.cat([self.constant.exp() * normal(1), size[:3] * normal(3)], 1)
        line = torch.stack([self.main.exp() * normal(width), size[3] * self.main.exp() * normal(width)], 1)
        return Forms(scale[:, None] * normal(width, width) * scale, line, level)

    def combine(self, x: Tensor, t: Tensor, weights: Tensor) -> "Forms":
        """Return the functions that are sums of covariances with architectures, with weights [n, functions]."""
        variance, scaled = (2 * self.main).exp(), x * (2 * self.product).exp()
        powers = torch.stack([t**power for power in range(4)])
        amplitudes = torch.cat([(2 * self.constant).exp()[None], (2 * self.size[:3]).exp()])
        lines = torch.stack([weights.T @ x, (2 * self.size[3]).exp() * (weights * t[:, None]).T @ x], 1)
        square = torch.stack([scaled.T @ (one[:, None] * scaled) for one in weights.T])
        return Forms(square, variance * lines, (powers @ weights).T * amplitudes)


@dataclass(frozen=True)
class Forms:
    """Functions of architectures: ``x' square x + (line[0] + t line[1]) x + level[0] + ... + level[3] t³``.

    ``square`` is float64 [functions, width, width], ``line`` [functions, 2, width] and ``level`` [functions, 4].
    """

    square: Tensor
    line: Tensor
    level: Tensor

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the values at architectures, [n, functions]."""
        products = torch.cat([x[:, :0], *(((x @ one) * x).sum(1, keepdim=True) for one in self.square)], 1)
        lines = x @ self.line[:, 0].T + t[:, None] * (x @ self.line[:, 1].T)
        return products + lines + torch.stack([t**power for power in range(4)], 1) @ self.level.T

    def scaled(self, factor: float) -> "Forms":
        """Return the functions times a factor."""
        return Forms(factor * self.square, factor * self.line, factor * self.level)

    def plus(self, other: "Forms") -> "Forms":
        """Return the sums of these functions and others, one by one."""
        return Forms(self.square + other.square, self.line + other.line, self.level + other.level)


def fit_kernel(x: Tensor, t: Tensor, y: Tensor, part: Tensor, repeats: Tensor) -> Kernel:
    """Return the kernel with the greatest likelihood of accuracies.

    Args:
        x: descriptions, [n, width].
        t: log sizes, [n].
        y: accuracies, [n], centred, in units of their standard deviation.
        part: of the images that each was measured on, int64 [n]; 0 for all.
        repeats: how many measurements each is the mean of, [n].
    """
    kernel = Kernel(x.shape[1])
    optimizer = torch.optim.Adam(kernel.parameters(), lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        covariance = kernel(x, t, x, t) + kernel.level_of(part) + torch.diag(kernel.noise_of(part, repeats))
        root = torch.linalg.cholesky(covariance)
        loss = y @ torch.cholesky_solve(y[:, None], root)[:, 0] / 2 + root.diagonal().log().sum()
        torch.autograd.backward(loss)
        optimizer.step()
    return kernel.requires_grad_(requires_grad=False)


def posterior(
    kernel: Kernel,
    known: tuple[Tensor, Tensor, Tensor],
    noise: Tensor,
    level: Tensor | None,
    samples: int,
    seed: int,
    amplitude: float = 1.0,
) -> Forms:
    """Return the mean of the functions that a prior allows after measurements, and some of them, drawn at random.

    Args:
        kernel: of the prior.
        known: descriptions of the measured architectures [n, width], their log sizes [n] and accuracies [n].
        noise: the variance of each measurement, [n].
        level: their covariance by what they were measured on, [n, n]; None for none.
        samples: the number of functions to draw.
        seed: of the draws.
        amplitude: by which functions of the prior are multiplied.
    """
    x, t, y = known
    generator = torch.Generator().manual_seed(seed)
    prior = kernel.draw(samples, generator).scaled(amplitude)
    error = torch.diag(noise) if level is None else torch.diag(noise) + level
    root = torch.linalg.cholesky(amplitude**2 * kernel(x, t, x, t) + error)
    normal = torch.randn(samples, len(y), dtype=torch.float64, generator=generator)
    errors = normal @ torch.linalg.cholesky(error).T
    left = torch.column_stack([y, y[:, None] - prior(x, t) - errors.T])
    found = kernel.combine(x, t, torch.cholesky_solve(left, root)).scaled(amplitude**2)
    drawn = (
        torch.cat([torch.zeros_like(of_mean[:1]), values])
        for of_mean, values in zip(vars(found).values(), vars(prior).values(), strict=True)
    )
    return found.plus(Forms(*drawn))
