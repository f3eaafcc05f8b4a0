"""Trains small neural networks as accuracy predictors, and writes their files."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ofa_bench.files.writing import append, work_folder
from ofa_bench.predictors.accuracy import OneHotMLP
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Layers", "Student", "Training", "fit", "pack_weights", "write_predictor"]

Layers = Sequence[tuple[NDArray[Any], NDArray[Any]]]
"""The weight [n_in, n_out] and bias [n_out] of each layer, of any precision."""


@dataclass(frozen=True)
class Training:
    """The settings of ``fit``: AdamW, with a learning rate that falls along a half cosine over the epochs.

    ``average`` is the decay of the moving average of weights.
    """

    hidden: Sequence[int]
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    average: float = 0.999


class Student:
    """A multi-layer perceptron in training, and the moving average of its weights.

    Args:
        space: the design space.
        hidden: units of each hidden layer.
        mean: mean of the accuracies (fractions of 1).
        std: their standard deviation, the unit of the network's output.
        seed: seed of the first weights.
        average: decay of the moving average.
    """

    def __init__(
        self, space: DesignSpace, hidden: Sequence[int], mean: float, std: float, seed: int, average: float = 0.999
    ) -> None:
        sizes = [int(space.cardinality.sum()), *hidden, 1]
        layers: list[torch.nn.Module] = []
        with torch.random.fork_rng():  # restores the global random state
            torch.manual_seed(seed)
            for before, after in pairwise(sizes):
                layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        self.space, self.mean, self.std = space, mean, std
        self.net = torch.nn.Sequential(*layers[:-1])
        self.average = torch.optim.swa_utils.AveragedModel(
            self.net,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(average),  # type: ignore[no-untyped-call]
        )
        self._encoder = self.predictor()

    def features(self, genes: Genes) -> torch.Tensor:
        """Return the input of the network: one-hot features, float32 [n, n_features]."""
        return torch.from_numpy(self._encoder.features(genes)[:, :-1])

    def standardise(self, accuracy: NDArray[np.float64]) -> torch.Tensor:
        """Return the target outputs of the network for accuracies (fractions of 1): float32 [n]."""
        return torch.from_numpy(((accuracy - self.mean) / self.std).astype(np.float32))

    def step(self, optimizer: torch.optim.Optimizer, features: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Run one step of the optimiser on a batch, [n, n_features] and [n]; return the loss before it."""
        loss = torch.nn.functional.mse_loss(self.net(features)[:, 0], wanted)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        self.average.update_parameters(self.net)
        return loss

    def predictor(self) -> OneHotMLP:
        """Return a predictor of accuracy (a fraction of 1) with the averaged weights."""
        linear = [module for module in self.average.module.modules() if isinstance(module, torch.nn.Linear)]
        layers = [(m.weight.detach().numpy().T.copy(), m.bias.detach().numpy().copy()) for m in linear]
        weight, bias = layers[-1]
        layers[-1] = (weight * np.float32(self.std), bias * np.float32(self.std) + np.float32(self.mean))
        return OneHotMLP(self.space, one_hot_columns(self.space), layers, name="student", sha256="")


def fit(
    space: DesignSpace,
    genes: Genes,
    accuracy: NDArray[np.float64],
    training: Training,
    *,
    seed: int,
    rng: np.random.Generator,
) -> OneHotMLP:
    """Return a network that is trained on labelled architectures.

    On one thread, the same arguments give the same bytes.

    Args:
        space: the design space.
        genes: int8 [n, n_genes].
        accuracy: their labels (fractions of 1), float64 [n].
        training: the settings.
        seed: seed of the first weights.
        rng: shuffles the architectures in each epoch.
    """
    mean, std = float(accuracy.mean()), float(accuracy.std()) or 1.0
    student = Student(space, training.hidden, mean, std, seed, training.average)
    features, wanted = student.features(genes), student.standardise(accuracy)
    optimizer = torch.optim.AdamW(
        student.net.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.epochs)
    for _ in range(training.epochs):
        order = torch.from_numpy(rng.permutation(len(genes)))
        for rows in order.split(training.batch):  # type: ignore[no-untyped-call]
            student.step(optimizer, features[rows], wanted[rows])
        schedule.step()
    return student.predictor()


def pack_weights(layers: Layers) -> bytes:
    """Return the content of a weights file (``.npz``), as ``ofa_bench.predictors.weights`` reads it."""
    arrays: dict[str, Any] = {}
    for i, (weight, bias) in enumerate(layers):
        arrays |= {f"weight{i}": weight, f"bias{i}": bias}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def write_predictor(
    folder: Path,
    name: str,
    weights: Mapping[str, Layers],
    card: Mapping[str, Any],
    others: Mapping[str, bytes] | None = None,
) -> None:
    """Write weights files and their card, ``<name>.json``; create the folder.

    Args:
        folder: the folder.
        name: the name of the card.
        weights: layers, by file name without ``.npz``.
        card: the card.
        others: further files, by name.

    Raises:
        OSError: a file cannot be written.
    """
    contents = {f"{stem}.npz": pack_weights(layers) for stem, layers in weights.items()}
    contents |= {f"{name}.json": f"{json.dumps(card, indent=1)}\n".encode(), **(others or {})}
    folder.mkdir(parents=True, exist_ok=True)
    with work_folder(folder) as place:
        for name, content in contents.items():
            append(place / name, content)
        for name in contents:
            (place / name).replace(folder / name)
