"""OFA's two MobileNetV3 spaces: 5 stages of 2 to 4 blocks (Cai et al., ICLR 2020, section 4.1), width 1.2 or 1.0."""

from ofa_bench.errors import InputError
from ofa_bench.spaces.declarations import OFAEncoder, PublishedFile
from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["MobileNetV3Space"]

NAMES = {1.2: "mbv3", 1.0: "mbv3_w1.0"}
"""The space of each width that OFA has trained a supernet of."""


class MobileNetV3Space(MobileSpace):
    """46 genes: resolution ``r``, depth ``d0``-``d4``, kernel ``k0``-``k19`` and expand ratio ``e0``-``e19``.

    Both widths have the same genes and dicts; channels, weights and costs differ. OFA's predictor is that of width 1.2:
    its tutorial has it trained on accuracies of the supernet that it loads, ``ofa_mbv3_d234_e346_k357_w1.2``.

    Args:
        width: of the supernet: 1.2 (the space ``mbv3``) or 1.0 (``mbv3_w1.0``).

    Raises:
        InputError: there is no supernet of that width.
    """

    fork_safe = True
    ofa_supernet, ofa_network = "OFAMobileNetV3", "MobileNetV3"
    ofa_encoder = OFAEncoder("MobileNetArchEncoder", {"SPACE_TYPE": "mbv3"})
    stage_channels = (24, 40, 80, 112, 160)
    lookup_forms = "ofa_bench.devices.lookup_layers.MBV3_FORMS"

    def __init__(self, width: float = 1.2) -> None:
        if type(width) not in (int, float) or width not in NAMES:
            raise InputError(f"space.width={width}: must be {' or '.join(map(str, NAMES))}")
        super().__init__(NAMES[width], last_blocks=0, width=float(width))
        self.published_weights = PublishedFile(f"ofa/ofa_nets/ofa_mbv3_d234_e346_k357_w{self.width}")
        if self.width == 1.2:
            self.official_predictor = "ofa_bench.predictors.official.load_mbv3"
