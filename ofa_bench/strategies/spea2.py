"""SPEA2 (Zitzler et al., TIK report 103, 2001) for all targets, as in OFA² (Ito & Von Zuben, arXiv 2303.13683)."""

from typing import Any

from ofa_bench.strategies.pymoo_search import PymooSearch

__all__ = ["SPEA2"]


class SPEA2(PymooSearch):
    """Keep what nothing dominates; if that is too much, drop what is nearest to others; if too little, add the best.

    Operators and arguments are those of ``PymooSearch``. Distances are between objectives normalised as in NSGA-III,
    by pymoo's default.
    """

    fork_safe = True
    name, module = "spea2", "pymoo.algorithms.moo.spea2"

    bytes_a_pair = 270
    """Bytes of memory for each pair of a population's members, because pymoo compares all pairs (measured)."""

    def algorithm(self, **shared: Any) -> Any:
        """Return pymoo's SPEA2."""
        from pymoo.algorithms.moo import spea2

        # pymoo's default survival is one object for all searches of a process, and it remembers their extremes.
        return spea2.SPEA2(survival=spea2.SPEA2Survival(normalize=True), **shared)
