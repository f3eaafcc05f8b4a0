"""Make the members of ``predictors/members``: ``python -m ofa_bench.data.make_members`` (a minute a member and space).

A member is a small network fitted to the official predictor's accuracies of random architectures, as many as OFA had
when it fitted that predictor to measured ones (Cai et al., arXiv 1908.09791, section 3.4). It has never seen what a
search finds. Members differ in their architectures and first weights: what they say of a winner differs from what the
official predictor says as another predictor of the true accuracies might, had it been fitted like OFA's.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ofa_bench.config import load_space
from ofa_bench.distill import Student
from ofa_bench.predictors import AccuracyPredictor, embedded_predictor, official_predictor
from ofa_bench.predictors.embedded import MEMBERS
from ofa_bench.spaces import DesignSpace

__all__ = ["main"]

FOLDER = Path(__file__).parent / "predictors" / "members"

LABELS = 16_000
HELD_BACK = 20_000
HIDDEN = (128, 128)
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 150, 256, 2e-3, 1.0
"""These were chosen by the error on other random architectures, never by what is said of winners."""


def trained(space: DesignSpace, number: int) -> list[tuple[Any, Any]]:
    """Train a member; give its layers, weight [n_in, n_out] (float16, but for the last one's) and bias [n_out]."""
    rng = np.random.default_rng([number, 16])
    genes = space.sample(LABELS, rng)
    labels = official_predictor(space).accuracy(genes)
    student = Student(space, HIDDEN, float(labels.mean()), float(labels.std()), number)
    features = torch.from_numpy(student.features(genes))
    wanted = torch.from_numpy(((labels - student.mean) / student.std).astype(np.float32))
    optimizer = torch.optim.AdamW(student.net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.from_numpy(rng.permutation(LABELS)).split(BATCH):  # type: ignore[no-untyped-call]
            loss = torch.nn.functional.mse_loss(student.net(features[rows])[:, 0], wanted[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            student.average.update_parameters(student.net)
        schedule.step()
    *hidden, last = student.predictor().layers
    return [*((weight.astype(np.float16), bias) for weight, bias in hidden), last]


def error(space: DesignSpace, member: AccuracyPredictor) -> float:
    """Give the root mean square difference from the official predictor on other random architectures, in points."""
    genes = space.sample(HELD_BACK, np.random.default_rng(99))
    return float(100 * np.sqrt(np.mean((member.accuracy(genes) - official_predictor(space).accuracy(genes)) ** 2)))


def main() -> None:
    """Write the weights of each and a card for each space."""
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in ("mbv3", "resnet50d"):
        space = load_space(name)
        errors = []
        for number in range(1, MEMBERS + 1):
            arrays: dict[str, Any] = {}
            for i, (weight, bias) in enumerate(trained(space, number)):
                arrays |= {f"weight{i}": weight, f"bias{i}": bias}
            np.savez_compressed(FOLDER / f"{name}_{number}.npz", **arrays)
            errors.append(round(error(space, embedded_predictor(space, number)), 4))
            print(name, number, errors[-1], flush=True)
        card = {
            "title": f"Members: accuracy predictors of space {name} to judge winners of other predictors",
            "note": "Fitted to official accuracies of random architectures; they have seen no search's findings",
            "teacher_sha256": official_predictor(space).sha256,
            "hidden": HIDDEN,
            "labels": LABELS,
            "training": {
                "epochs": EPOCHS,
                "batch": BATCH,
                "learning_rate": LEARNING_RATE,
                "weight_decay": WEIGHT_DECAY,
            },
            "made_by": "python -m ofa_bench.data.make_members",
            "date": date.today().isoformat(),
            "rmse_on_other_random_architectures": errors,
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
