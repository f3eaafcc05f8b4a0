"""The evolutionary core: arrays in, arrays out; it knows no config, record or tracker."""

from ofa_bench.search.archive import Archive
from ofa_bench.search.evolution import Evolution
from ofa_bench.search.fleet import Fleet, Member
from ofa_bench.search.lockstep import Found, LockstepRunner, SearchCoroutine, may_fork
from ofa_bench.search.problem import Counts, EvaluationRequest, Evaluator, Problem, SearchResult
from ofa_bench.search.repair import prune, valid_samples
from ofa_bench.search.saturation import default_targets

__all__ = [
    "Archive",
    "Counts",
    "EvaluationRequest",
    "Evaluator",
    "Evolution",
    "Fleet",
    "Found",
    "LockstepRunner",
    "Member",
    "Problem",
    "SearchCoroutine",
    "SearchResult",
    "default_targets",
    "may_fork",
    "prune",
    "valid_samples",
]
