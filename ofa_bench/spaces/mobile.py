"""What OFA's MobileNetV3 and ProxylessNAS spaces share: stages of 2 to 4 inverted residual blocks."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.spaces.base import DesignSpace, Gene, Genes
from ofa_bench.spaces.ofa_dict import numbers, resolution

__all__ = ["BLOCKS_PER_STAGE", "DEPTHS", "EXPANDS", "KERNELS", "N_STAGES", "RESOLUTIONS", "MobileSpace"]

N_STAGES = 5
BLOCKS_PER_STAGE = 4
RESOLUTIONS = (160, 176, 192, 208, 224)
DEPTHS = (2, 3, 4)
KERNELS = (3, 5, 7)
EXPANDS = (3, 4, 6)


class MobileSpace(DesignSpace):
    """Genes ``r`` (resolution), ``d0``-``d4`` (depths), ``k0``... (kernels) and ``e0``... (expand ratios) by block.

    Args:
        name: of the space.
        last_blocks: blocks after the five stages, each a stage of its own that is always there.
    """

    def __init__(self, name: str, last_blocks: int) -> None:
        staged = N_STAGES * BLOCKS_PER_STAGE
        self.last_blocks, self.n_blocks = last_blocks, staged + last_blocks
        genes = [Gene("r", RESOLUTIONS, group="r")]
        genes += [Gene(f"d{stage}", DEPTHS, group=f"d{stage}") for stage in range(N_STAGES)]
        for kind, choices in (("k", KERNELS), ("e", EXPANDS)):
            for block in range(self.n_blocks):
                stage, place = divmod(block, BLOCKS_PER_STAGE)
                owner = f"d{stage}" if block < staged else None
                active_from = max(0, place + 1 - DEPTHS[0])  # the depth's position from which this block exists
                genes.append(Gene(f"{kind}{block}", choices, f"block{block}", owner, active_from if owner else 0))
        super().__init__(name, genes)

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row to OFA's dict; has both ``r`` (``ofa.tutorial``) and ``image_size`` (``ofa.nas``)."""
        values = list(self.values(row).values())
        blocks = 1 + N_STAGES
        return {
            "wid": None,
            "ks": values[blocks : blocks + self.n_blocks],
            "e": values[blocks + self.n_blocks :],
            "d": values[1:blocks] + [1] * self.last_blocks,
            "r": [values[0]],
            "image_size": values[0],
        }

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert OFA's dict to a canonical row; inactive blocks may hold 0, as in ``feature2arch``.

        As in OFA's supernets, the depth of a stage of one block is ignored.
        """
        depths = numbers(self.name, arch, "d", N_STAGES + self.last_blocks)
        values = {"r": resolution(self.name, arch)} | {f"d{stage}": depths[stage] for stage in range(N_STAGES)}
        for kind, key in (("k", "ks"), ("e", "e")):
            values |= {
                f"{kind}{block}": value for block, value in enumerate(numbers(self.name, arch, key, self.n_blocks))
            }
        return self.row(values)
