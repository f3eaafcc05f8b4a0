"""Writes ``devices/note10/mbv3.json`` from OFA's official lookup tables: ``python tools/make_note10.py``.

The official files have one mean latency for each layer shape; the compact table has the same numbers by resolution,
block, kernel and expand ratio (``ofa.tutorial.LatencyTable.predict_network_latency_given_spec`` names the layers).
"""

from ofa_bench.devices.lookup_layers import MBV3_FORMS, form_of, layers_of
from ofa_bench.devices.lookup_tables import latencies
from ofa_bench.devices.tables import FOLDER, write_table
from ofa_bench.predictors.assets import ASSETS, BASE_URL, asset_content
from ofa_bench.spaces import MobileNetV3Space
from ofa_bench.spaces.mobile import RESOLUTIONS

__all__ = ["main"]

PAPER_TARGETS = tuple(range(15, 61, 5))
"""The targets of Kumar & Szidon (arXiv 2012.06748, table 1), in ms."""


def main() -> None:
    """Write the table in the package."""
    names = {resolution: f"ofa/note10/{resolution}_lookup_table.yaml" for resolution in RESOLUTIONS}
    tables = {resolution: latencies(asset_content(name)) for resolution, name in names.items()}
    form = form_of(MBV3_FORMS, tables[RESOLUTIONS[0]])
    assert form is not None
    terms = layers_of(MobileNetV3Space(), form, tables).terms
    card = {
        "title": "Samsung Note10 latency of OFA MobileNetV3 (width 1.2), one image",
        "source": "Once-for-All (Cai et al., ICLR 2020), https://github.com/mit-han-lab/once-for-all, MIT license",
        "files": {BASE_URL + name: ASSETS[name] for name in names.values()},
        "date": "published 2020",
        "made_by": "python -m ofa_bench.data.make_note10",  # its name then; records know the file by its hash
    }
    path = FOLDER / "note10" / "mbv3.json"
    write_table(path, terms, space="mbv3", device="note10", unit="ms", card=card, targets=PAPER_TARGETS)
    print(path)


if __name__ == "__main__":
    main()
