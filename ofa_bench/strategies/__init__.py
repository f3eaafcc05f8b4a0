"""Search strategies: in which order the targets are searched, and what each search starts from."""

from ofa_bench.strategies.base import Budget, LineStrategy, Strategy
from ofa_bench.strategies.chain import Chain
from ofa_bench.strategies.ofa_reference import OFAReference
from ofa_bench.strategies.vanilla import Vanilla

__all__ = ["Budget", "Chain", "LineStrategy", "OFAReference", "Strategy", "Vanilla"]
