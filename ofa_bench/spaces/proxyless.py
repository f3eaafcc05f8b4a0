"""OFA's ProxylessNAS space: 5 stages of 2 to 4 blocks and one last block (``OFAProxylessNASNets``, width 1.3)."""

from ofa_bench.spaces.mobile import MobileSpace

__all__ = ["ProxylessNASSpace"]


class ProxylessNASSpace(MobileSpace):
    """48 genes: resolution ``r``, depth ``d0``-``d4``, kernel ``k0``-``k20`` and expand ratio ``e0``-``e20``."""

    def __init__(self) -> None:
        super().__init__("proxyless", last_blocks=1, width=1.3)
