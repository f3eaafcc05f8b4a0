"""Writes ``data/measured``: ``python tools/make_measured.py FOLDER``, a folder with the rows that others measured.

A file of the folder has a row for each measurement: the digits of ``ks``, ``e`` and ``d``, ``r``, and ``top1_percent``.
Ours is one file a supernet, with a card; numbers are written as they are in the sources.
"""

import csv
import hashlib
import json
import lzma
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ofa_bench.data import ENDINGS
from ofa_bench.data import FOLDER as DATA
from ofa_bench.files.writing import write_whole

__all__ = ["main", "repeats_of"]

FOLDER = Path(str(DATA)) / "measured"

COLUMNS = ("ks", "e", "d", "r", "top1", "source", "part")

PARTS: Mapping[str, Sequence[int]] = {
    "mbv3_w1.0_r160_r192.csv": (351, 669, 994),
    "mbv3_w1.0_r128.csv": (198, 385, 574),
    "compofa_supernet_r160_r192.csv": (131, 262, 401, 534, 661, 797, 921),
}
"""The first rows of the second and later parts of files whose rows were measured on parts of the validation images.

All accuracies are multiples of 1/12,500 (CompOFA: 1/6,250). What a fit leaves unexplained keeps one level over a
quarter (an eighth) of the rows, then changes to another, as if each process had measured on its own images. The places
are those that leave the least variance (for CompOFA, those within a few rows of it at which the cycle of resolutions
begins anew).
"""

SOURCES: Mapping[str, Mapping[str, Any]] = {
    "neural-compressor": {
        "by": "Intel Neural Compressor",
        "address": "https://github.com/intel/neural-compressor, commit e08da4af, "
        "examples/notebook/dynas/results_mbnv3w1p2_macs.csv",
        "licence": "Apache-2.0",
        "caveat": "met by one search for accuracy and MACs, so not random, and dense near its frontier; networks that "
        "are there twice have one accuracy, so the noise is not known",
    },
    "dynas-t": {
        "by": "Intel Labs, DyNAS-T",
        "address": "https://github.com/IntelLabs/DyNAS-T, commit 251cb5e, notebooks/data (five searches)",
        "licence": "Apache-2.0 (its README adds: research code, for non-commercial purposes)",
        "caveat": "met by five searches, so not random, and dense near their frontiers",
    },
    "moofa": {
        "by": "Maxime Girard et al., memory-optimized Once-For-All",
        "address": "https://github.com/MaximeGirard/memory-optimized-once-for-all, commit db7c247, "
        "acc_predictor_datasets/adapted",
        "licence": "MIT (stated by its README, without a file)",
        "caveat": "random, balanced by peak memory; measured on parts of the validation images (column part). The "
        "parts are inferred: accuracies are multiples of one in 12,500 (CompOFA's supernet: 6,250), and what a fit "
        "leaves unexplained has a level of its own in each quarter (eighth) of a file. On held-out rows the error of "
        "a linear fit falls from 0.29 to 0.19 points (r=160, 192), 0.37 to 0.21 (128) and 0.40 to 0.30 (CompOFA) if "
        "it knows the part. The first rows of a part may be wrong by about five",
    },
}

FILES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "mbv3": ("OFA's ofa_mbv3_d234_e346_k357_w1.2", {"mbv3_w1.2_r224.csv": "neural-compressor"}),
    "mbv3_w1.0": (
        "OFA's ofa_mbv3_d234_e346_k357_w1.0",
        {"mbv3_w1.0_r224.csv": "dynas-t", "mbv3_w1.0_r160_r192.csv": "moofa", "mbv3_w1.0_r128.csv": "moofa"},
    ),
    "compofa_supernet": ("CompOFA's own, not OFA's", {"compofa_supernet_r160_r192.csv": "moofa"}),
}
"""By name, the supernet, and its files with their sources."""


def main(folder: Path) -> None:
    """Write the files and their cards in the package."""
    for name, (supernet, sources) in FILES.items():
        contents = {file: (folder / file).read_bytes() for file in sources}
        rows = [
            [*row, sources[file], str(1 + bisect_right(PARTS[file], number)) if file in PARTS else "0"]
            for file, content in contents.items()
            for number, row in enumerate(list(csv.reader(content.decode().splitlines()))[1:])
        ]
        text = "".join(f"{','.join(row)}\n" for row in (COLUMNS, *rows))
        path = FOLDER / f"{name}{ENDINGS['measured']}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
        hashes = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
        card = _card(supernet, rows, hashes)
        write_whole(FOLDER / f"{name}.json", f"{json.dumps(card, indent=1)}\n")
        print(path)


def _card(supernet: str, rows: Sequence[Sequence[str]], hashes: Mapping[str, str]) -> dict[str, Any]:
    sizes = Counter(int(row[3]) for row in rows)
    return {
        "title": f"Measured ImageNet accuracies of subnets of a supernet: {supernet}",
        "supernet": supernet,
        "rows": len(rows),
        "networks": len({tuple(row[:4]) for row in rows}),
        "rows_by_resolution": {str(size): sizes[size] for size in sorted(sizes)},
        "measured": "top-1 in percent on the validation images (all 50,000 where part is 0), of subnets cut from the "
        "supernet without further training, their BatchNorm statistics computed anew",
        "repeats": repeats_of(rows),
        "columns": "ks, e: digits by block, 0 where the depths build none; d: digits by stage; r: resolution; top1: "
        "percent; source: one of sources; part: of the validation images, 0 for all",
        "sources": {source: SOURCES[source] for source in dict.fromkeys(row[5] for row in rows)},
        "files_sha256": dict(hashes),
        "made_by": "python tools/make_measured.py FOLDER",
    }


def repeats_of(rows: Sequence[Sequence[str]]) -> dict[str, float] | None:
    """Return how far accuracies of one network differ, in points; None if no network was measured twice."""
    values = defaultdict(list)
    for row in rows:
        values[tuple(row[:4])].append(float(row[4]))
    several = [np.array(found) for found in values.values() if len(found) > 1]
    if not several:
        return None
    free = sum(len(found) - 1 for found in several)
    deviation = np.sqrt(sum(((found - found.mean()) ** 2).sum() for found in several) / free)
    return {"networks": len(several), "standard_deviation": round(float(deviation), 3)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
