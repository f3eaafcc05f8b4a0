"""Writes ``data/layers/<space>.json``, the layers of a space's networks: ``python tools/make_layers.py mbv3_w1.0``."""

import sys
from collections.abc import Sequence

from ofa_bench.devices.roofline import FOLDER, write_layers
from ofa_bench.experiment.building import load_space
from ofa_bench.profiling.layers import list_terms
from ofa_bench.supernets.pieces import supernet

__all__ = ["main"]


def main(names: Sequence[str]) -> None:
    """Write the layers of some spaces."""
    for space in map(load_space, names):
        card = {
            "title": f"Layers of the networks of space {space.name}, for one image",
            "layers": "multiply-accumulates, numbers of the input and the output, parameters; normalisation, "
            "activations and other element-wise work belong to the layer before them",
            "source": "listed on the modules that build the networks",
            "made_by": f"python tools/make_layers.py {space.name}",
        }
        path = FOLDER / f"{space.name}.json"
        write_layers(path, list_terms(supernet(space).slots()), space=space.name, card=card)
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
