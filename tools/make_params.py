"""Writes ``devices/params/<space>.json``, the parameters of a space: ``python tools/make_params.py mbv3 mbv3_w1.0``.

They are counted on the modules of ``ofa`` of which the networks consist, as an export's card counts them.
"""

import sys
from collections.abc import Sequence

import numpy as np
from targets import targets_of

from ofa_bench.devices.cost import Term
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import CostTable
from ofa_bench.profiling.plan import build_terms
from ofa_bench.supernets.pieces import count_parameters, supernet

__all__ = ["main"]

UNIT = "M params"


def main(names: Sequence[str]) -> None:
    """Write the tables of some spaces."""
    for space in map(load_space, names):
        slots = supernet(space).slots()
        pieces = {piece.key: piece for slot in slots for piece in slot.pieces.values()}
        terms = _without_sizes(build_terms(slots, {key: count_parameters(piece) for key, piece in pieces.items()}))
        card = {
            "title": f"Parameters of space {space.name}",
            "source": "counted on the modules of the ofa package (Once-for-All, Cai et al., ICLR 2020)",
            "counted": "all weights and biases of the network as cut from the supernet, those of the classifier and of "
            "batch normalisations too, but no running statistics; an engine may fold normalisations into convolutions",
            "made_by": f"python tools/make_params.py {space.name}",
        }
        cost = CostTable(space, terms, name="params", unit=UNIT, sha256="", card=card)
        path = FOLDER / "params" / f"{space.name}.json"
        write_table(path, terms, space=space.name, device="params", unit=UNIT, card=card, targets=targets_of(cost))
        print(path)


def _without_sizes(terms: Sequence[Term]) -> list[Term]:
    """Return the terms in millions and without the image size, on which no number of parameters depends.

    What all networks have is one term, which needs some gene: it has one value for each image size.
    """
    common, made = np.zeros(1), []
    for term in terms:
        assert all(place[0] == "r" for place in term.places)
        assert (term.values == term.values[:1]).all(), term.places
        if term.values.ndim == 1:
            common = common + term.values
        else:
            made.append(Term(tuple(place[1:] for place in term.places), term.values[0] / 1e6))
    return [Term((("r",),), common / 1e6), *made] if common.any() else made


if __name__ == "__main__":
    main(sys.argv[1:])
