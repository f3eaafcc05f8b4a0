"""Make ``devices/macs/<space>.json``: multiply-accumulates of every space, ``python -m ofa_bench.data.make_macs``.

They are counted on the modules of ``ofa`` and equal its ``Mbv3FLOPsModel``, ``ProxylessNASFLOPsModel`` and
``ResNet50FLOPsModel`` (``ofa.nas.efficiency_predictor``), which call them FLOPs.
"""

import numpy as np

from ofa_bench.predictors.cost import Term
from ofa_bench.predictors.devices import FOLDER, write_table
from ofa_bench.spaces import DesignSpace, MobileNetV3Space, ProxylessNASSpace, ResNet50DSpace
from ofa_bench.supernets import count_macs, supernet

__all__ = ["main", "macs_terms"]


def macs_terms(space: DesignSpace) -> list[Term]:
    """Count the multiply-accumulates, in millions, of every piece of a space's networks."""
    known: dict[str, float] = {}
    terms = []
    for slot in supernet(space).slots():
        values = np.zeros([1 + most for most in max(slot.pieces)])
        for choice, piece in slot.pieces.items():
            if piece.key not in known:
                known[piece.key] = count_macs(piece) / 1e6
            values[choice] = known[piece.key]
        terms.append(Term(slot.places, values))
    return terms


def main() -> None:
    """Write the tables."""
    for space in (MobileNetV3Space(), ProxylessNASSpace(), ResNet50DSpace()):
        card = {
            "title": f"Multiply-accumulates of space {space.name}, one image",
            "source": "counted on the modules of the ofa package (Once-for-All, Cai et al., ICLR 2020)",
            "made_by": "python -m ofa_bench.data.make_macs",
        }
        path = FOLDER / "macs" / f"{space.name}.json"
        write_table(path, macs_terms(space), space=space.name, device="macs", unit="MMACs", card=card)
        print(path)


if __name__ == "__main__":
    main()
