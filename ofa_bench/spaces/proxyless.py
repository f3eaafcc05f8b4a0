"""OFA's ProxylessNAS space: 5 stages of 2 to 4 blocks and one last block (``OFAProxylessNASNets``, width 1.3)."""

from ofa_bench.spaces.declarations import OFAEncoder, PublishedFile
from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["ProxylessNASSpace"]


class ProxylessNASSpace(MobileSpace):
    """48 genes: resolution ``r``, depth ``d0``-``d4``, kernel ``k0``-``k20`` and expand ratio ``e0``-``e20``."""

    fork_safe = True
    ofa_supernet, ofa_network = "OFAProxylessNASNets", "ProxylessNASNets"
    ofa_encoder = OFAEncoder("MobileNetArchEncoder", {"SPACE_TYPE": "mbv2"})
    stage_channels = (24, 40, 80, 96, 192, 320)
    published_weights = PublishedFile("ofa/ofa_nets/ofa_proxyless_d234_e346_k357_w1.3")
    lookup_forms = "ofa_bench.devices.lookup_layers.PROXYLESS_FORMS"

    def __init__(self) -> None:
        super().__init__("proxyless", last_blocks=1, width=1.3)
