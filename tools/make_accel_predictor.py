"""Writes ``predictors/measured/accel_nasbench``: ``python tools/make_accel_predictor.py`` (a minute on one core).

It reads the measured accuracies in ``ofa_bench/data``, trains an ensemble of small networks on them, and computes its
errors on networks that were held out. On one thread, the files are the same to the byte.
"""

import json
from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import torch
from make_measured_predictors import OUT, calibrate
from measured_rows import Rows
from numpy.typing import NDArray

from ofa_bench import data
from ofa_bench.predictors import EnsemblePredictor
from ofa_bench.predictors.accuracy import Layer
from ofa_bench.predictors.embedded import join_layers
from ofa_bench.spaces import AccelNASBenchSpace
from ofa_bench.training.fitting import Training, fit, pack_weights

__all__ = ["main"]

Floats = NDArray[np.float64]

SPACE = AccelNASBenchSpace()
FOLDS, MEMBERS = 5, 4
TRAINING = Training(hidden=(64, 64), epochs=60, batch=128, learning_rate=3e-3, weight_decay=0.1, average=0.99)
"""Chosen by the error on held-out networks: a quadratic form of all pairs of choices has an R² of 0.981 there."""


def main() -> None:
    """Write the weights and the card."""
    torch.set_num_threads(1)
    rows = read_rows()
    fold = np.random.default_rng(1).permutation(len(rows)) % FOLDS
    found = np.zeros((len(rows), 2))
    for number in range(FOLDS):
        held = fold == number
        found[held] = predict(train(rows.take(~held)), rows.take(held))
    noise = np.zeros(len(rows))
    known = calibrate(rows, found[:, 0], found[:, 1], noise, f"all networks, {FOLDS} folds")
    r2 = 1 - ((found[:, 0] - rows.top1) ** 2).mean() / rows.top1.var()
    name = f"{SPACE.name}.npz"
    (OUT / name).write_bytes(pack_weights(train(rows)))
    about = {
        "networks": name,
        "forms": None,
        "shift": 0.0,
        "sources": [SPACE.name],
        "unlabelled": {},
        "uncertainty": {"factor": round(known.factor, 4), "floor": round(known.floor, 4)},
        "held_out": {**known.about, "r2": round(float(r2), 4)},
    }
    card = {
        "title": f"Accuracy predictor of space {SPACE.name}, fitted to all networks that were trained",
        "note": "Predictions of ImageNet top-1 accuracy after a shortened training, as that of the networks of "
        "Accel-NASBench. Not a measurement: R² on held-out networks is in held_out, whose errors are in points. "
        "uncertainty: the root of floor (points) squared and factor squared times the variance of the members; the "
        "noise of one training is in it",
        "made_by": "python tools/make_accel_predictor.py",
        "space": SPACE.name,
        "all": about,
        "by_source": {SPACE.name: about},
        "files_sha256": {name: sha256((OUT / name).read_bytes()).hexdigest()},
        "data_sha256": {
            f"measured/{SPACE.name}.csv.xz": sha256(
                (data.FOLDER / "measured" / f"{SPACE.name}.csv.xz").read_bytes()
            ).hexdigest()
        },
    }
    (OUT / f"{SPACE.name}.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card, indent=1))


def read_rows() -> Rows:
    """Return the distinct networks; the accuracy of one that was trained twice is the mean."""
    table = data.measured(SPACE.name)
    genes = np.stack([SPACE.from_ofa(architecture) for architecture in table["architecture"]])
    distinct, place, counts = np.unique(genes, axis=0, return_inverse=True, return_counts=True)
    means = np.bincount(place.ravel(), table["top1"]) / counts
    number, none = np.arange(len(distinct)), np.zeros(len(distinct), int)
    return Rows(distinct, none, none, means, counts.astype(float), number)


def train(rows: Rows) -> Sequence[Layer]:
    """Return networks that are trained on the same rows, beside each other; weights between layers in float16."""
    made = [
        fit(SPACE, rows.genes, rows.top1 / 100, TRAINING, seed=seed, rng=np.random.default_rng(seed)).layers
        for seed in range(MEMBERS)
    ]
    *hidden, last = join_layers(made)
    return [*((weight.astype(np.float16), bias) for weight, bias in hidden), last]


def predict(networks: Sequence[Layer], rows: Rows) -> Floats:
    """Return predictions (percent) and the sums of squared deviations of members (points²): [n, 2]."""
    layers = [(weight.astype(np.float32), bias) for weight, bias in networks]
    width = int(SPACE.cardinality.sum())
    forms, shares = np.zeros((1, width, width), np.float32), np.ones(1, np.float32)
    one = EnsemblePredictor(SPACE, layers, forms, shares, factor=1.0, floor=0.0, name="", sha256="")
    return np.column_stack([100 * one.accuracy(rows.genes), (100 * one.uncertainty(rows.genes)) ** 2])


if __name__ == "__main__":
    main()
