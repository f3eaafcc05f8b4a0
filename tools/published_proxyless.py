"""Reads the ProxylessNAS networks that OFA published, with their measured accuracy (``published/proxyless.json``)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ofa_bench
from ofa_bench.spaces import Genes, ProxylessNASSpace
from ofa_bench.supernets.ofa_package import import_ofa, ofa_in_sight
from ofa_bench.supernets.pieces import supernet

__all__ = ["Published", "published_proxyless"]

FILE = Path(ofa_bench.__file__).parent / "data" / "published" / "proxyless.json"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """The distinct published networks: genes (``r`` unused), image size, mean top-1 (points), MACs and parameters."""

    pairs: int
    genes: Genes
    sizes: Floats
    top1: Floats
    blocks: NDArray[np.int_]
    """Equal for networks that differ in nothing but the image size."""
    macs: Floats
    parameters: Floats

    @property
    def log_macs(self) -> Floats:
        """Logarithm of the multiply-accumulates: float64 [n, 1]."""
        return np.log(self.macs)[:, None]

    @property
    def log_size(self) -> Floats:
        """Logarithms of the multiply-accumulates and the parameters: float64 [n, 2]."""
        return np.log(np.stack([self.macs, self.parameters], axis=1))


def published_proxyless() -> Published:
    """Return the networks of ``proxyless.json``; equal blocks and sizes are one network, with the mean accuracy."""
    space = ProxylessNASSpace()
    nets = json.loads(FILE.read_text())["networks"]
    any_size = {"image_size": space.genes[0].choices[0]}
    rows = np.array([space.from_ofa(net | any_size) for net in nets])
    keys = space.keys(rows)
    same: dict[tuple[bytes, int], list[int]] = {}
    for i, net in enumerate(nets):
        same.setdefault((keys[i], net["image_size"]), []).append(i)
    first = [members[0] for members in same.values()]
    names = list(dict.fromkeys(keys))
    whole = supernet(space).net
    counts = np.array([_count(whole, nets[i]) for i in first])
    return Published(
        pairs=len(nets),
        genes=rows[first],
        sizes=np.array([size for _, size in same], np.float64),
        top1=np.array([np.mean([nets[i]["top1"] for i in members]) for members in same.values()]),
        blocks=np.array([names.index(key) for key, _ in same]),
        macs=counts[:, 0],
        parameters=counts[:, 1],
    )


def _count(whole: Any, net: Mapping[str, Any]) -> tuple[float, float]:
    """Return the multiply-accumulates and the parameters of a network of a supernet, in millions."""
    arch = {key: net[key] for key in ("ks", "e", "d")}
    with ofa_in_sight():
        model = import_ofa("ofa.nas.efficiency_predictor").ProxylessNASFLOPsModel(whole)
        macs = model.get_efficiency({**arch, "image_size": net["image_size"]})
        whole.set_active_subnet(**arch)
        return float(macs), sum(p.numel() for p in whole.get_active_subnet().parameters()) / 1e6
