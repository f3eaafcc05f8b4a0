"""The config groups of the command line, and suggestions that Hydra accepts."""

import shlex
import warnings

from ofa_bench.config.schema import GROUPS
from ofa_bench.errors import LONG

__all__ = ["CHOSEN", "did_you_mean", "is_accepted"]

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


def did_you_mean(word: str) -> str:
    """Return ``"; did you mean '<word>'?"``, quoted for a shell; an empty string if Hydra would refuse the word."""
    if not word or len(word) > LONG or not is_accepted(word):
        return ""
    pasted = shlex.quote(word)
    return "; did you mean " + (pasted if pasted[0] == "'" else f"'{pasted}'") + "?"
