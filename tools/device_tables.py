"""Tables of the package's devices: the errors of fitted ones, and how alike devices rank networks."""

import json

import numpy as np
from scipy.stats import spearmanr

from ofa_bench.devices.tables import FOLDER
from ofa_bench.experiment.building import load_space
from ofa_bench.predictors import latency_table
from ofa_bench.records.tables import Table, markdown

__all__ = ["device_ranks_mbv3", "device_ranks_width1", "fitted_devices"]

NETWORKS = 10_000
"""Random architectures whose costs are ranked."""


def device_ranks_mbv3() -> str:
    """Return the rank correlations between the devices of ``mbv3``."""
    return _ranks("mbv3")


def device_ranks_width1() -> str:
    """Return the rank correlations between the devices of ``mbv3_w1.0``."""
    return _ranks("mbv3_w1.0")


def fitted_devices() -> str:
    """Return the errors of the tables that are fitted to networks on GPUs, from their cards."""
    rows = []
    for path in sorted(FOLDER.glob("*_b64/*.json")):
        card = json.loads(path.read_text())["card"]
        held = card["held_back"]
        low, high = held["range_ms"]
        rows.append((
            f"`{path.parent.name}`", f"`{path.stem}`", f"{held['networks']:,}", f"{low:.0f}…{high:.0f} ms a batch",
            *(f"{100 * held[key]:.1f} %" for key in ("mean_error", "p95_error", "max_error")),
            f"{held['rank_correlation']:.4f}", f"{card['guard_band']:.3f}",
        ))  # fmt: skip
    heads = (
        "device", "space", "networks held back", "their range", "mean error", "95th percentile", "largest",
        "rank correlation", "guard band",
    )  # fmt: skip
    return markdown(Table("", heads, tuple(rows), 2))


def _ranks(name: str) -> str:
    """Return the rank correlations of costs over random architectures, each pair of devices once."""
    space = load_space(name)
    devices = sorted(path.parent.name for path in FOLDER.glob(f"*/{name}.json"))
    genes = space.sample(NETWORKS, np.random.default_rng(0))
    ranks = spearmanr(np.stack([latency_table(space, device).cost(genes) for device in devices], axis=1)).statistic
    rows = [
        (f"`{device}`", *(f"{one:.2f}" for one in ranks[i, :i]), *[""] * (len(devices) - 1 - i))
        for i, device in enumerate(devices)
        if i
    ]
    return markdown(Table("", ("", *(f"`{device}`" for device in devices[:-1])), tuple(rows)))
