"""Writes what the package has of NAS-Bench-Macro: ``python tools/make_nasbench.py FILE``, its JSON.

``data/measured`` has a row for each network: its digits, and the accuracies of three runs. The tables of the devices
``macs`` and ``params`` are counted on our modules, and must give the published FLOPs and parameters of every network.
"""

import hashlib
import json
import lzma
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ofa_bench.data import ENDINGS
from ofa_bench.data import FOLDER as DATA
from ofa_bench.devices.tables import FOLDER as DEVICES
from ofa_bench.devices.tables import write_table
from ofa_bench.files.writing import write_whole
from ofa_bench.predictors import CostTable, table_predictor
from ofa_bench.profiling.plan import build_terms
from ofa_bench.search import Problem, default_targets
from ofa_bench.spaces import NASBenchMacroSpace
from ofa_bench.supernets.pieces import count_macs, count_parameters, supernet

__all__ = ["NAME", "main"]

FOLDER = Path(str(DATA)) / "measured"

NAME = "nasbench_macro"

COUNTED = {"macs": ("flops", "Multiply-accumulates", "MMACs"), "params": ("params", "Parameters", "M params")}
"""By device: the key of the source, the title and the unit, millions."""

RUNS = tuple(f"{NAME}_run{number}" for number in (1, 2, 3))

ADDRESS = "https://github.com/xiusu/NAS-Bench-Macro, commit 61a2bfc, nas-bench-macro_cifar10.json"


def main(source: Path) -> None:
    """Write the file and its card in the package."""
    content = source.read_bytes()
    networks = dict(sorted(json.loads(content).items()))
    given = np.array([one["test_acc"] for one in networks.values()])
    top1 = given.round(2)  # of 10,000 images
    if np.abs(top1 - given).max() > 1e-5:
        raise ValueError(f"{source}: an accuracy is no multiple of 1/10,000")
    rows = [",".join(["layers", *RUNS])]
    rows += [",".join([code, *(f"{one:.2f}" for one in row)]) for code, row in zip(networks, top1, strict=True)]
    path = FOLDER / f"{NAME}{ENDINGS['measured']}"
    write_whole(path, lzma.compress("".join(f"{row}\n" for row in rows).encode(), preset=9 | lzma.PRESET_EXTREME))
    source_of = {
        "by": "Xiu Su et al., NAS-Bench-Macro (CVPR 2021, arXiv 2103.11922)",
        "address": ADDRESS,
        "licence": "Apache-2.0",
        "caveat": "test accuracies: no validation images were held back",
    }
    card = {
        "title": "Measured CIFAR-10 accuracies of all networks of space nasbench_macro, each trained from scratch",
        "supernet": None,
        "rows": int(top1.size),
        "networks": len(top1),
        "measured": "top-1 in percent on the 10,000 test images, of networks trained from scratch three times",
        "repeats": {
            "networks": len(top1),
            "standard_deviation": round(float(np.sqrt(top1.var(axis=1, ddof=1).mean())), 3),
            "standard_deviation_of_the_best_tenth": round(_noise_of_best(top1), 3),
        },
        "columns": "layers: a digit for each layer (0 identity, 1 MBConv of kernel 3 and expand ratio 3, 2 MBConv of "
        "kernel 5 and expand ratio 6); the others: top-1 in percent, by source",
        "sources": dict.fromkeys(RUNS, source_of),
        "files_sha256": {source.name: hashlib.sha256(content).hexdigest()},
        "made_by": "python tools/make_nasbench.py FILE",
    }
    write_whole(FOLDER / f"{NAME}.json", f"{json.dumps(card, indent=1)}\n")
    print(path)
    for device in COUNTED:
        print(_write_table(device, networks))


def _write_table(device: str, networks: Mapping[str, Mapping[str, int]]) -> Path:
    """Write the table of a device; return its path."""
    key, title, unit = COUNTED[device]
    space = NASBenchMacroSpace()
    slots = supernet(space).slots()
    pieces = {piece.key: piece for slot in slots for piece in slot.pieces.values()}
    count = count_macs if device == "macs" else count_parameters
    terms = build_terms(slots, {key: count(piece) / 1e6 for key, piece in pieces.items()})
    card = {
        "title": f"{title} of space {NAME}",
        "source": "counted on the modules of ofa_bench; those of all 6,561 networks are as published (Su et al., CVPR "
        "2021)",
        "made_by": "python tools/make_nasbench.py FILE",
    }
    table = CostTable(space, terms, name=device, unit=unit, sha256="", card=card)
    rows = np.array([[int(digit) for digit in code] for code in networks], np.int8)
    wrong = np.abs(1e6 * table.cost(rows) - [one[key] for one in networks.values()]) > 0.01
    if wrong.any():
        raise ValueError(f"{device}: {wrong.sum()} networks have another number of {key} than published")
    targets = default_targets(Problem(space, table_predictor(space), table), np.random.default_rng(0))
    path = DEVICES / device / f"{NAME}.json"
    write_table(path, terms, space=NAME, device=device, unit=unit, card=card, targets=targets)
    return path


def _noise_of_best(top1: np.ndarray) -> float:
    """Return how far runs of one network differ, in points, over the tenth of networks with the best means."""
    best = top1[top1.mean(axis=1) >= np.quantile(top1.mean(axis=1), 0.9)]
    return float(np.sqrt(best.var(axis=1, ddof=1).mean()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
