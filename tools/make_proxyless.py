"""Writes ``predictors/proxyless.json``, a surrogate for a predictor: ``python tools/make_proxyless.py``.

OFA published no accuracy predictor for its ProxylessNAS space, only the accuracy of 16 networks
(``published/proxyless.json``). Its first five stages have the same choices as those of MobileNetV3, whose predictor is
mapped to these accuracies by a straight line. The card has the line, its errors and the assumptions. The tool needs the
official predictor, on which it repeats the fit as a check.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from published_proxyless import Published, published_proxyless

import ofa_bench
from ofa_bench.predictors import AccuracyPredictor, embedded_predictor, official_predictor
from ofa_bench.spaces import Genes, MobileNetV3Space, ProxylessNASSpace
from ofa_bench.spaces.mobile import EXPANDS, KERNELS, RESOLUTIONS

__all__ = ["TREATMENT", "at_sizes", "fit", "last_block", "left_out", "main", "scores"]

Floats = NDArray[np.float64]

SPACE, SOURCE = ProxylessNASSpace(), MobileNetV3Space()
FOLDER = Path(ofa_bench.__file__).parent / "data"
SAMPLES = 20_000
LIKE_LAST = (16, 17)
"""The blocks of MobileNetV3's last stage that are always present; the last block is assumed to be like them."""

NOTE = (
    "OFA published no accuracy predictor of this space. This is a surrogate: the MobileNetV3 predictor on the first "
    "five stages, mapped by a straight line to the accuracy of published networks. Its values are estimates, not "
    "ImageNet top-1. MACs alone, or with parameters, fit those networks better; so they show no more than that it "
    "knows size. Above their top1_range it is extrapolated. How it ranks networks of one budget, on which a search "
    "lives, is not validated"
)
LAST_BLOCK = (
    "An assumption: MobileNetV3 has no such block, so its choices are given the mean marginal effects that the "
    "predictor gives to those of blocks 16 and 17, the always-present blocks of its last stage. The published networks "
    "speak rather against it: without it, errors are smaller (without_last_block), and the slope of its effects, "
    "fitted freely, is not the line's (last_block_slope). It is kept, for a search would else always starve that block"
)
COVERAGE = (
    "those of the predictor of mbv3, which have every choice of the genes that both spaces share; and the published "
    "networks, which have every choice of k20 and e20, but of the resolutions only 192 and 208: they decided the "
    "straight line, not what a single choice of a gene is worth. The effects of k20 and e20 are an assumption "
    "(last_block)"
)
WHY = (
    "Errors are compared in by_treatment_of_resolution. Of the treatments that use the predictor as it is at its five "
    "resolutions, as a search does, 'log' has the least; 'log_line' smooths these too. All but 'nearest', which sees "
    "no difference between 128 and 160 px, are equally good as far as so few networks can tell. The choice was made by "
    "the very errors that are reported, which are a little too good for that"
)
DISTINCT = (
    "networks of equal blocks and equal image size are one (their accuracies differ by 0.1 at most), with their mean "
    "accuracy; all of equal blocks, at whatever size, are one group and left out together"
)


def last_block(predictor: AccuracyPredictor) -> dict[str, list[float]]:
    """Return the effect of each choice of the last block, relative to its first choice, as a fraction of 1, by gene.

    It is the mean change of the predicted accuracy when that choice is made in the blocks ``LIKE_LAST`` of random
    architectures.
    """
    genes, last = SOURCE.sample(SAMPLES, np.random.default_rng(0)), SPACE.n_blocks - 1
    effects = {}
    for kind, choices in (("k", KERNELS), ("e", EXPANDS)):
        means = np.zeros((len(LIKE_LAST), len(choices)))
        for i, choice in np.ndindex(means.shape):
            changed = genes.copy()
            changed[:, SOURCE.index[f"{kind}{LIKE_LAST[i]}"]] = choice
            means[i, choice] = predictor.accuracy(changed).mean()
        effects[f"{kind}{last}"] = np.round((means - means[:, :1]).mean(axis=0), 6).tolist()
    return effects


def by_resolution(predictor: AccuracyPredictor, genes: Genes) -> Floats:
    """Return predictions for the first five stages, as blocks of MobileNetV3, at 5 sizes: float64 [n, 5], points."""
    shared = genes[:, [SPACE.index[name] for name in SOURCE.gene_names]]
    columns = []
    for place in range(len(RESOLUTIONS)):
        shared[:, 0] = place
        columns.append(100 * predictor.accuracy(shared))
    return np.stack(columns, axis=1)


def _nearest(known: Floats, size: float) -> float:
    return float(known[np.abs(np.array(RESOLUTIONS) - size).argmin()])


def _linear(known: Floats, size: float) -> float:
    slope = (known[1] - known[0]) / (RESOLUTIONS[1] - RESOLUTIONS[0])
    return float(np.interp(size, RESOLUTIONS, known) + slope * min(0, size - RESOLUTIONS[0]))


def _log(known: Floats, size: float) -> float:
    logs = np.log(RESOLUTIONS)
    slope = np.polyfit(logs, known, 1)[0]
    return float(np.interp(np.log(size), logs, known) + slope * min(0, np.log(size) - logs[0]))


def _log_line(known: Floats, size: float) -> float:
    return float(np.polyval(np.polyfit(np.log(RESOLUTIONS), known, 1), np.log(size)))


TREATMENT = "log"
TREATMENTS: Mapping[str, tuple[Callable[[Floats, float], float], str]] = {
    "nearest": (_nearest, "the prediction at the nearest of the five resolutions"),
    "linear": (_linear, "interpolated in pixels; below 160 px continued with the slope from 160 to 176 px"),
    "log": (
        _log,
        "interpolated in the logarithm of the image size; below 160 px, where the MobileNetV3 predictor is untrained, "
        "continued with each network's least-squares slope over the five resolutions",
    ),
    "log_line": (_log_line, "each network's least-squares line over the five resolutions in log image size"),
}
"""Ways to predict at image sizes that the predictor does not know, each with a description."""


def at_sizes(predictor: AccuracyPredictor, data: Published, effects: Mapping[str, Sequence[float]], how: str) -> Floats:
    """Return predictions for the published networks at their image sizes, before the line: float64 [n, 1], points."""
    known = by_resolution(predictor, data.genes)
    for gene, values in effects.items():
        known += 100 * np.array(values)[data.genes[:, SPACE.index[gene]], None]
    treat = TREATMENTS[how][0]
    return np.array([[treat(row, size)] for row, size in zip(known, data.sizes, strict=True)])


def fit(x: Floats, y: Floats) -> Floats:
    """Return least-squares slopes and the intercept: float64 [n, k] and [n] to [k + 1]."""
    return np.asarray(np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0], np.float64)


def left_out(x: Floats, data: Published) -> Floats:
    """Return each network's top-1, predicted by a line fitted to networks with other blocks: float64 [n], points."""
    predicted = np.empty(len(x))
    for group in np.unique(data.blocks):
        out = data.blocks == group
        line = fit(x[~out], data.top1[~out])
        predicted[out] = x[out] @ line[:-1] + line[-1]
    return predicted


def scores(x: Floats, data: Published) -> dict[str, float]:
    """Return the errors of the left-out predictions, in points, and their rank correlation with top-1."""
    from scipy.stats import spearmanr

    predicted = left_out(x, data)
    off = predicted - data.top1
    return {
        "mae": round(float(np.abs(off).mean()), 3),
        "rmse": round(float(np.sqrt(np.mean(off**2))), 3),
        "largest": round(float(np.abs(off).max()), 3),
        "rank_correlation": round(float(spearmanr(predicted, data.top1).statistic), 3),
    }


def partial_rank_correlation(x: Floats, data: Published, given: Floats) -> dict[str, float | list[float]]:
    """Return the rank correlation of predictions and top-1, given ``given``, with a 95 % interval by Fisher's z."""
    from scipy.stats import rankdata

    ranks = rankdata(given, axis=0)
    rest = []
    for values in (rankdata(x[:, 0]), rankdata(data.top1)):
        line = fit(ranks, values)
        rest.append(values - ranks @ line[:-1] - line[-1])
    value = float(np.corrcoef(rest)[0, 1])
    margin = 1.96 / np.sqrt(len(x) - given.shape[1] - 3)
    interval = np.tanh(np.arctanh(value) + margin * np.array([-1, 1]))
    return {"value": round(value, 3), "approximate_interval_95": np.round(interval, 2).tolist()}


def free_slope(x: Floats, y: Floats) -> dict[str, float]:
    """Return the last slope of a plane fitted to float64 [n, k] and [n]."""
    columns = np.column_stack([x, np.ones(len(x))])
    plane = fit(x, y)
    variance = np.sum((y - columns @ plane) ** 2) / (len(y) - len(plane)) * np.linalg.inv(columns.T @ columns)
    return {"value": round(float(plane[-2]), 3), "standard_error": round(float(np.sqrt(variance[-2, -2])), 3)}


def evaluate(predictor: AccuracyPredictor, data: Published) -> dict[str, Any]:
    """Return the line that is fitted to a predictor, and its errors in points."""
    effects = last_block(predictor)
    x, without = (at_sizes(predictor, data, known, TREATMENT) for known in (effects, {}))
    slope, intercept = fit(x, data.top1)
    return {
        "transfer": {
            "from": SOURCE.name,
            "slope": round(float(slope), 6),
            "intercept": round(float(intercept) / 100, 6),
            "effects": effects,
        },
        "leave_one_out": scores(x, data),
        "without_last_block": scores(without, data),
        "last_block_slope": free_slope(np.column_stack([without, x - without]), data.top1),
        "by_treatment_of_resolution": {
            how: scores(at_sizes(predictor, data, effects, how), data) for how in TREATMENTS
        },
        "partial_rank_correlation": {
            "given_macs": partial_rank_correlation(x, data, data.log_macs),
            "given_macs_without_last_block": partial_rank_correlation(without, data, data.log_macs),
            "given_macs_and_parameters": partial_rank_correlation(x, data, data.log_size),
        },
    }


def main() -> None:
    """Write the card beside the weights."""
    data = published_proxyless()
    embedded = embedded_predictor(SOURCE)
    ours, theirs = evaluate(embedded, data), evaluate(official_predictor(SOURCE), data)
    card = {
        "title": "Estimate of accuracy in space proxyless, transferred from the predictor of space mbv3",
        "note": NOTE,
        "coverage": {"labels": COVERAGE, "unlabelled": {}},
        "made_by": "python tools/make_proxyless.py",
        "date": date.today().isoformat(),
        "formula": "accuracy = intercept + slope * (f + effects); f: what the predictor of mbv3 gives for the same r, "
        "d0-d4, k0-k19 and e0-e19; effects: one a choice of k20 and of e20; all are fractions of 1",
        "transfer": ours.pop("transfer"),
        "last_block": LAST_BLOCK,
        "resolution": {
            "treatment": TREATMENT,
            **{how: description for how, (_, description) in TREATMENTS.items()},
            "why": WHY,
        },
        "data": {
            "file": "ofa_bench/data/published/proxyless.json",
            "pairs": data.pairs,
            "distinct_networks": len(data.top1),
            "groups": len(set(data.blocks)),
            "top1_range": [float(data.top1.min()), float(data.top1.max())],
            "distinct": DISTINCT,
        },
        "predictor_sha256": embedded.sha256,
        "errors": {
            **ours,
            "baselines": {
                "log_macs": scores(data.log_macs, data),
                "log_macs_and_log_parameters": scores(data.log_size, data),
            },
        },
        "check_on_official_predictor": theirs,
    }
    path = FOLDER / "predictors" / f"{SPACE.name}.json"
    path.write_text(json.dumps(card, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
