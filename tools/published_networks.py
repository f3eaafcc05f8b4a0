"""Draws ``docs/truth/published.png``: networks that searches found on measured accuracies, among published ones."""

import json
from pathlib import Path

import numpy as np
from truth_study import FILE

from ofa_bench.analysis.figures.drawing import png
from ofa_bench.analysis.figures.published import FoundNetworks, PublishedNetwork, draw_among_published
from ofa_bench.analysis.studies import Study, studies
from ofa_bench.records.compact import unpack

__all__ = ["main"]

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "ofa_bench" / "data" / "published" / "networks.json"
OUT = ROOT / "docs" / "truth" / "published.png"

NAMES = {
    "mbv3": "found in OFA's MobileNetV3 (width 1.2), not finetuned",
    "mbv3_w1.0": "found in OFA's MobileNetV3 (width 1.0), not finetuned",
}


def main() -> None:
    """Draw the picture."""
    about = json.loads(PUBLISHED.read_text())["networks"]
    published = [PublishedNetwork(one["name"], one["top1"], one["macs"]) for one in about]
    searched = {one.space: one for one in studies(unpack(FILE)) if (one.device, one.predictor) == ("macs", "measured")}
    found = [_found(searched[space], name) for space, name in NAMES.items() if space in searched]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(png(draw_among_published(found, published)))


def _found(study: Study, name: str) -> FoundNetworks:
    """Return what ``joint`` found: means over repeats, and the mean uncertainty of a network."""
    [entry] = [one for one in study.entries if one.name == "joint"]
    uncertainty = np.array([[100 * (one.uncertainty or 0) for one in results] for results in entry.repeats])
    return FoundNetworks(name, entry.cost.mean(axis=0), entry.accuracy.mean(axis=0), uncertainty.mean(axis=0))


if __name__ == "__main__":
    main()
