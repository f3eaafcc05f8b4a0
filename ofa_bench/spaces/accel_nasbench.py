"""Accel-NASBench's space: MnasNet's, seven stages of inverted residual blocks (Ahmad et al., DAC 2024, 2404.08005)."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.drawing import BLOCK, SLOT, Block, Drawing
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.ofa_dict import check_keys, numbers

__all__ = ["AccelNASBenchSpace"]

N_STAGES = 7
KINDS: Mapping[str, tuple[float, ...]] = {"ks": (3, 5), "e": (1, 4, 6), "d": (1, 2, 3), "se": (0, 1)}
"""The choices of a stage: kernel, expand ratio, number of layers, squeeze-and-excitation."""

DEPTHS = {5: (1, 2, 3, 4)}
"""The numbers of layers of stages that have others."""


class AccelNASBenchSpace(DesignSpace):
    """28 genes: kernel ``k0``-``k6``, expand ratio ``e``, layers ``d`` and squeeze-and-excitation ``se`` by stage.

    All layers of a stage have the same choices. Each gene mutates on its own.
    """

    fork_safe = True

    def __init__(self) -> None:
        genes = []
        for kind, choices in KINDS.items():
            for stage in range(N_STAGES):
                name = f"{kind.removesuffix('s')}{stage}"
                genes.append(Gene(name, DEPTHS.get(stage, choices) if kind == "d" else choices, group=name))
        super().__init__("accel_nasbench", genes)

    def to_ofa(self, row: Genes) -> dict[str, Any]:
        """Convert one row to a dict of lists by stage: ``ks``, ``e``, ``d`` and ``se``."""
        values = list(self.values(row).values())
        return {kind: values[i * N_STAGES : (i + 1) * N_STAGES] for i, kind in enumerate(KINDS)}

    def from_ofa(self, arch: Mapping[str, Any]) -> Genes:
        """Convert such a dict to a row."""
        check_keys(self.name, arch, tuple(KINDS))
        values = [value for kind in KINDS for value in numbers(self.name, arch, kind, N_STAGES)]
        return self.row(dict(zip(self.gene_names, values, strict=True)))

    def drawing(self, row: Genes) -> Drawing:
        """Return the drawing of one row; stages with squeeze-and-excitation are named so."""
        stages, values = {}, self.to_ofa(row)
        for stage in range(N_STAGES):
            kernel, expand, depth, se = (values[kind][stage] for kind in KINDS)
            block = Block(BLOCK, KINDS["ks"].index(kernel), KINDS["e"].index(expand))
            slots = len(DEPTHS.get(stage, KINDS["d"])) - int(depth)
            stages[f"stage {stage + 1}{' SE' * int(se)}"] = [block] * int(depth) + [Block(SLOT)] * slots
        return Drawing(None, stages, "kernel", KINDS["ks"], "expand ratio", KINDS["e"])
