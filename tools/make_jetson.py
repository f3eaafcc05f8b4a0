"""Writes ``devices/jetson_cpu/mbv3.json`` and ``jetson_gpu/mbv3.json``: ``python tools/make_jetson.py FOLDER``.

The folder has DynamicOFA's lookup tables, ``jetson_cpu/<resolution>_lookup_table.json`` and ``jetson_gpu/...``: a mean
latency for each layer shape. The compact tables have the same numbers by resolution, block, kernel and expand ratio.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from targets import targets_of

from ofa_bench.devices.lookup_layers import MBV3_FORMS, form_of, layers_of
from ofa_bench.devices.lookup_tables import latencies
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.predictors import CostTable
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.spaces.mobile import RESOLUTIONS

__all__ = ["DEVICES", "main"]

DEVICES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "jetson_cpu": (
        "CPU",
        "mean of 79 runs of each block (others: about 500), timed alone; their standard deviation is a third of the "
        "mean (median over layers)",
        {
            "caveat": "the first block, the same in every network, has the GPU's latency (0.8 to 1.8 ms), to the last "
            "digit; no order of networks of one resolution depends on it",
        },
    ),
    "jetson_gpu": (
        "GPU",
        "mean of 799 runs of each block (others: about 500), timed alone; their standard deviation is 4 % of the mean "
        "(median over layers)",
        {},
    ),
}
"""By device: its part of the board, the statistic, and what else the card says."""


def main(folder: Path) -> None:
    """Write the tables in the package."""
    space = MobileNetV3Space()
    for device, (part, statistic, more) in DEVICES.items():
        contents = {r: (folder / device / f"{r}_lookup_table.json").read_bytes() for r in RESOLUTIONS}
        tables = {r: latencies(content) for r, content in contents.items()}
        form = form_of(MBV3_FORMS, tables[RESOLUTIONS[0]])
        assert form is not None
        layers = layers_of(space, form, tables)
        assert not layers.missing, layers.missing[0]
        card = {
            "title": f"NVIDIA Jetson Xavier NX, {part}: latency of OFA MobileNetV3 (width {space.width}), one image",
            "source": "Dynamic-OFA (Lou et al., CVPR Workshops 2021, arXiv 2105.03596), "
            "https://github.com/UoS-EEC/DynamicOFA, commit 349461f",
            "licence": "none stated; figures only",
            "files_sha256": {f"{r}": hashlib.sha256(content).hexdigest() for r, content in contents.items()},
            "board": "Xavier NX by the paper; the names of the files say jetson",
            "unit": "taken for ms, as in OFA's own tables of this form; the files do not state it. As microseconds, "
            "the CPU's would mean 190 billion multiply-accumulates a second, more than its six cores do. Software is "
            "not stated; the owners' code is PyTorch. No latency of a whole network was found to compare with",
            "statistic": f"{statistic}; the error of their sum is not known",
            **more,
            "made_by": "python tools/make_jetson.py FOLDER",
        }
        cost = CostTable(space, layers.terms, name=device, unit="ms", sha256="", card=card)
        about = {"space": space.name, "device": device, "unit": "ms", "card": card}
        path = FOLDER / device / f"{space.name}.json"
        write_table(path, layers.terms, **about, targets=targets_of(cost))
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
