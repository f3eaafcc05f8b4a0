"""Design spaces: what a Once-For-All supernet can build, as rows of small integers."""

from ofa_bench.spaces.accel_nasbench import AccelNASBenchSpace
from ofa_bench.spaces.base import DesignSpace
from ofa_bench.spaces.checks import check_genes
from ofa_bench.spaces.chosen import ChosenSpace, hold, plain_space, split_choices
from ofa_bench.spaces.compofa import CompoundSpace
from ofa_bench.spaces.genes import Gene, Genes
from ofa_bench.spaces.listed import ListedSpace, whole_space
from ofa_bench.spaces.mbv3 import MobileNetV3Space
from ofa_bench.spaces.nasbench_macro import NASBenchMacroSpace
from ofa_bench.spaces.part import Subspace
from ofa_bench.spaces.proxyless import ProxylessNASSpace
from ofa_bench.spaces.recognition import recognise, space_of
from ofa_bench.spaces.resnet50d import ResNet50DSpace

__all__ = [
    "AccelNASBenchSpace",
    "ChosenSpace",
    "CompoundSpace",
    "DesignSpace",
    "Gene",
    "Genes",
    "ListedSpace",
    "MobileNetV3Space",
    "NASBenchMacroSpace",
    "ProxylessNASSpace",
    "ResNet50DSpace",
    "Subspace",
    "check_genes",
    "hold",
    "plain_space",
    "recognise",
    "space_of",
    "split_choices",
    "whole_space",
]
