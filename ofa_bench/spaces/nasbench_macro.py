"""The space of NAS-Bench-Macro (Su et al., CVPR 2021, arXiv 2103.11922): chains of 8 layers for CIFAR-10."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.drawing import BLOCK, SLOT, STEM, Block, Drawing
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.ofa_dict import check_keys, numbers

__all__ = ["BLOCKS", "STAGES", "NASBenchMacroSpace"]

STAGES = (2, 3, 3)
"""The layers of each stage; its first layer halves the image and doubles the channels."""

BLOCKS = ((3, 3), (5, 6))
"""Kernel and expand ratio of the choices 1 and 2."""


class NASBenchMacroSpace(DesignSpace):
    """8 genes, ``b0`` to ``b7``: the block of a layer, as a digit of the published codes.

    0 is an identity (in the first layer of a stage, a 1x1 convolution with stride 2), 1 an MBConv of kernel 3 and
    expand ratio 3, 2 one of kernel 5 and expand ratio 6. No two of the 6,561 rows are one network.
    """

    fork_safe = True
    supernet = "ofa_bench.supernets.nasbench_macro.NASBenchMacroSupernet"

    def __init__(self) -> None:
        super().__init__("nasbench_macro", [Gene(f"b{layer}", (0, 1, 2), f"b{layer}") for layer in range(sum(STAGES))])

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row to a dict: ``layers`` has the digits of the published code."""
        return {"layers": list(self.values(row).values())}

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert such a dict to a row (int8 [n_genes]).

        Raises:
            InputError: it has no list of 8 digits, or one is not 0, 1 or 2.
        """
        check_keys(self.name, arch, ("layers",))
        return self.row(dict(zip(self.gene_names, numbers(self.name, arch, "layers", self.n_genes), strict=True)))

    def drawing(self, row: Genes) -> Drawing:
        """Lay out the layers by stage, with the kernel as colour and the expand ratio as height."""
        values, stages = list(self.values(row).values()), dict[str, list[Block]]()
        for number, layers in enumerate(STAGES, start=1):
            here, values = values[:layers], values[layers:]
            stages[f"stage {number}"] = [
                Block(BLOCK, int(one) - 1, int(one) - 1) if one else Block(SLOT if place else STEM)
                for place, one in enumerate(here)
            ]
        kernels, expands = zip(*BLOCKS, strict=True)
        return Drawing(None, stages, "kernel", kernels, "expand ratio", expands)
