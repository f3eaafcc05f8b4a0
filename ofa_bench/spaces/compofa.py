"""CompOFA's compound space: a stage's depth fixes its expand ratio (Sahni et al., ICLR 2021, section 3)."""

from collections.abc import Sequence

from ofa_bench.errors import InputError, suggestion
from ofa_bench.spaces.mbv3 import MobileNetV3Space
from ofa_bench.spaces.mobile import BLOCKS_PER_STAGE, DEPTHS, KERNELS
from ofa_bench.spaces.part import Subspace

__all__ = ["CompoundSpace"]

STAGE_KERNELS = (3, 5, 3, 3, 5)
KERNEL_OPTIONS = ("fixed", "elastic")


class CompoundSpace(Subspace):
    """A part of MobileNetV3's space: stages of (depth, expand ratio) (2, 3), (3, 4) or (4, 6).

    Args:
        kernels: ``fixed`` (3, 5, 3, 3, 5 by stage: 243 networks at 5 resolutions) or ``elastic`` (3, 5 or 7 by block).

    Raises:
        InputError: the option is unknown.
    """

    fork_safe = Subspace.fork_safe

    def __init__(self, kernels: str = "fixed") -> None:
        if kernels not in KERNEL_OPTIONS:
            near = suggestion(str(kernels), KERNEL_OPTIONS)
            raise InputError(f"space.kernels={kernels}: must be {' or '.join(KERNEL_OPTIONS)}{near}")
        parent = MobileNetV3Space()
        kept = [gene for gene in parent.genes if gene.name[0] in "rd" or (gene.name[0] == "k" and kernels == "elastic")]
        sources: dict[str, tuple[str, Sequence[int]]] = {
            gene.name: (gene.name, range(len(gene.choices))) for gene in kept
        }
        for block in range(parent.n_blocks):
            stage = block // BLOCKS_PER_STAGE
            sources[f"e{block}"] = (f"d{stage}", range(len(DEPTHS)))
            fixed = KERNELS.index(STAGE_KERNELS[stage])
            sources.setdefault(f"k{block}", (f"d{stage}", [fixed] * len(DEPTHS)))
        super().__init__("compofa" if kernels == "fixed" else "compofa_elastic", kept, parent, sources)
