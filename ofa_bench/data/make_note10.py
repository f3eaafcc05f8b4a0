"""Make ``devices/note10/mbv3.json`` from OFA's official look-up tables: ``python -m ofa_bench.data.make_note10``.

The official files hold one mean latency for each layer shape; the compact table holds the same numbers by resolution,
block, kernel and expand ratio (``ofa.tutorial.LatencyTable.predict_network_latency_given_spec`` names the layers).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

from ofa_bench.predictors.assets import ASSETS, BASE_URL, asset_content
from ofa_bench.predictors.cost import Term
from ofa_bench.predictors.devices import write_table
from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, EXPANDS, KERNELS, N_STAGES, RESOLUTIONS

__all__ = ["main"]

PAPER_TARGETS = tuple(range(15, 61, 5))
"""The targets of Kumar & Szidon (arXiv 2012.06748, table 1), in ms."""

STRIDES = (2, 2, 2, 1, 2)
WIDTHS = (24, 32, 48, 96, 136, 192)
HARD_SWISH = (0, 0, 1, 1, 1)
SQUEEZE_EXCITE = (0, 1, 0, 1, 1)

Latencies = Mapping[str, float]


def _fixed(latency: Latencies, resolution: int) -> float:
    """Sum the first convolution and block, and all that follows the last stage, in the order that OFA adds them."""
    half, last = resolution // 2, -(-resolution // 32)
    return (
        latency[f"Conv-input:{resolution}x{resolution}x3-output:{half}x{half}x24"]
        + latency[_block(half, 24, half, 24, 24, 3, 1, 1, 0, 0)]
        + latency[f"Conv_1-input:{last}x{last}x192-output:{last}x{last}x1152"]
        + latency[f"AvgPool2D-input:{last}x{last}x1152-output:1x1x1152"]
        + latency["Conv_2-input:1x1x1152-output:1x1x1536"]
        + latency["Logits-input:1x1x1536-output:1000"]
    )


def _block(
    size: int,
    width: int,
    out_size: int,
    out_width: int,
    mid: int,
    kernel: int,
    stride: int,
    skip: int,
    se: int,
    hs: int,
) -> str:
    return (
        f"expanded_conv-input:{size}x{size}x{width}-output:{out_size}x{out_size}x{out_width}"
        f"-expand:{mid}-kernel:{kernel}-stride:{stride}-idskip:{skip}-se:{se}-hs:{hs}"
    )


def _stage(latency: Latencies, resolution: int, stage: int, first: bool) -> list[list[float]]:
    """Latencies of a stage's first or further blocks: kernels by expand ratios."""
    size = resolution // 2
    for stride in STRIDES[: stage + (not first)]:
        size = (size - 1) // stride + 1
    stride = STRIDES[stage] if first else 1
    width = WIDTHS[stage if first else stage + 1]
    shape = (size, width, (size - 1) // stride + 1, WIDTHS[stage + 1])
    flags = (stride, 0 if first else 1, SQUEEZE_EXCITE[stage], HARD_SWISH[stage])
    return [[latency[_block(*shape, width * e, k, *flags)] for e in EXPANDS] for k in KERNELS]


def main() -> None:
    """Write the table beside this file."""
    names = {resolution: f"ofa/note10/{resolution}_lookup_table.yaml" for resolution in RESOLUTIONS}
    tables = {resolution: yaml.safe_load(asset_content(name)) for resolution, name in names.items()}
    latencies = {r: {layer: entry["mean"] for layer, entry in table.items()} for r, table in tables.items()}
    terms = [Term((("r",),), np.array([_fixed(latencies[r], r) for r in RESOLUTIONS]))]
    for stage in range(N_STAGES):
        blocks = range(stage * BLOCKS_PER_STAGE, (stage + 1) * BLOCKS_PER_STAGE)
        for first, members in ((True, blocks[:1]), (False, blocks[1:])):
            places = tuple(("r", f"k{block}", f"e{block}") for block in members)
            terms.append(Term(places, np.array([_stage(latencies[r], r, stage, first) for r in RESOLUTIONS])))
    card = {
        "title": "Samsung Note10 latency of OFA MobileNetV3 (width 1.2), one image",
        "source": "Once-for-All (Cai et al., ICLR 2020), https://github.com/mit-han-lab/once-for-all, MIT license",
        "files": {BASE_URL + name: ASSETS[name] for name in names.values()},
        "date": "published 2020",
        "made_by": "python -m ofa_bench.data.make_note10",
    }
    path = Path(__file__).parent / "devices" / "note10" / "mbv3.json"
    write_table(path, terms, space="mbv3", device="note10", unit="ms", card=card, targets=PAPER_TARGETS)
    print(path)


if __name__ == "__main__":
    main()
