"""Writes ``predictors/measured``: ``python tools/make_measured_predictors.py`` (half an hour on one core).

It reads the rows and labels in ``ofa_bench/data``. On one thread, the files are the same to the byte. For each space:
one network for all sources together, and one for each source, which judges what was found with another. A network is
distilled from its teachers (``measured_teachers``): its outputs are the mean of the ensemble and the deviations of its
members. The card has the errors on rows that were held out, and how often they lay within the uncertainty.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gaussian_process import describe
from measured_rows import Rows, read_labels, read_measured
from measured_teachers import MEMBERS, Networks, Teacher, Width1, fit_correction, train
from numpy.typing import NDArray
from published_proxyless import published_proxyless
from scipy.optimize import minimize
from scipy.stats import spearmanr

import ofa_bench
from ofa_bench import data
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

ARCHITECTURES, HIDDEN, SAMPLES = 30_000, (128, 128), 6_000_000
FOLDS = 10
DATA = {
    "autobuild": "predicted/{}.npz",
    "ofa_w1.0": "measured/mbv3_w1.0.csv.gz",
    "ofa_w1.2": "measured/mbv3.csv.gz",
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


def calibrate(truth: Floats, given: Floats, noise: Floats, of: str) -> Calibration:
    """Fit the uncertainty to predictions of held-out rows, by likelihood.

    Args:
        truth: measured, percent [n].
        given: the mean and members, percent [n, 1 + members].
        noise: the standard deviation of each measurement, points [n].
        of: what was held out, in words.
    """
    error, spread = truth - given[:, 0], ((given[:, 1:] - given[:, :1]) ** 2).mean(axis=1)

    def loss(logs: Floats) -> float:
        variance = np.exp(2 * logs[0]) * spread + np.exp(2 * logs[1]) + noise**2
        return float((np.log(variance) + error**2 / variance).mean() / 2)

    best = minimize(loss, np.log([1.0, 0.03]), method="Nelder-Mead")
    factor, floor = (float(np.exp(value)) for value in best.x)
    sd = np.sqrt(factor**2 * spread + floor**2 + noise**2)
    within = {f"{z:g}": round(float((np.abs(error) <= z * sd).mean()), 3) for z in (1, 1.96)}
    about = {
        "rows": of,
        "n": len(error),
        "rmse": round(float(np.sqrt((error**2).mean())), 4),
        "bias": round(float(-error.mean()), 4),
        "rank_correlation": round(float(spearmanr(truth, given[:, 0]).statistic), 4),
        "mean_uncertainty": round(float(np.sqrt(factor**2 * spread + floor**2).mean()), 4),
        "within_deviations": within,
    }
    return Calibration(factor, floor, about)


def near_fronts(space: MobileSpace, known: Genes, n: int, rng: np.random.Generator) -> Genes:
    """Return architectures: half random, half mutants of those that searches found, int8 [n, n_genes], at size 0."""
    parents = known[rng.integers(len(known), size=n // 2)]
    genes = np.concatenate([space.sample(n - n // 2, rng), space.mutate(parents, 0.1, rng)])
    genes = space.canonical(genes)
    genes[:, 0] = 0
    return np.unique(genes, axis=0)


def distil(space: MobileSpace, teacher: Teacher, known: Genes, seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Return a network that has learned a teacher, at all image sizes, and its differences from it on others."""
    genes = near_fronts(space, known, ARCHITECTURES, np.random.default_rng([seed, 7]))
    held = np.random.default_rng(seed).random(len(genes)) < 0.05
    parts, outputs = [], []
    for place, size in enumerate(space.resolutions):
        at_size = genes.copy()
        at_size[:, 0] = place
        parts.append(at_size)
        found = teacher(genes, np.full(len(genes), size))
        outputs.append(np.column_stack([found[:, :1], found[:, 1:] - found[:, :1]]) / 100)
    rows, wanted, out = np.concatenate(parts), np.concatenate(outputs), np.tile(held, len(parts))
    weights = np.array([1.0] + [0.03] * (wanted.shape[1] - 1))
    layers = train(space, rows[~out], wanted[~out], weights, seed, HIDDEN, SAMPLES)
    *hidden, last = layers
    layers = [*((weight.astype(np.float16), bias) for weight, bias in hidden), last]
    off = 100 * (run(space, layers, rows[out]) - wanted[out])
    spread = 100 * np.sqrt((wanted[out][:, 1:] ** 2).mean())
    about = {
        "rmse": round(float(np.sqrt((off[:, 0] ** 2).mean())), 4),
        "members_rmse": round(float(np.sqrt((off[:, 1:] ** 2).mean())), 4),
        "members_spread": round(float(spread), 4),
    }
    return layers, about


def run(space: MobileSpace, layers: list[Any], genes: Genes) -> Floats:
    """Return a network's outputs: [n, 1 + members]."""
    from ofa_bench.predictors.measured import EnsemblePredictor

    exact = [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]
    made = EnsemblePredictor(space, exact, factor=1.0, floor=dict.fromkeys(space.resolutions, 0.0), name="", sha256="")
    return np.column_stack([made.accuracy(genes), made.deviations(genes)])


class Consensus:
    """The accuracy of width 1.2: AutoBuild's labels and width 1.0, corrected by what was measured on width 1.2.

    At image sizes that AutoBuild did not label, it continues from its smallest one as width 1.0 does.
    """

    def __init__(
        self, labels: Networks, width1: Teacher, measured: Rows, kernel: Any, which: Any = slice(None)
    ) -> None:
        self.labels, self.width1 = labels, width1
        rows = measured.take(which)
        known = width1(rows.genes, np.full(len(rows), 224))[:, 0]
        self.slope = float(np.polyfit(known, rows.top1, 1)[0])
        own = labels(rows.genes, np.full(len(rows), 224))[:, 0]
        self.gap = float((self.slope * known - own).mean())
        base = (1 - SHARE) * own + SHARE * self.slope * known
        self.correction, self.constant, self.unit = fit_correction(kernel, rows, rows.top1 - base)

    def __call__(self, genes: Genes, sizes: NDArray[Any]) -> Floats:
        """Return the mean and the members: percent, [n, 1 + MEMBERS]."""
        labels = self.labels(genes, np.maximum(sizes, LABELLED))
        full = np.full(len(genes), 224)
        own, other = self.labels(genes, full)[:, :1], self.slope * self.width1(genes, full)
        x = describe(genes)
        found = self.constant + self.unit * self.correction(x, torch.zeros(len(x), dtype=torch.float64)).numpy()
        found += labels[:, :1] + SHARE * (other - own)
        for member in range(1, MEMBERS + 1):
            network = 1 + (member - 1) % (labels.shape[1] - 1)
            lean = LEAN * (1 if member % 2 else -1)
            found[:, member] += labels[:, network] - labels[:, 0] + lean * (other[:, 0] - own[:, 0] - self.gap)
        return found + self.slope * smaller(self.width1, genes, sizes)


def smaller(width1: Teacher, genes: Genes, sizes: NDArray[Any]) -> Floats:
    """Return by how much width 1.0 is less accurate at image sizes below ``LABELLED`` than there."""
    found = np.zeros((len(genes), 1 + MEMBERS))
    low = sizes < LABELLED
    if low.any():
        found[low] = width1(genes[low], sizes[low]) - width1(genes[low], np.full(int(low.sum()), LABELLED))
    return found


def continued(labels: Networks, genes: Genes, sizes: NDArray[Any]) -> Floats:
    """Return what labels say, continued below ``LABELLED`` by each network's slope over the logarithm of the size."""
    found = labels(genes, np.maximum(sizes, LABELLED))
    low = sizes < LABELLED
    if low.any():
        ends = [labels(genes[low], np.full(int(low.sum()), size)) for size in (LABELLED, 224)]
        found[low] += (ends[1] - ends[0]) * (np.log(sizes[low] / LABELLED) / np.log(224 / LABELLED))[:, None]
    return found


def size_error(labels: Networks, width1: Teacher, slope: float, shared: Any, rng: np.random.Generator) -> float:
    """Return by how much sources differ in what the step from 192 to 224 px is worth: root mean square, points."""
    genes = labels.space.canonical(labels.space.sample(2000, rng))
    genes[:, 0] = 0
    full, least = np.full(len(genes), 224), np.full(len(genes), LABELLED)
    steps = labels(genes, full)[:, 0] - labels(genes, least)[:, 0]
    others = slope * (width1(shared(genes), full)[:, 0] - width1(shared(genes), least)[:, 0])
    return float(np.sqrt(((steps - others) ** 2).mean()))


def floors(space: MobileSpace, floor: float, step: float) -> dict[str, float]:
    """Return the floor of the uncertainty by image size, points: wider where sizes were not labelled."""
    found = {}
    for size in space.resolutions:
        away = max(0.0, np.log(LABELLED / size) / np.log(224 / LABELLED))
        found[str(size)] = round(float(np.hypot(floor, step * away)), 4)
    return found


NOTE = (
    "Predictions of ImageNet top-1 accuracy on the scale of measurements. all: the predictor of all sources together; "
    "by_source: one for each source, which judges what was found with another. held_out: errors on measured rows that "
    "were not used for the fit (points; repeated rows are one), and the share of them within so many uncertainties, "
    "noise included. uncertainty: the root of floor (points, by image size) squared and factor squared times the "
    "variance of the members. unlabelled: image sizes that no row had; what is predicted there continues the others, "
    "and the floor is wider by how much the sources differ in what a step of sizes is worth. distilled: differences of "
    "the network from what it was distilled from, on other architectures, all sizes (points)"
)


def write(space: MobileSpace, card: dict[str, Any], made: Mapping[str, tuple[list[Any], Any]]) -> None:
    """Write a space's networks, ``""`` for all sources together, and its card."""
    contents = {
        f"{space.name}{'_' if source else ''}{source}.npz": pack_weights(layers) for source, (layers, _) in made.items()
    }
    used = sorted(
        DATA[source]
        for source in {name for fit in (card["all"], *card["by_source"].values()) for name in fit["sources"]}
    )
    card = {
        "title": f"Accuracy predictors of space {space.name}, fitted to measured accuracies",
        "note": NOTE,
        "made_by": "python tools/make_measured_predictors.py",
        **card,
        "hidden": list(HIDDEN),
        "members": MEMBERS,
        "files_sha256": {name: sha256(content).hexdigest() for name, content in contents.items()},
        "data_sha256": {
            name.format(LABELS[space.name]): sha256(
                (data.FOLDER / name.format(LABELS[space.name])).read_bytes()
            ).hexdigest()
            for name in used
        },
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (OUT / name).write_bytes(content)
    (OUT / f"{space.name}.json").write_text(json.dumps(card, indent=1) + "\n")
    print(space.name, json.dumps(card, indent=1), flush=True)


def describe_fit(
    sources: list[str], unlabelled: list[int], found: Calibration, floor: Any, network: Any
) -> dict[str, Any]:
    """Return the part of a card that describes one network."""
    return {
        "sources": sources,
        "unlabelled": {"r": unlabelled} if unlabelled else {},
        "uncertainty": {"factor": round(found.factor, 4), "floor": floor},
        "held_out": found.about,
        "distilled": network,
    }


def make_width1(rows: Rows, width1: Width1, teacher: Teacher, noise: Floats, labels: Networks) -> None:
    """Write the predictors of ``mbv3_w1.0``."""
    space = MobileNetV3Space(1.0)
    held = width1.cross_validate(FOLDS)
    new = ~width1.half
    large, small = new & (rows.part == 0), new & (rows.part > 0) & (rows.size > 128)
    own = calibrate(rows.top1[large], held[large], noise[large], f"r=224, not used for the kernel, {FOLDS} folds")
    low = calibrate(rows.top1[small], held[small], noise[small], "r=160 and 192, noisy, likewise")
    about = {**own.about, "smaller_sizes": {**low.about, "noise": round(float(noise[small].max()), 3)}}
    least = max(own.floor, low.floor)
    floor = {str(size): round(own.floor if size == 224 else least, 4) for size in space.resolutions}
    known = rows.genes[rows.part == 0]
    network, distilled = distil(space, teacher, known, 1)
    fit = describe_fit(["ofa_w1.0"], [176, 208], Calibration(own.factor, own.floor, about), floor, distilled)

    measured = rows.take(rows.part == 0)
    full = np.full(len(measured), 224)
    shift = float((measured.top1 - labels(measured.genes, full)[:, 0]).mean())
    other = calibrate(
        measured.top1, labels(measured.genes, full) + shift, noise[rows.part == 0], "r=224, all but their mean"
    )
    step = size_error(labels, teacher, 1.0, lambda genes: genes, np.random.default_rng(5))
    second, distilled = distil(space, lambda *rows: continued(labels, *rows) + shift, known, 2)
    judge = describe_fit(["autobuild"], [160, 176], other, floors(space, other.floor, step), distilled)
    judge["shift"] = round(shift, 4)
    card = {"space": space.name, "all": fit, "by_source": {"ofa_w1.0": fit, "autobuild": judge}}
    write(space, card, {"": (network, fit), "ofa_w1.0": (network, fit), "autobuild": (second, judge)})


def make_mbv3(ten: Rows, own: Rows, teacher: Teacher, kernel: Any, labels: Networks) -> None:
    """Write the predictors of ``mbv3``, which ``compofa`` uses too."""
    consensus = Consensus(labels, teacher, own, kernel)
    full, error = np.full(len(own), 224), np.full(len(own), REPEATED) / np.sqrt(own.repeats)
    held = np.zeros((len(own), 1 + MEMBERS))
    fold = (np.random.default_rng(1).permutation(own.block.max() + 1) % FOLDS)[own.block]
    for out in (fold == number for number in range(FOLDS)):
        held[out] = Consensus(labels, teacher, own, kernel, ~out)(own.genes[out], full[out])
    found = calibrate(own.top1, held, error, f"r=224, width 1.2, {FOLDS} folds")
    step = size_error(labels, teacher, consensus.slope, lambda genes: genes, np.random.default_rng(5))
    known = np.concatenate([own.genes, ten.genes[ten.part == 0]])
    network, distilled = distil(MBV3, consensus, known, 3)
    fit = describe_fit(
        ["autobuild", "ofa_w1.0", "ofa_w1.2"], [160, 176], found, floors(MBV3, found.floor, step), distilled
    )
    fit |= {"share_of_width_1": SHARE, "slope": round(consensus.slope, 4), "step_from_192_to_224": round(step, 4)}

    by_labels = calibrate(own.top1, labels(own.genes, full), error, "r=224, width 1.2, all")
    second, distilled = distil(MBV3, lambda *rows: continued(labels, *rows), known, 4)
    judge = describe_fit(["autobuild"], [160, 176], by_labels, floors(MBV3, by_labels.floor, step), distilled)

    values = teacher(own.genes, full)
    shift = float((own.top1 - values[:, 0]).mean())
    by_width1 = calibrate(own.top1, values + shift, error, "r=224, width 1.2, all but their mean")
    third, distilled = distil(MBV3, lambda *rows: teacher(*rows) + shift, known, 5)
    other = describe_fit(["ofa_w1.0"], [176, 208], by_width1, floors(MBV3, by_width1.floor, 0.0), distilled)
    other["shift"] = round(shift, 4)
    card = {"space": MBV3.name, "all": fit, "by_source": {"autobuild": judge, "ofa_w1.0": other}}
    write(MBV3, card, {"": (network, fit), "autobuild": (second, judge), "ofa_w1.0": (third, other)})


def make_proxyless(teacher: Teacher, labels: Networks, known: Genes) -> None:
    """Write the predictors of ``proxyless``."""
    shared_genes = [PROXYLESS.index[name] for name in MBV3.gene_names]

    def shared(genes: Genes) -> Genes:
        return np.ascontiguousarray(genes[:, shared_genes])

    def consensus(genes: Genes, sizes: NDArray[Any]) -> Floats:
        known = labels(genes, np.maximum(sizes, LABELLED))
        members = known[:, [0, *(1 + member % (known.shape[1] - 1) for member in range(MEMBERS))]]
        return members + smaller(teacher, shared(genes), sizes)

    published = published_proxyless()
    near = published.sizes >= LABELLED - 8
    sizes = np.array([min(PROXYLESS.resolutions, key=lambda one: abs(one - size)) for size in published.sizes[near]])
    error = np.zeros(int(near.sum()))
    found = calibrate(
        published.top1[near], labels(published.genes[near], sizes), error, "published networks at 188 px or more"
    )
    step = size_error(labels, teacher, 1.0, shared, np.random.default_rng(5))
    network, distilled = distil(PROXYLESS, consensus, known, 6)
    floor = floors(PROXYLESS, found.floor, step)
    fit = describe_fit(["autobuild", "ofa_w1.0"], [160, 176], found, floor, distilled)
    second, distilled = distil(PROXYLESS, lambda *rows: continued(labels, *rows), known, 7)
    judge = describe_fit(["autobuild"], [160, 176], found, floor, distilled)
    card = {"space": PROXYLESS.name, "all": fit, "by_source": {"autobuild": judge}}
    write(PROXYLESS, card, {"": (network, fit), "autobuild": (second, judge)})


def main() -> None:
    """Write the networks and cards of all spaces."""
    torch.set_num_threads(1)
    ten, own = read_measured(MobileNetV3Space(1.0)), read_measured(MBV3)
    width1 = Width1(ten)
    teacher = width1.fit()
    kernel, noise = width1.kernel, width1.noise
    labels = {space.name: Networks.fit(read_labels(space), space, 3) for space in (MBV3, PROXYLESS)}
    make_width1(ten, width1, teacher, noise, labels[MBV3.name])
    make_mbv3(ten, own, teacher, kernel, labels[MBV3.name])
    make_proxyless(teacher, labels[PROXYLESS.name], read_labels(PROXYLESS, "frontier").genes)


if __name__ == "__main__":
    main()
