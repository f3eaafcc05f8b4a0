"""The config groups and their options; what Hydra composes of overrides, and whether it takes one."""

import shlex
import warnings
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from ofa_bench.config.registration import register
from ofa_bench.config.schema import GROUPS, conf_dir
from ofa_bench.errors import LONG

__all__ = ["CHOSEN", "compose_words", "did_you_mean", "is_accepted", "options_of_group"]

CHOSEN = (*GROUPS, "tracking", "experiment")
"""The config groups that an option is chosen of."""


def options_of_group(group: str, folders: Sequence[Path] = (), *, registered: bool = True) -> list[str]:
    """List a group's options: the package's, those in other folders of groups, and those registered with Hydra."""
    places = [folder / group for folder in (conf_dir(), *folders)]
    found = {path.relative_to(place).as_posix()[:-5] for place in places for path in place.rglob("*.yaml")}
    store = ConfigStore.instance().repo.get(group) if registered else None
    return sorted(found | {name.removesuffix(".yaml") for name in store} if isinstance(store, dict) else found)


def compose_words(words: Sequence[str]) -> DictConfig:
    """Return the config, Hydra's own part included, that Hydra composes of overrides without a sweep."""
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", list(words), return_hydra_config=True)


def is_accepted(word: str) -> bool:
    """Return whether Hydra composes a config with an override."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compose_words([word])
    except Exception:  # whatever is wrong with it
        return False
    return True


def did_you_mean(word: str) -> str:
    """Return ``"; did you mean '<word>'?"`` as it can be pasted, or an empty string where it would be refused."""
    if not word or len(word) > LONG or not is_accepted(word):
        return ""
    pasted = shlex.quote(word)
    return "; did you mean " + (pasted if pasted[0] == "'" else f"'{pasted}'") + "?"
