"""What OFA's MobileNetV3 and ProxylessNAS spaces share: stages of 2 to 4 inverted residual blocks."""

from collections.abc import Mapping, Sequence
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.network_config import divisible, reading, stages_of
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

    A sub-class says what the genes may be (``resolutions``, ``depths``, ``kernels``, ``expands``), what ``ofa`` calls
    its supernet (``ofa_supernet``) and a network of it (``ofa_network``), and the channels of the stages' outputs at
    width 1.0 (``ofa.imagenet_classification.elastic_nn.networks``).

    Args:
        name: of the space.
        last_blocks: blocks after the five stages, each a stage of its own that is always there.
        width: by which the supernet's channels are multiplied.
    """

    resolutions, depths, kernels, expands = RESOLUTIONS, DEPTHS, KERNELS, EXPANDS
    supernet = "ofa_bench.supernets.mobile.MobileSupernet"
    ofa_supernet = ofa_network = ""
    stage_channels: Sequence[int] = ()
    gene_labels = {"k": "kernel", "e": "expand ratio"}  # noqa: RUF012 -- never changed

    def __init__(self, name: str, last_blocks: int, width: float) -> None:
        staged = N_STAGES * BLOCKS_PER_STAGE
        self.last_blocks, self.n_blocks, self.width = last_blocks, staged + last_blocks, width
        genes = [Gene("r", self.resolutions, group="r")]
        genes += [Gene(f"d{stage}", self.depths, group=f"d{stage}") for stage in range(N_STAGES)]
        for kind, choices in (("k", self.kernels), ("e", self.expands)):
            for block in range(self.n_blocks):
                stage, place = divmod(block, BLOCKS_PER_STAGE)
                owner = f"d{stage}" if block < staged else None
                active_from = max(0, place + 1 - self.depths[0])  # the depth's position from which this block exists
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

    def read_network(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return OFA's dict, without the image size, of a ``net.config``; what is not built is 0.

        Raises:
            InputError: it is a network of another kind or width, or a part is missing.
        """
        kernels, expands, depths = list[int](), list[float](), list[int]()
        with reading(config, self.ofa_network):
            blocks = [
                block["mobile_inverted_conv"] if "conv" not in block else block["conv"] for block in config["blocks"]
            ]
            stages = stages_of(blocks[1:])
            channels, wanted = (
                [found for found, _ in stages],
                [divisible(self.width * one) for one in self.stage_channels],
            )
            if channels != wanted:
                raise InputError(f"its stages have {channels} channels; must be {wanted}, of width {self.width}")
            for number, (_, stage) in enumerate(stages):
                room = BLOCKS_PER_STAGE if number < N_STAGES else 1
                if len(stage) > room or (number < N_STAGES and len(stage) not in self.depths):
                    raise InputError(f"stage {number + 1} has {len(stage)} blocks; must be one of {list(self.depths)}")
                absent = [0] * (room - len(stage))
                kernels += [*(block["kernel_size"] for block in stage), *absent]
                expands += [*(block["expand_ratio"] for block in stage), *absent]
                depths.append(len(stage))
        return {"ks": kernels, "e": expands, "d": depths}
