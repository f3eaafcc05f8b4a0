"""Writes the members of ``predictors/members``: ``python tools/make_members.py`` (a minute a member and space).

A member is a small network that is fitted to the official predictor's accuracies of random architectures, as many as
OFA measured to fit that predictor (Cai et al., arXiv 1908.09791, section 3.4). It has never seen the results of a
search. Members differ in their training architectures and first weights. A search on a member is like one on OFA's
predictor of measured accuracies, but the truth is known: it is the official predictor.
"""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import torch

import ofa_bench
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import OneHotMLP, official_predictor
from ofa_bench.predictors.columns import one_hot_columns
from ofa_bench.predictors.embedded import MEMBERS
from ofa_bench.spaces import DesignSpace
from ofa_bench.training.fitting import Layers, Training, fit, write_predictor

__all__ = ["main"]

FOLDER = Path(ofa_bench.__file__).parent / "data" / "predictors" / "members"

LABELS = 16_000
HELD_BACK = 20_000
TRAINING = Training(hidden=(128, 128), epochs=150, batch=256, learning_rate=2e-3, weight_decay=1.0)
"""Chosen by the error on other random architectures, never by the accuracies of winners."""


def train(space: DesignSpace, number: int) -> Layers:
    """Train a member; return each layer's weight [n_in, n_out] (float16 except in the last layer) and bias [n_out]."""
    rng = np.random.default_rng([number, 16])
    genes = space.sample(LABELS, rng)
    labels = official_predictor(space).accuracy(genes)
    *hidden, last = fit(space, genes, labels, TRAINING, seed=number, rng=rng).layers
    return [*((weight.astype(np.float16), bias) for weight, bias in hidden), last]


def compute_error(space: DesignSpace, layers: Layers) -> float:
    """Return the root mean square difference from the official predictor on other random architectures, in points."""
    exact = [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]
    member = OneHotMLP(space, one_hot_columns(space), exact, name="member", sha256="")
    genes = space.sample(HELD_BACK, np.random.default_rng(99))
    return float(100 * np.sqrt(np.mean((member.accuracy(genes) - official_predictor(space).accuracy(genes)) ** 2)))


def main() -> None:
    """Write the weights of all members, and a card for each space."""
    torch.set_num_threads(1)
    for name in ("mbv3", "resnet50d"):
        space = load_space(name)
        members, errors = dict[str, Layers](), []
        for number in range(1, MEMBERS + 1):
            layers = train(space, number)
            members[f"{name}_{number}"] = layers
            errors.append(round(compute_error(space, layers), 4))
            print(name, number, errors[-1], flush=True)
        how = asdict(TRAINING)
        del how["average"]
        card = {
            "title": f"Members: small accuracy predictors of space {name}, fitted to the official one",
            "note": "Fitted to official accuracies of random architectures; they have seen no search's findings",
            "coverage": {
                "labels": "accuracies by the official predictor, the teacher, of random architectures (each gene "
                "uniform): they have every choice of every gene",
                "unlabelled": {},
            },
            "teacher": {"name": "official", "sha256": official_predictor(space).sha256},
            "hidden": how.pop("hidden"),
            "labels": LABELS,
            "training": how,
            "made_by": "python tools/make_members.py",
            "date": date.today().isoformat(),
            "rmse_on_other_random_architectures": errors,
        }
        write_predictor(FOLDER, name, members, card)


if __name__ == "__main__":
    main()
