"""What each source of measurements says of an architecture: a Gaussian process, and networks on labels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from gaussian_process import Forms, Kernel, describe, fit_kernel, log_size, posterior
from measured_rows import Rows
from numpy.typing import NDArray

from ofa_bench.predictors import OneHotMLP
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.embedded import join_layers
from ofa_bench.spaces import Genes
from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["CENTRE", "MEMBERS", "SCALE", "SEEDS", "Width1", "fit_correction", "fit_networks"]

Floats = NDArray[np.float64]

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

    def fit(self, which: Any = slice(None)) -> Forms:
        """Return the mean and ``MEMBERS`` drawn functions after some of the rows, in points less ``CENTRE``."""
        known = (self.x[which], self.t[which], self.y[which])
        level = self.kernel.level_of(self.part[which])
        return posterior(self.kernel, known, self.variance[which], level, MEMBERS, seed=0).scaled(SCALE)

    def cross_validate(self, folds: int) -> Floats:
        """Return the mean and members of each row, from the other folds of architectures: percent [n, 1 + MEMBERS]."""
        fold = (np.random.default_rng(1).permutation(self.rows.block.max() + 1) % folds)[self.rows.block]
        found = np.zeros((len(self.rows), 1 + MEMBERS))
        for held in range(folds):
            out = torch.tensor(fold == held)
            found[out] = CENTRE + self.fit(~out)(self.x[out], self.t[out]).numpy()
        return found


def fit_correction(kernel: Kernel, rows: Rows, rest: Floats) -> Forms:
    """Fit what is left of measured accuracies (points) after another predictor: a constant and a Gaussian process.

    Returns:
        Its mean and ``MEMBERS`` drawn functions, in points.
    """
    x, zero = describe(rows.genes), torch.zeros(len(rows), dtype=torch.float64)
    noise = torch.tensor(1 / rows.repeats)
    inverse = torch.linalg.inv(AMPLITUDE**2 * kernel(x, zero, x, zero) + torch.diag(noise))
    y, one = torch.tensor(rest), torch.ones(len(rows), dtype=torch.float64)
    constant = float(one @ inverse @ y / (one @ inverse @ one))
    unit = float(((y - constant) @ inverse @ (y - constant) / len(rows)) ** 0.5)
    known = (x, zero, (y - constant) / unit)
    found = posterior(kernel, known, noise, None, MEMBERS, seed=1, amplitude=AMPLITUDE).scaled(unit)
    found.level[:, 0] += constant
    return found


def fit_networks(rows: Rows, space: MobileSpace, least: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Train ``SEEDS`` networks on labels, and return them beside each other: layers with one output for each.

    Below the smallest image size that has labels, they take any size for that one.
    """
    genes = rows.genes.copy()
    genes[:, 0] = np.searchsorted(space.resolutions, rows.size)
    made = [train(space, genes, rows.top1 / 100, seed) for seed in range(SEEDS)]
    sizes = one_hot_columns(space)["r"]
    for (weight, _), *_ in made:
        place = space.resolutions.index(least)
        weight[sizes[:place]] = weight[sizes[place]]
    *hidden, last = join_layers(made)
    return [*((weight.astype(np.float16), bias) for weight, bias in hidden), last]


SEEDS, HIDDEN, SAMPLES, BATCH, LEARNING_RATE, DECAY = 3, (64, 64), 3_500_000, 512, 3e-3, 0.1
"""Chosen by the error on other architectures near fronts."""


def train(
    space: MobileSpace, genes: Genes, accuracy: Floats, seed: int, hidden: Sequence[int] = HIDDEN
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Train a network on accuracies; on one thread, the same arguments give the same bytes.

    Args:
        space: the design space.
        genes: int8 [n, n_genes].
        accuracy: fractions of 1, float64 [n].
        seed: of the first weights and the order.
        hidden: units of each hidden layer.

    Returns:
        The weight [n_in, n_out] and bias [n_out] of each layer, averaged over the last steps.
    """
    wanted = accuracy[:, None]
    n_features = int(space.cardinality.sum())
    zero = [(np.zeros((n_features, 1), np.float32), np.zeros(1, np.float32))]
    encoder = OneHotMLP(space, one_hot_columns(space), zero, name="", sha256="")
    features = torch.from_numpy(encoder.features(genes)[:, :-1])
    mean, std = wanted.mean(axis=0), wanted.std(axis=0)
    targets = torch.tensor((wanted - mean) / std, dtype=torch.float32)
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
        steps = SAMPLES // BATCH
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, steps, pct_start=0.05, final_div_factor=1e3
        )
        order = torch.empty(0, dtype=torch.int64)
        for _ in range(steps):
            if len(order) < BATCH:
                order = torch.randperm(len(features))
            rows, order = order[:BATCH], order[BATCH:]
            loss = torch.nn.functional.mse_loss(network(features[rows]), targets[rows])
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
