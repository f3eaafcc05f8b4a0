"""The Python API: what notebooks call, as ``import ofa_bench as ob``."""

from ofa_bench.api.fleets import FleetProblem, FleetResult
from ofa_bench.api.problems import options, problem
from ofa_bench.api.results import Result, Results, compare, load
from ofa_bench.api.running import run
from ofa_bench.api.subnets import Subnet, evaluate
from ofa_bench.errors import InputError

__all__ = [
    "FleetProblem", "FleetResult", "InputError", "Result", "Results", "Subnet", "compare", "evaluate", "load",
    "options", "problem", "run",
]  # fmt: skip
