"""Search strategies: in which order the targets are searched, and what each search starts from."""

from ofa_bench.strategies.base import MEASURES, Budget, CoroutineStrategy, Limit, Strategy, is_fork_safe
from ofa_bench.strategies.chain import Chain
from ofa_bench.strategies.differentiable import Differentiable
from ofa_bench.strategies.exhaustive import Exhaustive
from ofa_bench.strategies.joint import Joint
from ofa_bench.strategies.local_search import LocalSearch
from ofa_bench.strategies.map_elites import MAPElites
from ofa_bench.strategies.nsga2 import NSGA2
from ofa_bench.strategies.ofa_reference import OFAReference
from ofa_bench.strategies.proxy import Proxy
from ofa_bench.strategies.pymoo_search import PymooSearch
from ofa_bench.strategies.random_search import RandomSearch
from ofa_bench.strategies.shared import SharedSearch
from ofa_bench.strategies.sms_emoa import SMSEMOA
from ofa_bench.strategies.spea2 import SPEA2
from ofa_bench.strategies.surrogate import Surrogate
from ofa_bench.strategies.tpe import TPE
from ofa_bench.strategies.vanilla import Vanilla
from ofa_bench.strategies.warm_start import WarmStart

__all__ = [
    "MEASURES",
    "NSGA2",
    "SMSEMOA",
    "SPEA2",
    "TPE",
    "Budget",
    "Chain",
    "CoroutineStrategy",
    "Differentiable",
    "Exhaustive",
    "Joint",
    "Limit",
    "LocalSearch",
    "MAPElites",
    "OFAReference",
    "Proxy",
    "PymooSearch",
    "RandomSearch",
    "SharedSearch",
    "Strategy",
    "Surrogate",
    "Vanilla",
    "WarmStart",
    "is_fork_safe",
]
