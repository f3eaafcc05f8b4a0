"""OFA's MobileNetV3 space: 5 stages of 2 to 4 blocks (Cai et al., ICLR 2020, section 4.1; width 1.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace, Gene, Genes

__all__ = ["MobileNetV3Space"]

N_STAGES = 5
BLOCKS_PER_STAGE = 4
N_BLOCKS = N_STAGES * BLOCKS_PER_STAGE
RESOLUTIONS = (160, 176, 192, 208, 224)
DEPTHS = (2, 3, 4)
KERNELS = (3, 5, 7)
EXPANDS = (3, 4, 6)


def _genes() -> list[Gene]:
    genes = [Gene("r", RESOLUTIONS, group="r")]
    genes += [Gene(f"d{stage}", DEPTHS, group=f"d{stage}") for stage in range(N_STAGES)]
    for kind, choices in (("k", KERNELS), ("e", EXPANDS)):
        for block in range(N_BLOCKS):
            stage, place = divmod(block, BLOCKS_PER_STAGE)
            active_from = max(0, place + 1 - DEPTHS[0])  # the depth's position from which this block exists
            genes.append(Gene(f"{kind}{block}", choices, f"block{block}", f"d{stage}", active_from))
    return genes


class MobileNetV3Space(DesignSpace):
    """46 genes: resolution ``r``, depth ``d0``-``d4``, kernel ``k0``-``k19`` and expand ratio ``e0``-``e19``."""

    def __init__(self) -> None:
        super().__init__("mbv3", _genes())

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row to OFA's dict; has both ``r`` (``ofa.tutorial``) and ``image_size`` (``ofa.nas``)."""
        values = [gene.choices[int(choice)] for gene, choice in zip(self.genes, row, strict=True)]
        blocks = 1 + N_STAGES
        return {
            "wid": None,
            "ks": values[blocks : blocks + N_BLOCKS],
            "e": values[blocks + N_BLOCKS :],
            "d": values[1:blocks],
            "r": [values[0]],
            "image_size": values[0],
        }

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert OFA's dict to a canonical row; inactive blocks may hold 0, as in ``feature2arch``."""
        depths = _numbers(arch, "d", N_STAGES)
        values = {"r": _resolution(arch)} | {f"d{stage}": depth for stage, depth in enumerate(depths)}
        for kind, key in (("k", "ks"), ("e", "e")):
            values |= {f"{kind}{block}": value for block, value in enumerate(_numbers(arch, key, N_BLOCKS))}
        row: Genes = np.zeros(self.n_genes, dtype=np.int8)
        for i, gene in enumerate(self.genes):
            absent = gene.owner is not None and row[self.index[gene.owner]] < gene.active_from
            row[i] = 0 if absent else self.position(gene.name, values[gene.name])
        return row


def _numbers(arch: Mapping[str, Any], key: str, length: int) -> Sequence[float]:
    values = arch.get(key)
    if not isinstance(values, Sequence) or len(values) != length:
        raise InputError(f"mbv3: '{key}' must be a list of {length} numbers, not {values!r}")
    return values


def _resolution(arch: Mapping[str, Any]) -> float:
    value = arch.get("image_size", arch.get("r"))
    if isinstance(value, Sequence) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int | float):
        raise InputError(f"mbv3: 'r' or 'image_size' must be one resolution, not {value!r}")
    return value
