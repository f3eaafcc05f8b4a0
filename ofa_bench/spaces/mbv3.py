"""OFA's MobileNetV3 space: 5 stages of 2 to 4 blocks (Cai et al., ICLR 2020, section 4.1; width 1.2)."""

from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["MobileNetV3Space"]


class MobileNetV3Space(MobileSpace):
    """46 genes: resolution ``r``, depth ``d0``-``d4``, kernel ``k0``-``k19`` and expand ratio ``e0``-``e19``."""

    def __init__(self) -> None:
        super().__init__("mbv3", last_blocks=0, width=1.2)
