"""OFA's MobileNetV3 space: 5 stages of 2 to 4 blocks (Cai et al., ICLR 2020, section 4.1; width 1.2)."""

from ofa_bench.spaces.declarations import OFAEncoder, PublishedFile
from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["MobileNetV3Space"]


class MobileNetV3Space(MobileSpace):
    """46 genes: resolution ``r``, depth ``d0``-``d4``, kernel ``k0``-``k19`` and expand ratio ``e0``-``e19``."""

    fork_safe = True
    ofa_supernet, ofa_network = "OFAMobileNetV3", "MobileNetV3"
    ofa_encoder = OFAEncoder("MobileNetArchEncoder", {"SPACE_TYPE": "mbv3"})
    stage_channels = (24, 40, 80, 112, 160)
    published_weights = PublishedFile("ofa/ofa_nets/ofa_mbv3_d234_e346_k357_w1.2")
    official_predictor = "ofa_bench.predictors.official.load_mbv3"
    lookup_forms = "ofa_bench.devices.lookup_layers.MBV3_FORMS"

    def __init__(self) -> None:
        super().__init__("mbv3", last_blocks=0, width=1.2)
