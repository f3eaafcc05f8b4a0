"""The config groups of the command line, and whether Hydra accepts an override."""

import warnings

from ofa_bench.config.schema import GROUPS

__all__ = ["CHOSEN", "is_accepted"]

CHOSEN = (*GROUPS, "tracking", "experiment")
"""The config groups that an option is chosen from."""


def is_accepted(word: str) -> bool:
    """Return whether Hydra composes a config with an override."""
    from ofa_bench.experiment.composition import compose_overrides

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compose_overrides([word])
    except Exception:  # whatever is wrong with it
        return False
    return True
