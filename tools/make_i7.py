"""Writes ``devices/i7_8700k/<space>.json``: ``python tools/make_i7.py FOLDER``, a folder with ``i7-8700K_lut.yaml``.

nsganetv2's lookup table has a mean latency for each layer shape of both widths of MobileNetV3; the compact tables have
the same numbers by resolution, block, kernel and expand ratio.
"""

import hashlib
import sys
from pathlib import Path

from targets import targets_of

from ofa_bench.devices.lookup_layers import form_of, forms_of, layers_of
from ofa_bench.devices.lookup_tables import latencies
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.predictors import CostTable
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.spaces.mobile import RESOLUTIONS

__all__ = ["main"]

FILE = "i7-8700K_lut.yaml"
COMMIT = "04c495a"
ADDRESS = "https://github.com/mikelzc1990/nsganetv2"


def main(folder: Path) -> None:
    """Write the tables in the package."""
    content = (folder / FILE).read_bytes()
    table = latencies(content)
    for space in (MobileNetV3Space(), MobileNetV3Space(width=1.0)):
        form = form_of(forms_of(space), table)
        assert form is not None
        layers = layers_of(space, form, dict.fromkeys(RESOLUTIONS, table))
        assert not layers.missing, layers.missing[0]
        card = {
            "title": f"Intel Core i7-8700K latency of OFA MobileNetV3 (width {space.width}), one image",
            "source": f"NSGANetV2 (Lu et al., ECCV 2020), {ADDRESS}, commit {COMMIT}, data/{FILE}",
            "licence": "Apache-2.0",
            "file_sha256": hashlib.sha256(content).hexdigest(),
            "unit": "taken for ms, which the file does not state; nor does it state threads or software",
            "statistic": "mean of each layer, timed alone; the error of their sum is not known",
            "made_by": f"python tools/make_i7.py FOLDER, with {FILE} in FOLDER",
        }
        cost = CostTable(space, layers.terms, name="i7_8700k", unit="ms", sha256="", card=card)
        path = FOLDER / "i7_8700k" / f"{space.name}.json"
        about = {"space": space.name, "device": "i7_8700k", "unit": "ms", "card": card}
        write_table(path, layers.terms, **about, targets=targets_of(cost))
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
