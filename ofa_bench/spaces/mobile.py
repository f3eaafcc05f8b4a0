"""What OFA's MobileNetV3 and ProxylessNAS spaces share: stages of 2 to 4 inverted residual blocks."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.ofa_dict import by_block, check_keys, check_width, numbers, resolution

__all__ = ["BLOCKS_PER_STAGE", "DEPTHS", "EXPANDS", "KERNELS", "N_STAGES", "RESOLUTIONS", "MobileSpace"]

N_STAGES = 5
BLOCKS_PER_STAGE = 4
RESOLUTIONS = (160, 176, 192, 208, 224)
DEPTHS = (2, 3, 4)
KERNELS = (3, 5, 7)
EXPANDS = (3, 4, 6)
KEYS = ("ks", "e", "d", "r", "image_size", "wid", "w")


class MobileSpace(DesignSpace):
    """Genes ``r`` (resolution), ``d0``-``d4`` (depths), ``k0``... (kernels) and ``e0``... (expand ratios) by block.

    Args:
        name: of the space.
        last_blocks: blocks after the five stages, each a stage of its own that is always there.
        width: by which the supernet's channels are multiplied.
    """

    def __init__(self, name: str, last_blocks: int, width: float) -> None:
        staged = N_STAGES * BLOCKS_PER_STAGE
        self.last_blocks, self.n_blocks, self.width = last_blocks, staged + last_blocks, width
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
        """Convert OFA's dict to a canonical row; inactive blocks may hold 0, as in ``feature2arch``, or be left out.

        As in OFA's supernets, the depth of a stage of one block is ignored.
        """
        check_keys(self.name, arch, KEYS)
        check_width(self.name, arch, self.width)
        depths = numbers(self.name, arch, "d", N_STAGES + self.last_blocks)[:N_STAGES]
        for stage, depth in enumerate(depths):
            self.position(f"d{stage}", depth)
        values: dict[str, Any] = {"r": resolution(self.name, arch)}
        values |= {f"d{stage}": depth for stage, depth in enumerate(depths)}
        built = [place < depth for depth in depths for place in range(BLOCKS_PER_STAGE)]
        built += [True] * self.last_blocks
        for kind, key in (("k", "ks"), ("e", "e")):
            values |= {f"{kind}{block}": value for block, value in enumerate(by_block(self.name, arch, key, built))}
        return self.row(values)
