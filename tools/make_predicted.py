"""Writes ``data/predicted``: ``python tools/make_predicted.py FOLDER``, a folder with AutoBuild's labels.

A file of the folder has a row for each label: the digits of ``ks``, ``e`` and ``d``, ``r``, and ``top1_percent``. An
architecture is there at up to three resolutions, and once in ours: its blocks and its labels, as integers, exactly.
"""

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ofa_bench.data import BLOCKS, ENDINGS, LABELLED
from ofa_bench.data import FOLDER as DATA
from ofa_bench.files.writing import write_whole

__all__ = ["main"]

FOLDER = Path(str(DATA)) / "predicted"

NAMES = {"mbv3": "autobuild_mbv3_w1.2", "proxyless": "autobuild_proxyless"}
SAMPLES = ("random", "frontier")
CAVEATS = {
    "mbv3": "it was trained on about 2,700 subnets that its authors measured on OFA's supernet of width 1.2; against "
    "the measured rows of that supernet it is 0.11 points low (standard deviation 0.085)",
    "proxyless": "it was trained on subnets that its authors measured on OFA's ProxylessNAS supernet of width 1.3; on "
    "their test set its mean absolute error is 0.18 points",
}


def main(folder: Path) -> None:
    """Write the files and their cards in the package."""
    for name, stem in NAMES.items():
        files = {sample: f"{stem}_{sample}.csv.gz" for sample in SAMPLES}
        contents = {sample: gzip.decompress((folder / file).read_bytes()) for sample, file in files.items()}
        found: dict[tuple[str, ...], dict[int, float]] = {}
        for sample, content in contents.items():
            for row in csv.DictReader(content.decode().splitlines()):
                key = (sample, row["ks"], row["e"])
                found.setdefault(key, {})[int(row["r"])] = float(row["top1_percent"])
        blocks = [[BLOCKS.index((int(k), int(e))) for k, e in zip(ks, es, strict=True)] for _, ks, es in found]
        labels = np.array([[one.get(r, np.nan) for r in LABELLED] for one in found.values()]).T
        arrays = {
            "blocks": np.array(blocks, np.uint8).T,
            "frontier": np.array([sample == "frontier" for sample, *_ in found]),
            **_integers(labels),
        }
        path = FOLDER / f"{name}{ENDINGS['predicted']}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _packed(arrays))
        hashes = {files[sample]: hashlib.sha256(content).hexdigest() for sample, content in contents.items()}
        card = {
            "title": f"Labels of space {name} by AutoBuild's predictor: predicted, not measured",
            "by": "AutoBuild (Mills et al., CVPR 2024)",
            "address": "https://github.com/Ascend-Research/AutoBuild, commit d893c47",
            "licence": "MIT, Copyright (c) 2024 Huawei Technologies Co., Ltd.",
            "predictor": f"a graph network; {CAVEATS[name]}",
            "resolutions": list(LABELLED),
            "rows": int((~np.isnan(labels)).sum()),
            "networks": len(blocks),
            "samples": "random: 18,000 random architectures at each resolution; frontier: near the frontiers of six "
            "searches",
            "caveat": "split by architecture, never by row: an architecture is there at three resolutions",
            "unpacked_sha256": hashes,
            "made_by": "python tools/make_predicted.py FOLDER",
        }
        write_whole(FOLDER / f"{name}.json", f"{json.dumps(card, indent=1)}\n")
        print(path)


def _integers(labels: NDArray[np.float64]) -> Mapping[str, NDArray[np.generic]]:
    """Return labels (percent, NaN for none) as integers above the least one, with that and their unit.

    An architecture's labels are near each other, so each is written as its difference to the one before it (modulo
    65,536), and none as no difference. The high and the low bytes of all are apart: so they pack more tightly.
    """
    there = labels[~np.isnan(labels)]
    unit = next(unit for unit in (1000, 10_000) if np.abs(there * unit - np.round(there * unit)).max() < 1e-6)
    least = np.round(np.nanmin(labels) * unit)
    missing, filled = np.isnan(labels), np.zeros(labels.shape, np.uint16)
    assert np.nanmax(np.round(labels * unit)) - least < 2**16
    for i, row in enumerate(labels):
        filled[i] = np.where(missing[i], filled[i - 1] if i else 0, np.round(np.nan_to_num(row) * unit) - least)
    steps = np.diff(filled, axis=0, prepend=np.uint16(0))
    parts = {"steps": np.stack([steps >> 8, steps & 255]).astype(np.uint8), "missing": missing}
    return {**parts, "least": np.array(int(least)), "unit": np.array(unit)}


def _packed(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Return the content of an ``.npz`` file, packed more tightly than NumPy packs it; no time is in it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            inner = io.BytesIO()
            np.save(inner, array)
            info = zipfile.ZipInfo(f"{name}.npy")
            archive.writestr(info, inner.getvalue(), zipfile.ZIP_LZMA)
    return content.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
