"""Writes ``devices/macs/<space>.json``, the multiply-accumulates of a space: ``python tools/make_macs.py mbv3_w1.0``.

They are counted on the modules of ``ofa``, and equal its ``Mbv3FLOPsModel``, ``ProxylessNASFLOPsModel`` and
``ResNet50FLOPsModel`` (``ofa.nas.efficiency_predictor``), which call them FLOPs.
"""

import sys
from collections.abc import Sequence

from targets import targets_of

from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import CostTable
from ofa_bench.profiling.plan import count_terms
from ofa_bench.supernets.pieces import supernet

__all__ = ["main"]


def main(names: Sequence[str]) -> None:
    """Write the tables of some spaces; the targets of older tables came from an earlier search."""
    for space in map(load_space, names):
        card = {
            "title": f"Multiply-accumulates of space {space.name}, one image",
            "source": "counted on the modules of the ofa package (Once-for-All, Cai et al., ICLR 2020)",
            "made_by": f"python tools/make_macs.py {space.name}",
        }
        path = FOLDER / "macs" / f"{space.name}.json"
        counted = count_terms(supernet(space).slots())
        cost = CostTable(space, counted, name="macs", unit="MMACs", sha256="", card=card)
        write_table(path, counted, space=space.name, device="macs", unit="MMACs", card=card, targets=targets_of(cost))
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
