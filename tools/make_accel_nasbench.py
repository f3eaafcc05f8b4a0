"""Writes ``data/measured/accel_nasbench.csv.xz``: ``python tools/make_accel_nasbench.py FILE``, the published rows.

A row of the file has the choices of the seven stages (``block0_e`` ...), the accuracy, and costs on accelerators. Ours
has a string of seven digits for each kind of choice. MACs and parameters are left out: the devices ``macs`` and
``params`` give the published ones. So are the seconds of training, and the throughput of the FPGAs, whose latency is
there.
"""

import csv
import hashlib
import json
import lzma
import sys
from collections.abc import Mapping
from pathlib import Path

from make_measured import FOLDER, repeats_of

from ofa_bench.data import ENDINGS
from ofa_bench.files.writing import write_whole

__all__ = ["main"]

NAME = "accel_nasbench"
KINDS: Mapping[str, str] = {"ks": "k", "e": "e", "d": "l", "se": "se"}
"""Our names of the choices, with those of the file."""

DIGITS: Mapping[str, int] = {
    "latency_zcu102": 4,
    "latency_vck190": 4,
    "throughput_a100": 4,
    "throughput_3090": 4,
    "throughput_tpuv2": 3,
    "throughput_tpuv3": 3,
}
"""The significant digits that are kept: by more than these, networks that were measured twice differ."""


def main(path: Path) -> None:
    """Write the file and its card in the package."""
    content = path.read_bytes()
    rows = [_row(row) for row in csv.DictReader(content.decode().splitlines())]
    text = "".join(f"{','.join(row)}\n" for row in ((*KINDS, "top1", *DIGITS), *rows))
    write_whole(FOLDER / f"{NAME}{ENDINGS['measured']}", lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    card = {
        "title": "Accuracies of networks of MnasNet's space, each trained on ImageNet: Accel-NASBench",
        "rows": len(rows),
        "networks": len({tuple(row[:4]) for row in rows}),
        "measured": "top-1 in percent on the 50,000 validation images, after a shortened training for each row",
        "repeats": repeats_of(rows),
        "columns": "ks, e, d, se: digits by stage (kernel, expand ratio, layers, squeeze-and-excitation); top1: "
        "percent; latency_<device>: milliseconds, taken to be of one image; "
        "throughput_<device>: images a second; empty where it was not measured",
        "rounded": "top1 is exact; the others keep significant_digits. MACs, parameters, seconds of training and "
        "the FPGAs' throughput are left out; the devices macs and params give the published values",
        "significant_digits": DIGITS,
        "sources": {
            NAME: {
                "by": "Afzal Ahmad, Linfeng Du, Zhiyao Xie and Wei Zhang, Accel-NASBench: Sustainable Benchmarking for "
                "Accelerator-Aware NAS (DAC 2024, arXiv 2404.08005)",
                "address": "https://github.com/afzalxo/Accel-NASBench, commit 4260357",
                "licence": "Apache-2.0",
                "caveat": "random networks; a stage has squeeze-and-excitation in one of three, and any other choice "
                "about as often as the others",
            }
        },
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "made_by": "python tools/make_accel_nasbench.py FILE",
    }
    write_whole(FOLDER / f"{NAME}.json", f"{json.dumps(card, indent=1)}\n")
    print(FOLDER / NAME)


def _row(row: Mapping[str, str]) -> list[str]:
    choices = ["".join(row[f"block{stage}_{kind}"] for stage in range(7)) for kind in KINDS.values()]
    costs = [f"{float(f'{float(row[key]):.{digits}g}'):.10g}" if row[key] else "" for key, digits in DIGITS.items()]
    return [*choices, f"{round(float(row['val_top1']), 3):g}", *costs]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
