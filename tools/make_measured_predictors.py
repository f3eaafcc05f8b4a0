"""Writes ``predictors/measured``: ``python tools/make_measured_predictors.py`` (a quarter of an hour on one core).

It reads the rows and labels in ``ofa_bench/data``. On one thread, the files are the same to the byte. For each space:
one predictor of all sources together, and one for each source, which judges what was found with another. The card has
the errors on rows that were held out, and how often they lay within the uncertainty.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gaussian_process import Forms, Kernel, log_size
from measured_rows import Rows, read_labels, read_measured
from measured_teachers import CENTRE, MEMBERS, Width1, fit_correction, fit_networks
from numpy.typing import NDArray
from published_proxyless import published_proxyless
from scipy.optimize import minimize
from scipy.stats import spearmanr

import ofa_bench
from ofa_bench import data
from ofa_bench.predictors import EnsemblePredictor, latency_table
from ofa_bench.predictors.accuracy import Layer
from ofa_bench.predictors.forms import forms_of, pack_forms
from ofa_bench.spaces import Genes, MobileNetV3Space, ProxylessNASSpace
from ofa_bench.spaces.mobile import MobileSpace
from ofa_bench.training.fitting import pack_weights

__all__ = ["main"]

Floats = NDArray[np.float64]

OUT = Path(ofa_bench.__file__).parent / "data" / "predictors" / "measured"
MBV3, PROXYLESS = MobileNetV3Space(), ProxylessNASSpace()
SHARE, LEAN = 0.3, 0.3
"""The share of the width-1.0 rows in mbv3's consensus, and how far its members lean to either source."""

LABELLED = 192
"""The smallest image size that AutoBuild's labels have, in pixels."""

FOLDS, FEW = 10, 30
"""The folds of cross-validation; with fewer rows than ``FEW``, the members' variance is not rescaled."""
DATA = {
    "autobuild": "predicted/{}.npz",
    "ofa_w1.0": "measured/mbv3_w1.0.csv.xz",
    "ofa_w1.2": "measured/mbv3.csv.xz",
}
LABELS = {"mbv3": "mbv3", "mbv3_w1.0": "mbv3", "proxyless": "proxyless"}
"""The file of each source; AutoBuild's, for mbv3_w1.0 too, is one a supernet."""
REPEATED = 0.022
"""The standard deviation of one measurement of width 1.2, points: that of networks measured twice."""


@dataclass(frozen=True)
class Calibration:
    """The uncertainty (points) is the root of ``floor``² and ``factor``² times the variance of the members."""

    factor: float
    floor: float
    about: Mapping[str, Any]


def calibrate(
    rows: Rows, mean: Floats, spread: Floats, noise: Floats, of: str, width: float | None = None
) -> Calibration:
    """Fit the uncertainty to predictions of held-out rows, by likelihood (of few rows, its floor alone).

    Shares within the uncertainty are counted on halves of the rows, with the uncertainty fitted to the other half.

    Args:
        rows: measured.
        mean: predicted, percent [n].
        spread: the sum of squares of the deviations of members, points² [n].
        noise: the standard deviation of each measurement, points [n].
        of: what was held out, in words.
        width: of the supernet, for ranks within tenths of the latency on ``i7_8700k``; None leaves them out.
    """
    error = rows.top1 - mean

    def loss(logs: Floats, which: Any) -> float:
        variance = np.exp(2 * logs[0]) * spread[which] + np.exp(2 * logs[1]) + noise[which] ** 2
        return float((np.log(variance) + error[which] ** 2 / variance).mean() / 2)

    def fit(which: Any) -> tuple[float, float]:
        def partial(logs: Floats) -> float:
            return loss(np.array([0.0, *logs][-2:]), which)

        start = np.log([0.03] if len(error) < FEW else [1.0, 0.03])
        factor, floor = np.exp([0.0, *minimize(partial, start, method="Nelder-Mead").x][-2:])
        return float(factor), float(floor)

    factor, floor = fit(slice(None))
    known = np.sqrt(factor**2 * spread + floor**2)
    half = np.random.default_rng(2).permutation(len(error)) % 2 == 0
    apart = known.copy()
    for which in (half, ~half) if len(error) >= FEW else ():
        other = fit(~which)
        apart[which] = np.sqrt(other[0] ** 2 * spread[which] + other[1] ** 2)
    within = {f"{z:g}": round(float((np.abs(error) <= z * np.hypot(apart, noise)).mean()), 3) for z in (1, 1.96)}
    about = {
        "rows": of,
        "n": len(error),
        "rmse": round(float(np.sqrt((error**2).mean())), 4),
        "bias": round(float(-error.mean()), 4),
        "rank_correlation": round(float(spearmanr(rows.top1, mean).statistic), 4),
        **({"rank_within_tenths_of_latency": rank_within_tenths(rows, mean, width)} if width else {}),
        "mean_uncertainty": round(float(known.mean()), 4),
        "within_deviations": within,
    }
    return Calibration(factor, floor, about)


def rank_within_tenths(rows: Rows, mean: Floats, width: float) -> float:
    """Return the mean rank correlation of predictions and measurements over tenths of the latency."""
    space = MobileNetV3Space(width)
    genes = rows.genes.copy()
    genes[:, 0] = np.searchsorted(space.resolutions, rows.size)
    order = np.argsort(latency_table(space, "i7_8700k").cost(genes))
    ranks = [spearmanr(rows.top1[tenth], mean[tenth]).statistic for tenth in np.array_split(order, 10)]
    return round(float(np.mean(ranks)), 4)


@dataclass(frozen=True)
class Part:
    """Functions of architectures as they are stored: the first is the mean, the others deviations of members.

    ``square`` is [functions, width, width] (points), ``line`` [functions, sizes, width], ``level`` [functions, sizes];
    ``networks`` [functions] is the share of the networks' mean.
    """

    square: Floats
    line: Floats
    level: Floats
    networks: Floats

    def pack(self) -> bytes:
        """Return the content of a file."""
        return pack_forms(self.square, self.line, self.level, self.networks)


def at_sizes(forms: Forms, sizes: Sequence[float]) -> tuple[Floats, Floats]:
    """Return the linear part and the constant at image sizes: [functions, sizes, width] and [functions, sizes]."""
    t = log_size(np.array(sizes))
    line = forms.line[:, None, 0] + t[:, None] * forms.line[:, None, 1]
    level = forms.level @ torch.stack([t**power for power in range(4)])
    return line.numpy(), level.numpy()


def as_deviations(values: Floats) -> Floats:
    """Return the mean, and the members as deviations whose squares sum to the variance: [1 + MEMBERS, ...]."""
    return np.concatenate([values[:1], (values[1:] - values[:1]) / np.sqrt(len(values) - 1)])


def predictor(space: MobileSpace, networks: Sequence[Any] | None, part: Part, shift: float = 0.0) -> EnsemblePredictor:
    """Return a predictor as it will be read, without its calibration; ``shift`` (points) is added."""
    forms, shares = forms_of(space, part.pack())
    sizes = range(len(space.resolutions))
    forms[0, sizes, sizes] += np.float32(shift / 100)
    none: list[Layer] = [(np.zeros((len(forms[0]), 1), np.float32), np.zeros(1, np.float32))]
    layers = [(weight.astype(np.float32), bias) for weight, bias in networks] if networks else none
    floor = dict.fromkeys(space.resolutions, 0.0)
    return EnsemblePredictor(space, layers, forms, shares, factor=1.0, floor=floor, name="", sha256="")


def predict(one: EnsemblePredictor, genes: Genes, sizes: Any) -> tuple[Floats, Floats]:
    """Return predictions (percent) and the sums of squared deviations (points²) at image sizes: [n] and [n]."""
    rows = genes.copy()
    rows[:, 0] = [one.space.genes[0].choices.index(size) for size in np.broadcast_to(sizes, len(genes))]
    return 100 * one.accuracy(rows), (100 * one.uncertainty(rows)) ** 2


def width1_part(forms: Forms, space: MobileSpace) -> Part:
    """Return the accuracy of width 1.0 as it is stored."""
    line, level = at_sizes(forms, space.resolutions)
    level[:] += CENTRE
    functions = (forms.square.numpy(), line, level)
    return Part(*map(as_deviations, functions), np.zeros(1 + MEMBERS))


def continue_steps(steps: Mapping[int, float], sizes: Sequence[float]) -> tuple[Floats, Floats]:
    """Return two continuations of mean steps below ``LABELLED``, over log size: a line and a parabola, points [sizes].

    The line goes through the ends of the labelled sizes, the parabola through all three; 0 at labelled sizes.
    """
    known = np.log(np.array(sorted(steps)) / 224)
    values = np.array([steps[size] for size in sorted(steps)])
    x = np.log(np.minimum(sizes, LABELLED) / 224)
    line = values[0] * x / known[0]
    return line - values[0], np.polyval(np.polyfit(known, values, 2), x) - values[0]


def label_part(space: MobileSpace, steps: Mapping[int, float]) -> Part:
    """Return labels as they are stored; below ``LABELLED`` they go on midway between a line and a parabola."""
    level = np.mean(continue_steps(steps, space.resolutions), axis=0)
    return Part(np.zeros((1, 0, 0)), np.zeros((1, 0, 0)), level[None], np.ones(1))


def continued_part(forms: Forms, space: MobileSpace, slope: float) -> tuple[Floats, Floats]:
    """Return what width 1.0 adds below ``LABELLED``: lines [functions, sizes, width] and levels [functions, sizes]."""
    line, level = at_sizes(forms, space.resolutions)
    place = space.resolutions.index(LABELLED)
    line, level = slope * (line - line[:, place : place + 1]), slope * (level - level[:, place : place + 1])
    line[:, place:], level[:, place:] = 0, 0
    return line, level


def consensus_part(width1: Forms, correction: Forms, slope: float, gap: float, steps: Mapping[int, float]) -> Part:
    """Return the consensus of width 1.2 as it is stored; the last deviation is half the difference of the sources."""
    line, level = continued_part(width1, MBV3, slope)
    of_size = np.array([steps[max(size, LABELLED)] for size in MBV3.resolutions])
    own_line, own_level = at_sizes(width1, [224])
    added_line, added_level = at_sizes(correction, [224])
    square = SHARE * slope * width1.square.numpy() + correction.square.numpy()
    line += SHARE * slope * own_line + added_line
    level += SHARE * slope * own_level + added_level
    level[:] += SHARE * (slope * CENTRE + of_size)
    other = LEAN * slope * (own_level[:1] + CENTRE) + LEAN * (of_size - gap)
    return Part(
        np.concatenate([as_deviations(square), LEAN * slope * width1.square.numpy()[:1]]),
        np.concatenate([as_deviations(line), np.repeat(LEAN * slope * own_line[:1], line.shape[1], axis=1)]),
        np.concatenate([as_deviations(level), np.broadcast_to(other, (1, level.shape[1]))]),
        np.array([1 - SHARE, *np.zeros(MEMBERS), -LEAN]),
    )


@dataclass(frozen=True)
class Labels:
    """Networks on labels, and what they say of image sizes: their mean step from 224 px, in points, by size."""

    space: MobileSpace
    layers: Sequence[Any]
    steps: Mapping[int, float]
    held_out: Mapping[str, float]

    @classmethod
    def fit(cls, space: MobileSpace) -> "Labels":
        """Train on all labels; the errors are those of a training without a tenth of the architectures."""
        rows, front = read_labels(space), read_labels(space, "frontier")
        held = (np.random.default_rng(3).permutation(rows.block.max() + 1) % 10 == 0)[rows.block]
        fronts = {genes.tobytes() for genes in front.genes}
        near = np.array([genes.tobytes() in fronts for genes in rows.genes])
        plain = Part(np.zeros((1, 0, 0)), np.zeros((1, 0, 0)), np.zeros((1, len(space.resolutions))), np.ones(1))
        trial = predictor(space, fit_networks(rows.take(~held), space, LABELLED), plain)
        off = predict(trial, rows.genes, rows.size)[0] - rows.top1
        errors = {
            name: round(float(np.sqrt((off[held & which] ** 2).mean())), 4)
            for name, which in (("near_fronts", near), ("random", ~near))
        }
        layers = fit_networks(rows, space, LABELLED)
        genes = space.canonical(space.sample(5000, np.random.default_rng(5)))
        whole = predictor(space, layers, plain)
        at = {size: predict(whole, genes, size)[0] for size in space.resolutions if size >= LABELLED}
        return cls(space, layers, {size: float((values - at[224]).mean()) for size, values in at.items()}, errors)


def size_error(labels: Labels, width1: EnsemblePredictor, slope: float) -> float:
    """Return by how much sources differ in what the step from 192 to 224 px is worth: root mean square, points."""
    genes = MBV3.canonical(MBV3.sample(5000, np.random.default_rng(6)))
    own = predictor(MBV3, labels.layers, label_part(MBV3, labels.steps))
    steps = predict(own, genes, 224)[0] - predict(own, genes, LABELLED)[0]
    others = slope * (predict(width1, genes, 224)[0] - predict(width1, genes, LABELLED)[0])
    return float(np.sqrt(((steps - others) ** 2).mean()))


def floors(space: MobileSpace, floor: float, step: float) -> dict[str, float]:
    """Return the floor of the uncertainty by image size, points: wider the further from 224 px, where it was checked.

    Half of what the sources differ in a step of sizes is added.
    """
    away = np.log(224 / np.array(space.resolutions)) / np.log(224 / LABELLED)
    return _by_size(space, np.hypot(floor, step / 2 * away))


def label_floors(labels: "Labels", floor: float) -> dict[str, float]:
    """Return the same for labels alone: wider by half of what the line and the parabola differ."""
    line, parabola = continue_steps(labels.steps, labels.space.resolutions)
    return _by_size(labels.space, np.hypot(floor, (line - parabola) / 2))


def _by_size(space: MobileSpace, values: Floats) -> dict[str, float]:
    return {str(size): round(float(value), 4) for size, value in zip(space.resolutions, values, strict=True)}


NOTE = (
    "Predictions of ImageNet top-1 accuracy on the scale of measurements. all: the predictor of all sources "
    "together; by_source: one for each source, which judges what was found with another. held_out: errors on "
    "measured rows that were not used for the fit (points; repeated rows are one), and the share of them within so "
    "many uncertainties, noise included, which were fitted to other rows. Rows near each other may be in different "
    "folds, and the settings of the fits (amplitude, share of width 1.0, networks) were chosen on such rows, so "
    "other networks may be predicted a little worse. uncertainty: the root of floor (points, by image size) squared "
    "and factor squared times the variance of the members; it was checked at 224 px alone. unlabelled: image sizes "
    "that no row had; what is predicted there continues the others. Below 224 px the floor of the consensus is "
    "wider by half of what the sources differ in a step of sizes; that of AutoBuild's labels below 192 px by half "
    "of what a line and a parabola over log size differ; that of ofa_w1.0 is not wider. shift: points that are "
    "added, so that the mean is that of the space's own rows (level_from): leads do not depend on it, levels do"
)


def describe_fit(
    files: tuple[str | None, str],
    sources: list[str],
    unlabelled: list[int],
    found: Calibration,
    floor: Any,
    **about: Any,
) -> dict[str, Any]:
    """Return the part of a card that describes one predictor."""
    return {
        "networks": files[0],
        "forms": files[1],
        "shift": 0.0,
        "sources": sources,
        "unlabelled": {"r": unlabelled} if unlabelled else {},
        "uncertainty": {"factor": round(found.factor, 4), "floor": floor},
        "held_out": found.about,
        **about,
    }


def write(space: MobileSpace, card: dict[str, Any]) -> None:
    """Write a space's card."""
    fits = (card["all"], *card["by_source"].values())
    names = sorted({fit[part] for fit in fits for part in ("networks", "forms") if fit[part]})
    sources = sorted({source for fit in fits for source in fit["sources"]})
    files = [DATA[source].format(LABELS[space.name]) for source in sources]
    card = {
        "title": f"Accuracy predictors of space {space.name}, fitted to measured accuracies",
        "note": NOTE,
        "made_by": "python tools/make_measured_predictors.py",
        **card,
        "files_sha256": {name: sha256((OUT / name).read_bytes()).hexdigest() for name in names},
        "data_sha256": {name: sha256((data.FOLDER / name).read_bytes()).hexdigest() for name in files},
    }
    (OUT / f"{space.name}.json").write_text(json.dumps(card, indent=1) + "\n")
    print(space.name, json.dumps(card, indent=1), flush=True)


def make_width1(width1: Width1, labels: Labels) -> None:
    """Write the predictors of ``mbv3_w1.0``."""
    space, rows, noise = MobileNetV3Space(1.0), width1.rows, width1.noise
    held = width1.cross_validate(FOLDS)
    mean, spread = held[:, 0], ((held[:, 1:] - held[:, :1]) ** 2).mean(axis=1)
    large, small = ~width1.half & (rows.part == 0), ~width1.half & (rows.part > 0) & (rows.size > 128)
    new = f"not used for the kernel, {FOLDS} folds"
    own, low = (
        calibrate(rows.take(which), mean[which], spread[which], noise[which], f"{of}, {new}", 1.0)
        for which, of in ((large, "r=224"), (small, "r=160 and 192, measured on parts of the images"))
    )
    about = {**own.about, "smaller_sizes": {**low.about, "noise": round(float(noise[small].max()), 3)}}
    floor = dict.fromkeys(map(str, space.resolutions), round(own.floor, 4))
    known = Calibration(own.factor, own.floor, about)
    fit = describe_fit((None, "ofa_w1.0.npz"), ["ofa_w1.0"], [176, 208], known, floor)

    full = rows.take(rows.part == 0)
    judge = predictor(space, labels.layers, label_part(space, labels.steps))
    values, spread = predict(judge, full.genes, 224)
    shift = round(float((full.top1 - values).mean()), 4)
    found = calibrate(full, values + shift, spread, noise[rows.part == 0], "r=224, all but their mean", 1.0)
    files = ("autobuild_mbv3.npz", "autobuild_mbv3_sizes.npz")
    other = describe_fit(files, ["autobuild"], [160, 176], found, label_floors(labels, found.floor))
    other |= {"shift": shift, "level_from": "ofa_w1.0"}
    write(space, {"space": space.name, "all": fit, "by_source": {"ofa_w1.0": fit, "autobuild": other}})


def make_mbv3(own: Rows, forms: Forms, kernel: Kernel, labels: Labels) -> None:
    """Write the predictors of ``mbv3``, which ``compofa`` uses too."""
    judge = predictor(MBV3, labels.layers, label_part(MBV3, labels.steps))
    width1 = predictor(MBV3, None, width1_part(forms, MBV3))
    noise = REPEATED / np.sqrt(own.repeats)
    values, spread = predict(judge, own.genes, 224)
    tens, spread_ten = predict(width1, own.genes, 224)

    def fit_consensus(which: Any) -> tuple[Part, float]:
        slope = float(np.polyfit(tens[which], own.top1[which], 1)[0])
        gap = float((slope * tens[which] - values[which]).mean())
        base = (1 - SHARE) * values[which] + SHARE * slope * tens[which]
        correction = fit_correction(kernel, own.take(which), own.top1[which] - base)
        return consensus_part(forms, correction, slope, gap, labels.steps), slope

    held = np.zeros((2, len(own)))
    fold = (np.random.default_rng(1).permutation(own.block.max() + 1) % FOLDS)[own.block]
    for out in (fold == number for number in range(FOLDS)):
        part, _ = fit_consensus(~out)
        held[:, out] = predict(predictor(MBV3, labels.layers, part), own.genes[out], 224)
    found = calibrate(own, held[0], held[1], noise, f"r=224, width 1.2, {FOLDS} folds", 1.2)
    part, slope = fit_consensus(np.ones(len(own), bool))
    (OUT / "mbv3.npz").write_bytes(part.pack())
    step = size_error(labels, width1, slope)
    about = {"share_of_width_1": SHARE, "slope": round(slope, 4), "step_from_192_to_224": round(step, 4)}
    sources = ["autobuild", "ofa_w1.0", "ofa_w1.2"]
    floor = floors(MBV3, found.floor, step)
    fit = describe_fit(("autobuild_mbv3.npz", "mbv3.npz"), sources, [160, 176], found, floor, **about)

    by_labels = calibrate(own, values, spread, noise, "r=224, width 1.2, all", 1.2)
    files, floor = ("autobuild_mbv3.npz", "autobuild_mbv3_sizes.npz"), label_floors(labels, by_labels.floor)
    about = {"held_out_labels": labels.held_out}
    first = describe_fit(files, ["autobuild"], [160, 176], by_labels, floor, **about)
    shift = round(float((own.top1 - tens).mean()), 4)
    by_ten = calibrate(own, tens + shift, spread_ten, noise, "r=224, width 1.2, all but their mean", 1.2)
    floor = dict.fromkeys(map(str, MBV3.resolutions), round(by_ten.floor, 4))
    second = describe_fit((None, "ofa_w1.0.npz"), ["ofa_w1.0"], [176, 208], by_ten, floor)
    second |= {"shift": shift, "level_from": "ofa_w1.2"}
    write(MBV3, {"space": MBV3.name, "all": fit, "by_source": {"autobuild": first, "ofa_w1.0": second}})


def make_proxyless(forms: Forms, labels: Labels, step: float) -> None:
    """Write the predictors of ``proxyless``; those of other spaces say how far sources differ in a step of sizes."""
    line, level = continued_part(forms, PROXYLESS, 1.0)
    networks = np.array([1.0, *np.zeros(MEMBERS)])
    part = Part(np.zeros((1 + MEMBERS, 0, 0)), as_deviations(line), as_deviations(level), networks)
    (OUT / "proxyless.npz").write_bytes(part.pack())
    published = published_proxyless()
    near = published.sizes >= LABELLED - 8
    sizes = [min(PROXYLESS.resolutions, key=lambda one: abs(one - size)) for size in published.sizes[near]]
    values, spread = predict(predictor(PROXYLESS, labels.layers, part), published.genes[near], sizes)
    of = "published networks at 188 px or more, at the nearest image size, all but their mean"
    above = float((published.top1[near] - values).mean())
    one, none = np.ones(len(values)), np.zeros(len(values), int)
    rows = Rows(published.genes[near], np.array(sizes), none, published.top1[near], one, none)
    found = calibrate(rows, values + above, spread, 0 * one, of)
    floor = floors(PROXYLESS, found.floor, step)
    about = {"held_out_labels": labels.held_out, "published_networks_are_above": round(above, 4)}
    files = ("autobuild_proxyless.npz", "proxyless.npz")
    fit = describe_fit(files, ["autobuild", "ofa_w1.0"], [160, 176], found, floor, **about)
    judge = describe_fit(
        (files[0], "autobuild_proxyless_sizes.npz"),
        ["autobuild"],
        [160, 176],
        found,
        label_floors(labels, found.floor),
        **about,
    )
    write(PROXYLESS, {"space": PROXYLESS.name, "all": fit, "by_source": {"autobuild": judge}})


def main() -> None:
    """Write the parts and cards of all spaces."""
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    width1 = Width1(read_measured(MobileNetV3Space(1.0)))
    forms = width1.fit()
    (OUT / "ofa_w1.0.npz").write_bytes(width1_part(forms, MBV3).pack())
    labels = {}
    for space in (MBV3, PROXYLESS):
        labels[space.name] = Labels.fit(space)
        (OUT / f"autobuild_{space.name}.npz").write_bytes(pack_weights(labels[space.name].layers))
        sizes = label_part(space, labels[space.name].steps).pack()
        (OUT / f"autobuild_{space.name}_sizes.npz").write_bytes(sizes)
    make_width1(width1, labels[MBV3.name])
    make_mbv3(read_measured(MBV3), forms, width1.kernel, labels[MBV3.name])
    step = size_error(labels[MBV3.name], predictor(MBV3, None, width1_part(forms, MBV3)), 1.0)
    make_proxyless(forms, labels[PROXYLESS.name], step)


if __name__ == "__main__":
    main()
