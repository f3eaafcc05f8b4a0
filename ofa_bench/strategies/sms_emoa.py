"""SMS-EMOA (Beume et al., EJOR 2007) for all targets, as in OFA² (Ito & Von Zuben, arXiv 2303.13683)."""

from typing import Any

from ofa_bench.strategies.pymoo_search import PymooSearch

__all__ = ["SMSEMOA"]


class SMSEMOA(PymooSearch):
    """Keep the members of the best fronts; of the last front that fits in part, those that add most hypervolume.

    Operators and arguments are those of ``PymooSearch``. The article makes one child at a time; here, as by pymoo's
    default, a generation has ``population_size`` children, and those that add least leave one by one. Objectives are
    normalised to the range of the population before its children join, and the reference point is 11 in both.
    """

    fork_safe = True
    name, module = "sms_emoa", "pymoo.algorithms.moo.sms"

    bytes_a_pair = 20
    """Bytes of memory for each pair of a population's members, because pymoo compares all pairs (measured)."""

    def algorithm(self, **shared: Any) -> Any:
        """Return pymoo's SMS-EMOA."""
        from pymoo.algorithms.moo import sms

        return sms.SMSEMOA(**shared)
