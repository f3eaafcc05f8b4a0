"""A Gaussian process over OFA's MobileNetV3 architectures: main effects, their products, and a smooth rest.

An architecture is a vector of 90 numbers: for each block, whether it exists and the linear and middle contrasts of its
kernel and expand ratio. The kernel is that of Bayesian linear regression on these (each with its own scale), plus its
square for products of two effects, plus a squared exponential; image size adds a cubic polynomial and scales the main
effects (Rasmussen & Williams, 2006, sections 2.2 and 5.4.1). Posterior functions are drawn by Matheron's rule (Wilson
et al., ICML 2020).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ofa_bench.spaces import Genes, MobileNetV3Space
from ofa_bench.spaces.mobile import EXPANDS, KERNELS

__all__ = ["Kernel", "Posterior", "describe", "fit_kernel", "log_size"]

Floats = NDArray[np.float64]

SPACE = MobileNetV3Space()
STEPS, RATE = 150, 0.08
FREQUENCIES = 1024


def describe(genes: Genes) -> Tensor:
    """Return the numbers that describe architectures of MobileNetV3, whatever their image size: float64 [n, 90]."""
    active, columns = SPACE.active(genes), list[Floats]()
    for i, gene in enumerate(SPACE.genes):
        if gene.name[0] not in "ke":
            continue
        exists = active[:, i].astype(float)
        if gene.name[0] == "k" and gene.active_from:
            columns.append(2 * exists - 1)
        choices = np.array(KERNELS if gene.name[0] == "k" else EXPANDS, float)
        middle = np.array([-1, 2, -1]) / 3
        line = (choices - choices.mean()) / np.ptp(choices) * 2
        columns += [exists * line[genes[:, i]], exists * middle[genes[:, i]]]
    return torch.tensor(np.stack(columns, axis=1))


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
        self.smooth = parameter(torch.full((width,), -2.0, dtype=torch.float64))
        self.rest = parameter(torch.tensor(-2.0, dtype=torch.float64))
        self.size = parameter(torch.tensor([1.0, 0.0, 0.0, -1.0], dtype=torch.float64))
        self.noise = parameter(torch.tensor([-4.0, -2.0], dtype=torch.float64))
        self.level = parameter(torch.tensor(-2.0, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, y: Tensor, u: Tensor) -> Tensor:
        """Return the covariance of architectures (x, with log sizes t) and others (y, u): [n, m]."""
        main = (x * self.main.exp()) @ (y * self.main.exp()).T
        product = ((x * self.product.exp()) @ (y * self.product.exp()).T) ** 2
        a, b = x * self.smooth.exp(), y * self.smooth.exp()
        distance = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        size, both = (2 * self.size).exp(), t[:, None] * u
        of_size = size[0] * both + size[1] * both**2 + size[2] * both**3 + size[3] * both * main
        smooth = (2 * self.rest).exp() * torch.exp(-distance.clamp(min=0) / 2)
        return (2 * self.constant).exp() + main + product + smooth + of_size

    def noise_of(self, part: Tensor, repeats: Tensor) -> Tensor:
        """Return the variance of measurements on parts (int64 [n], 0: all images) for so many repeats: [n]."""
        return (2 * self.noise).exp()[(part > 0).long()] / repeats + 1e-6

    def level_of(self, part: Tensor) -> Tensor:
        """Return the covariance of measurements by the level of the images of a part, [n, n]."""
        same = (part[:, None] == part) & (part > 0)
        return (2 * self.level).exp() * same

    def draw(self, generator: torch.Generator) -> Callable[[Tensor, Tensor], Tensor]:
        """Return a function that is drawn from the prior: of [n, width] and [n] to [n]."""
        width = len(self.main)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, dtype=torch.float64, generator=generator)

        constant, main, product, of_size = normal(1), normal(2, width), normal(width, width), normal(3)
        waves, weights = normal(FREQUENCIES, width), normal(FREQUENCIES) * (2 / FREQUENCIES) ** 0.5
        phases = 2 * torch.pi * torch.rand(FREQUENCIES, dtype=torch.float64, generator=generator)

        def drawn(x: Tensor, t: Tensor) -> Tensor:
            size, a, b = self.size.exp(), x * self.main.exp(), x * self.product.exp()
            line, square = a @ main.T, ((b @ product) * b).sum(1)
            smooth = torch.cos((x * self.smooth.exp()) @ waves.T + phases) @ weights
            polynomial = sum(size[i] * of_size[i] * t ** (i + 1) for i in range(3))
            of_blocks = self.constant.exp() * constant + line[:, 0] + square + self.rest.exp() * smooth
            return of_blocks + polynomial + size[3] * t * line[:, 1]

        return drawn


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


class Posterior:
    """The functions that a prior allows after accuracies were seen: their mean, and some drawn at random.

    Args:
        kernel: of the prior.
        x: descriptions of the architectures that were measured, [n, width].
        t: their log sizes, [n].
        y: their accuracies, [n].
        noise: the variance of each, [n].
        level: their covariance by what they were measured on, [n, n]; None for none.
        samples: the number of functions to draw.
        seed: of the draws.
        amplitude: by which functions of the prior are multiplied.
    """

    def __init__(
        self,
        kernel: Kernel,
        x: Tensor,
        t: Tensor,
        y: Tensor,
        noise: Tensor,
        level: Tensor | None,
        samples: int,
        seed: int,
        amplitude: float = 1.0,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.kernel, self.x, self.t, self.amplitude = kernel, x, t, amplitude
        self.drawn = [kernel.draw(generator) for _ in range(samples)]
        error = torch.diag(noise) if level is None else torch.diag(noise) + level
        self.root = torch.linalg.cholesky(amplitude**2 * kernel(x, t, x, t) + error)
        normal = torch.randn(samples, len(y), dtype=torch.float64, generator=generator)
        errors = normal @ torch.linalg.cholesky(error).T
        left = [y, *(y - amplitude * draw(x, t) - off for draw, off in zip(self.drawn, errors, strict=True))]
        self.weights = torch.cholesky_solve(torch.stack(left, 1), self.root)

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the mean and the drawn functions at other architectures: [n, 1 + samples]."""
        parts = []
        for rows, sizes in zip(x.split(2000), t.split(2000), strict=True):
            found = self.amplitude**2 * self.kernel(rows, sizes, self.x, self.t) @ self.weights
            for i, draw in enumerate(self.drawn, start=1):
                found[:, i] += self.amplitude * draw(rows, sizes)
            parts.append(found)
        return torch.cat(parts)
