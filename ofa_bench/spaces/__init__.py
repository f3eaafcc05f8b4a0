"""Design spaces: what a Once-For-All supernet can build, as rows of small integers."""

from ofa_bench.spaces.base import DesignSpace, Gene, Genes
from ofa_bench.spaces.mbv3 import MobileNetV3Space

__all__ = ["DesignSpace", "Gene", "Genes", "MobileNetV3Space"]
