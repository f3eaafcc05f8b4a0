"""Which of the spaces here an architecture is of."""

from collections.abc import Mapping
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.genes import Genes
from ofa_bench.spaces.mbv3 import MobileNetV3Space
from ofa_bench.spaces.proxyless import ProxylessNASSpace
from ofa_bench.spaces.resnet50d import ResNet50DSpace

__all__ = ["known"]

_SPACES: tuple[DesignSpace, ...] = (MobileNetV3Space(), ProxylessNASSpace(), ResNet50DSpace())


def known(architecture: Mapping[str, Any]) -> tuple[DesignSpace, Genes] | None:
    """Find the space, of those whose supernets ``ofa`` has, that an architecture (OFA's dict) is of.

    Returns:
        The space and the canonical row, int8 [n_genes]; None if it is of none.
    """
    for space in _SPACES:
        try:
            return space, space.from_ofa(architecture)
        except InputError:
            continue
    return None
