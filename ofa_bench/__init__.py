"""A configurable benchmark of search strategies for Once-For-All networks under many latency targets.

    import ofa_bench as ob

    problem = ob.problem("mbv3", device="note10")
    result = ob.run(problem, "joint", targets=[20, 25, 30])
    result.best(25).architecture

What it holds is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ofa_bench.version import __version__

if TYPE_CHECKING:
    from ofa_bench import predictors, spaces, strategies
    from ofa_bench.api import (
        FleetProblem,
        FleetResult,
        InputError,
        Result,
        Results,
        Subnet,
        compare,
        evaluate,
        load,
        options,
        problem,
        run,
    )

__all__ = [
    "FleetProblem", "FleetResult", "InputError", "Result", "Results", "Subnet", "__version__", "compare", "evaluate",
    "load", "options", "predictors", "problem", "run", "spaces", "strategies",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("predictors", "spaces", "strategies"):
        return import_module(f"ofa_bench.{name}")
    if name in __all__:
        return getattr(import_module("ofa_bench.api"), name)
    raise AttributeError(f"module 'ofa_bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
