"""The settings of a warm start."""

from dataclasses import dataclass

from ofa_bench.errors import InputError, suggestion
from ofa_bench.strategies.shared import check_whole

__all__ = ["WarmStart"]

SEEDS = ("best", "population", "none")


@dataclass(frozen=True)
class WarmStart:
    """The part of a previous search that enters the first population of a later one.

    Seeds that miss the target are pruned at random until they meet it: with ascending targets none does, with
    descending ones nearly all do. Random architectures that meet the target fill the population up.

    Args:
        seed: ``best`` is the winner of the previous search, ``population`` its whole last population, best first,
            ``none`` nothing (a cold control: the warm budget, from random architectures).
        prunings: independently pruned copies made of each seed that misses the target.
        prune_resolution: whether pruning may lower the resolution; if not, it is lowered only once no other gene is
            left to lower, because the target has to be met.
        share: share of the first population that is seeded: the seeds are repeated in turn, or cut, to fill it. None
            takes each seed once, as far as they fit.
        from_best: how many architectures of a previous record, the most accurate, seed each search; without a
            record there are none.

    Raises:
        InputError: a value is not allowed.
    """

    seed: str = "best"
    prunings: int = 1
    prune_resolution: bool = True
    share: float | None = None
    from_best: int = 10

    def __post_init__(self) -> None:
        if self.seed not in SEEDS:
            allowed = f"{', '.join(SEEDS[:-1])} or {SEEDS[-1]}{suggestion(str(self.seed), SEEDS)}"
            raise InputError(f"strategy.warm_start.seed={self.seed}: must be {allowed}")
        check_whole("warm_start.prunings", self.prunings)
        check_whole("warm_start.from_best", self.from_best)
        if not isinstance(self.prune_resolution, bool):
            raise InputError(f"strategy.warm_start.prune_resolution={self.prune_resolution}: must be true or false")
        share = self.share
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1):
            raise InputError(f"strategy.warm_start.share={share}: must be null, or a number above 0 and at most 1")
