"""Trains an accuracy predictor on pairs, cross-validates it, and writes it with its card and figure."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.figures.training import validation_figure
from ofa_bench.errors import InputError
from ofa_bench.predictors.coverage import find_rare, find_unlabelled, labelled_choices
from ofa_bench.spaces import DesignSpace
from ofa_bench.training.fitting import write_predictor
from ofa_bench.training.pairs import Pairs
from ofa_bench.training.validation import (
    Predictions,
    Trainer,
    compute_errors,
    count_trainings,
    cross_validate,
    fit_share,
    predict_held_out,
)

__all__ = ["train_on_pairs"]

NOTE = (
    "Errors are in percentage points, on the accuracies of pairs that were held out of the training. They include the "
    "noise of these accuracies, and apply to architectures like these, not to those that a search finds"
)

NOISE = (
    "An accuracy a that was measured on k images has a standard error of sqrt(a (1 - a) / k): 0.19 points on 50,000, "
    "0.43 on 10,000, 0.97 on 2,000 images (a = 0.75). If each was measured on different images, no smaller rmse can be "
    "expected; if all were measured on the same images, as by ofa_bench collect, their differences have less noise"
)


def train_on_pairs(
    space: DesignSpace,
    pairs: Pairs,
    out: Path,
    *,
    hidden: Sequence[int],
    folds: int,
    epochs: int,
    seed: int,
    threads: int,
    made_by: str,
) -> dict[str, Any]:
    """Train, cross-validate and write a predictor; return its card.

    Args:
        space: the design space.
        pairs: the pairs.
        out: the folder for ``<space>.npz``, ``<space>.json`` and ``<space>.png``.
        hidden: units of each hidden layer.
        folds: folds of the cross-validation.
        epochs: epochs of each training; 0 for a number that suits the pairs.
        seed: seed of all random choices. On one thread, the same seed gives the same weights to the byte.
        threads: threads of torch and NumPy.
        made_by: the command, for the card.

    Raises:
        InputError: there are fewer architectures than folds.
        OSError: the folder cannot be written.
    """
    if pairs.distinct < folds:
        raise InputError(f"folds={folds}: must be at most {pairs.distinct}, the number of distinct architectures")
    trainer = Trainer(space, hidden, epochs, seed)
    torch.set_num_threads(threads)
    total = count_trainings(pairs, folds, seed) + 1
    bar = tqdm(desc="training", total=total, unit=" networks", disable=not sys.stderr.isatty())
    with threadpool_limits(threads), bar:
        fold, predictions = cross_validate(trainer, pairs, folds, bar.update)
        predictor, training = trainer.predictor(pairs, fit_share(predictions[-1], pairs.accuracy))
        bar.update()
    estimate = predict_held_out(predictions[-1], pairs.accuracy, fold)
    curve = [_errors(one, pairs, fold) for one in predictions]
    card = {
        "title": f"Accuracy predictor of space {space.name}, trained on {len(pairs.genes):,} pairs",
        "note": NOTE,
        "space": space.name,
        "data": _describe_data(pairs),
        "coverage": _describe_coverage(space, pairs),
        "hidden": list(hidden),
        "parameters": sum(weight.size + bias.size for weight, bias in predictor.layers),
        "training": training,
        "made_by": made_by,
        "date": date.today().isoformat(),
        "noise": NOISE,
        "cross_validation": {"folds": folds, **curve[-1]},
        "learning_curve": [_shorten(one) for one in curve],
    }
    picture = png(validation_figure(space.name, curve, pairs.accuracy, estimate))
    write_predictor(out, space.name, {space.name: predictor.layers}, card, {f"{space.name}.png": picture})
    return card


def _describe_data(pairs: Pairs) -> dict[str, Any]:
    """Return a description of the pairs; ``repeated_points`` is the deviation of repeated accuracies, in points."""
    low, high, repeated = pairs.accuracy.min(), pairs.accuracy.max(), pairs.repeated
    return {
        "file": pairs.file,
        "sha256": pairs.sha256,
        "pairs": len(pairs.genes),
        "distinct": pairs.distinct,
        "accuracy": [round(float(low), 6), round(float(high), 6)],
        "repeated_points": None if repeated is None else round(100 * repeated, 4),
    }


def _describe_coverage(space: DesignSpace, pairs: Pairs) -> dict[str, Any]:
    """Return the choices that no pair has, those that few have, and those that restrict a space to what pairs have."""
    rows = np.unique(pairs.genes, axis=0)
    unlabelled = find_unlabelled(space, rows)
    rare = {gene: {f"{value:g}": n for value, n in found.items()} for gene, found in find_rare(space, rows).items()}
    return {
        "labels": f"the accuracies of the pairs in {pairs.file}",
        "unlabelled": {gene: list(values) for gene, values in unlabelled.items()},
        "labelled": labelled_choices(space, unlabelled),
        "rare": rare,
    }


def _errors(one: Predictions, pairs: Pairs, fold: Any) -> dict[str, Any]:
    """Return the errors of the predictor, the plain ridge regression and the mean, for one size of training."""
    given = pairs.accuracy
    models = {"predictor": predict_held_out(one, given, fold), "ridge": one.ridge, "mean": one.mean}
    return {"pairs": one.size, **{name: compute_errors(given, estimate, fold) for name, estimate in models.items()}}


def _shorten(errors: dict[str, Any]) -> dict[str, Any]:
    """Return the errors that the learning curve shows."""
    kept = {name: {key: errors[name][key] for key in ("rmse", "spearman")} for name in ("predictor", "ridge")}
    return {"pairs": errors["pairs"], **kept}
