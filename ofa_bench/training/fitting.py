"""Fits small accuracy predictors: those in the package, and those from a user's own data.

``distill``, ``tools/make_members.py`` and ``ofa_bench train`` train with it.
"""

import errno
import io
import json
import os
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
from ofa_bench.predictors.embedded import one_hot_columns
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Layers", "Student", "Training", "fit", "weights_of", "write_predictor"]

Layers = Sequence[tuple[NDArray[Any], NDArray[Any]]]
"""Weight [n_in, n_out] and bias [n_out] of each layer; of any precision."""


@dataclass(frozen=True)
class Training:
    """How ``fit`` trains: AdamW, whose learning rate falls along a half cosine over the epochs.

    ``average`` is how much of the moving average of weights a batch keeps.
    """

    hidden: Sequence[int]
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    average: float = 0.999


class Student:
    """A multi-layer perceptron in training, and the moving average of its weights, which is kept.

    Args:
        space: what it predicts for.
        hidden: units of each hidden layer.
        mean: of the accuracies (fractions of 1).
        std: their standard deviation; the network itself works in units of it.
        seed: of the first weights.
        average: how much of the average a step keeps.
    """

    def __init__(
        self, space: DesignSpace, hidden: Sequence[int], mean: float, std: float, seed: int, average: float = 0.999
    ) -> None:
        sizes = [int(space.cardinality.sum()), *hidden, 1]
        layers: list[torch.nn.Module] = []
        with torch.random.fork_rng():  # leaves the global random state as it was
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

    def wanted(self, accuracy: NDArray[np.float64]) -> torch.Tensor:
        """Return the target outputs of the network: accuracies (fractions of 1) in its own units, float32 [n]."""
        return torch.from_numpy(((accuracy - self.mean) / self.std).astype(np.float32))

    def step(self, optimizer: torch.optim.Optimizer, features: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Take one step of the optimiser on a batch, [n, n_features] and [n]; return the loss before it."""
        loss = torch.nn.functional.mse_loss(self.net(features)[:, 0], wanted)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        self.average.update_parameters(self.net)
        return loss

    def predictor(self) -> OneHotMLP:
        """Return the averaged weights as a predictor of accuracy (fraction of 1)."""
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
        space: of the architectures.
        genes: int8 [n, n_genes].
        accuracy: their labels (fractions of 1), float64 [n].
        training: widths, and how long and how fast it is trained.
        seed: of the first weights.
        rng: shuffles the architectures in each epoch.
    """
    mean, std = float(accuracy.mean()), float(accuracy.std()) or 1.0
    student = Student(space, training.hidden, mean, std, seed, training.average)
    features, wanted = student.features(genes), student.wanted(accuracy)
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


def weights_of(layers: Layers) -> bytes:
    """Return the content of a file of weights (``.npz``), which ``ofa_bench.predictors.weights`` reads."""
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
    """Write files of weights and their card, ``<name>.json``; make the folder.

    Args:
        folder: where.
        name: of the card.
        weights: layers, by the file's name without ``.npz``.
        card: describes them.
        others: further files, by their names.

    Raises:
        OSError: a file cannot be written, or a folder has its name; no file is changed then.
    """
    contents = {f"{stem}.npz": weights_of(layers) for stem, layers in weights.items()}
    contents |= {f"{name}.json": f"{json.dumps(card, indent=1)}\n".encode(), **(others or {})}
    _write(folder, contents)


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files that belong together: all of them to a temporary folder first, then each to its place."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in contents:
        if (folder / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
    with work_folder(folder) as place:
        for name, content in contents.items():
            append(place / name, content)
        for name in contents:
            (place / name).replace(folder / name)
