"""Writes ``devices/macs/<space>.json``, the multiply-accumulates of every space: ``python tools/make_macs.py``.

They are counted on the modules of ``ofa``, and equal its ``Mbv3FLOPsModel``, ``ProxylessNASFLOPsModel`` and
``ResNet50FLOPsModel`` (``ofa.nas.efficiency_predictor``), which call them FLOPs.
"""

import numpy as np

from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.predictors import AccuracyPredictor, CostTable, embedded_predictor, official_predictor
from ofa_bench.profiling.plan import count_terms
from ofa_bench.search import Problem, default_targets
from ofa_bench.spaces import DesignSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.supernets.pieces import supernet

__all__ = ["main"]


def _judge(space: DesignSpace) -> AccuracyPredictor:
    """Return the predictor that shows where accuracy saturates."""
    return official_predictor(space) if space.official_predictor else embedded_predictor(space)


def main() -> None:
    """Write the tables."""
    for space in (MobileNetV3Space(), ResNet50DSpace(), ProxylessNASSpace()):
        card = {
            "title": f"Multiply-accumulates of space {space.name}, one image",
            "source": "counted on the modules of the ofa package (Once-for-All, Cai et al., ICLR 2020)",
            "made_by": "python -m ofa_bench.data.make_macs",  # its name then; records know the file by its hash
        }
        path = FOLDER / "macs" / f"{space.name}.json"
        counted = count_terms(supernet(space).slots())
        cost = CostTable(space, counted, name="macs", unit="MMACs", sha256="", card=card)
        problem = Problem(space, _judge(space), cost)
        targets = default_targets(problem, np.random.default_rng(0))
        write_table(path, counted, space=space.name, device="macs", unit="MMACs", card=card, targets=targets)
        print(path)


if __name__ == "__main__":
    main()
