"""Functions from architecture and image size to accuracy, by source of measurements, with their uncertainty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from gaussian_process import Kernel, Posterior, describe, fit_kernel, log_size
from measured_rows import Rows
from numpy.typing import NDArray
from torch import Tensor

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.embedded import one_hot_columns
from ofa_bench.spaces import Genes
from ofa_bench.spaces.mobile import MobileSpace

__all__ = [
    "MEMBERS",
    "SCALE",
    "Networks",
    "Teacher",
    "Width1",
    "fit_correction",
    "train",
]

Floats = NDArray[np.float64]
Sizes = NDArray[np.int64]
Teacher = Callable[[Genes, Sizes], Floats]
"""From int8 [n, n_genes] and pixels [n] to percent [n, 1 + MEMBERS]: the mean, and the members of an ensemble."""

MEMBERS = 8
CENTRE, SCALE = 75.0, 1.4
FOR_KERNEL = 700
"""How many of the noisier rows help to fit the kernel."""

AMPLITUDE = 300.0**0.5
"""The size of what the other sources do not explain, in standard deviations of a measurement; by cross-validation."""


class Width1:
    """The accuracy of OFA's MobileNetV3 of width 1.0: a Gaussian process on its measured rows.

    The kernel is fitted to half of the architectures; errors on the other half are of networks that it never saw.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.x, self.t = describe(rows.genes), log_size(rows.size)
        self.y = torch.tensor((rows.top1 - CENTRE) / SCALE)
        rng = np.random.default_rng(0)
        self.half = (rng.permutation(rows.block.max() + 1) % 2)[rows.block] == 0
        noisy = rng.permutation(np.flatnonzero(self.half & (rows.part > 0)))[:FOR_KERNEL]
        some = torch.tensor(np.concatenate([np.flatnonzero(self.half & (rows.part == 0)), noisy]))
        self.part, repeats = torch.tensor(rows.part), torch.tensor(rows.repeats)
        self.kernel = fit_kernel(*(values[some] for values in (self.x, self.t, self.y, self.part, repeats)))
        self.variance = self.kernel.noise_of(self.part, repeats)

    @property
    def noise(self) -> Floats:
        """Return the standard deviation of each row's measurement, with the level of its images: points, [n]."""
        level = (2 * self.kernel.level).exp() * (self.part > 0)
        return np.asarray(SCALE * (self.variance + level).sqrt().numpy())

    def fit(self, which: Tensor | slice = slice(None)) -> Teacher:
        """Return what is known after some of the rows."""
        known = (self.x[which], self.t[which], self.y[which], self.variance[which])
        level = self.kernel.level_of(self.part[which])
        posterior = Posterior(self.kernel, *known, level, samples=MEMBERS, seed=0)
        return lambda genes, sizes: CENTRE + SCALE * posterior(describe(genes), log_size(sizes)).numpy()

    def cross_validate(self, folds: int) -> Floats:
        """Return the mean and members of each row, from the other folds of architectures: [n, 1 + MEMBERS]."""
        fold = (np.random.default_rng(1).permutation(self.rows.block.max() + 1) % folds)[self.rows.block]
        found = np.zeros((len(self.rows), 1 + MEMBERS))
        for held in range(folds):
            out = fold == held
            found[out] = self.fit(torch.tensor(~out))(self.rows.genes[out], self.rows.size[out])
        return found


def fit_correction(kernel: Kernel, rows: Rows, rest: Floats) -> tuple[Posterior, float, float]:
    """Fit what is left of measured accuracies (points) after another predictor: a constant and a Gaussian process.

    Returns:
        The process over descriptions, in units of the third; the constant; and the standard deviation of a measurement.
    """
    x, zero = describe(rows.genes), torch.zeros(len(rows), dtype=torch.float64)
    noise = torch.tensor(1 / rows.repeats)
    inverse = torch.linalg.inv(AMPLITUDE**2 * kernel(x, zero, x, zero) + torch.diag(noise))
    y, one = torch.tensor(rest), torch.ones(len(rows), dtype=torch.float64)
    constant = float(one @ inverse @ y / (one @ inverse @ one))
    unit = float(((y - constant) @ inverse @ (y - constant) / len(rows)) ** 0.5)
    posterior = Posterior(kernel, x, zero, (y - constant) / unit, noise, None, MEMBERS, seed=1, amplitude=AMPLITUDE)
    return posterior, constant, unit


@dataclass(frozen=True)
class Networks:
    """Small networks that were trained on labels alike, but for their seeds."""

    space: MobileSpace
    networks: Sequence[OneHotMLP]

    def __call__(self, genes: Genes, sizes: Sizes) -> Floats:
        """Return the mean and each network's accuracy, percent: [n, 1 + networks]."""
        rows = genes.copy()
        rows[:, 0] = np.searchsorted(self.space.resolutions, sizes)
        found = np.stack([100 * network.accuracy(rows) for network in self.networks], 1)
        return np.column_stack([found.mean(1), found])

    @classmethod
    def fit(cls, rows: Rows, space: MobileSpace, seeds: int) -> "Networks":
        """Train networks on labels."""
        genes = rows.genes.copy()
        genes[:, 0] = np.searchsorted(space.resolutions, rows.size)
        made = [train(space, genes, rows.top1[:, None] / 100, np.ones(1), seed) for seed in range(seeds)]
        columns = one_hot_columns(space)
        return cls(space, [OneHotMLP(space, columns, layers, name="", sha256="") for layers in made])


HIDDEN, EPOCHS, BATCH, LEARNING_RATE, DECAY = (128, 128), 60, 512, 3e-3, 0.1
"""Chosen by the error on other architectures near fronts."""


def train(
    space: MobileSpace,
    genes: Genes,
    wanted: Floats,
    weights: Floats,
    seed: int,
    hidden: Sequence[int] = HIDDEN,
    samples: int = EPOCHS * 58_000,
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Train a network on accuracies; on one thread, the same arguments give the same bytes.

    Args:
        space: the design space.
        genes: int8 [n, n_genes].
        wanted: outputs, fractions of 1, float64 [n, m].
        weights: of each output's squared error, in units of its deviation, float64 [m].
        seed: of the first weights and the order.
        hidden: units of each hidden layer.
        samples: the number of rows that it sees in all.

    Returns:
        The weight [n_in, n_out] and bias [n_out] of each layer, averaged over the last steps.
    """
    n_features = int(space.cardinality.sum())
    zero = [(np.zeros((n_features, 1), np.float32), np.zeros(1, np.float32))]
    encoder = OneHotMLP(space, one_hot_columns(space), zero, name="", sha256="")
    features = torch.from_numpy(encoder.features(genes)[:, :-1])
    mean, std = wanted.mean(axis=0), wanted.std(axis=0)
    targets = torch.tensor((wanted - mean) / std, dtype=torch.float32)
    share = torch.tensor(weights, dtype=torch.float32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sizes = [n_features, *hidden, wanted.shape[1]]
        linear = [torch.nn.Linear(before, after) for before, after in pairwise(sizes)]
        layers = [part for one in linear for part in (one, torch.nn.ReLU())][:-1]
        network = torch.nn.Sequential(*layers)
        average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999)
        )
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=DECAY)
        steps = samples // BATCH
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, steps, pct_start=0.05, final_div_factor=1e3
        )
        order = torch.empty(0, dtype=torch.int64)
        for _ in range(steps):
            if len(order) < BATCH:
                order = torch.randperm(len(features))
            rows, order = order[:BATCH], order[BATCH:]
            loss = (((network(features[rows]) - targets[rows]) ** 2).mean(0) * share).sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
    averaged = [one for one in average.module.modules() if isinstance(one, torch.nn.Linear)]
    made = [(one.weight.detach().numpy().T.copy(), one.bias.detach().numpy().copy()) for one in averaged]
    weight, bias = made[-1]
    made[-1] = ((weight * std).astype(np.float32), (bias * std + mean).astype(np.float32))
    return made
