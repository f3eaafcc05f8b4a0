"""What a warm-started search begins with: settings, checked in words."""

from dataclasses import dataclass

from ofa_bench.errors import InputError, suggestion

__all__ = ["WarmStart"]

SEEDS = ("best", "population", "none")


@dataclass(frozen=True)
class WarmStart:
    """What of an earlier search enters the first population of a later one.

    Whatever misses the target is pruned at random until it meets it: going up in targets nothing needs to be, going
    down nearly all does. Random architectures that meet the target fill the population up.

    Args:
        seed: ``best`` is the winner of the earlier search, ``population`` its whole last population, best first,
            ``none`` nothing (a cold control: the warm budget, from random architectures).
        prunings: independently pruned copies made of each seed that misses the target.
        prune_resolution: whether pruning may lower the resolution; if not, it is lowered only once no other gene is
            left to lower, because the target has to be met.
        share: share of the first population that is seeded: the seeds are repeated in turn, or cut, to fill it. None
            takes each seed once, as far as they fit.
        from_best: how many architectures of an earlier record seed each search, the most accurate; without a record
            there are none.

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
            raise _refused(
                "seed", self.seed, f"{', '.join(SEEDS[:-1])} or {SEEDS[-1]}{suggestion(str(self.seed), SEEDS)}"
            )
        for key in ("prunings", "from_best"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise _refused(key, value, "a whole number of 1 or more")
        if not isinstance(self.prune_resolution, bool):
            raise _refused("prune_resolution", self.prune_resolution, "true or false")
        if self.share is not None:
            number = isinstance(self.share, int | float) and not isinstance(self.share, bool)
            if not (number and 0 < self.share <= 1):
                raise _refused("share", self.share, "null, or a number above 0 and at most 1")


def _refused(key: str, value: object, allowed: str) -> InputError:
    return InputError(f"strategy.warm_start.{key}={value}: must be {allowed}")
