"""Everything that this package uses of Hydra's undocumented parts, and why; a test fails if these change.

- ``hydra.core.override_parser``: plugins of sweepers use it, but no page documents it. Suggestions, user files, short
  targets and printed commands need Hydra's own reading of a word; a second parser could read it differently.
- ``hydra.core.global_hydra``: the sweep's callback counts cells as the sweeper will, for which ``glob(...)`` needs
  Hydra's config loader; no public function returns it.
- ``ConfigLoaderImpl.load_sweep_config``: Hydra composes all cells of a sweep to check them, and each again to run it.
- The targets of Hydra's own launcher and sweeper: they are in the composed config and have no public name. They show
  whether cells run in this process, and whether their number is known.
"""

import functools
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Quote, QuotedString, RangeSweep, Transformer
from hydra.errors import HydraException
from omegaconf import DictConfig

__all__ = [
    "BASIC_SWEEPER",
    "ONE_AFTER_ANOTHER",
    "Glob",
    "Override",
    "RangeSweep",
    "choices_of",
    "compose_each_cell_once",
    "in_quotes",
    "is_text",
    "parse_override",
    "parse_overrides",
    "read_value",
    "root_of",
    "text_of",
    "written",
]

ONE_AFTER_ANOTHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
"""The launcher that runs a sweep's cells one at a time, in its own process; others run them in parallel."""

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
"""The sweeper that runs all combinations of what is swept."""


MOST_KEPT = 200
"""The most composed cells that are kept for their run: each takes about a megabyte."""


def compose_each_cell_once() -> None:
    """Let Hydra run what it composed to check a sweep, instead of composing each cell again."""
    compose = ConfigLoaderImpl.load_sweep_config
    if hasattr(compose, "__wrapped__"):
        return
    kept: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = {}

    @functools.wraps(compose)
    def compose_once(self: ConfigLoaderImpl, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        words = tuple(sweep_overrides)
        of, config = kept.pop(words, (None, None))
        if config is None or of is not master_config:
            config = compose(self, master_config, sweep_overrides)
            if len(kept) < MOST_KEPT:
                kept[words] = master_config, config
        return config

    ConfigLoaderImpl.load_sweep_config = compose_once  # type: ignore[method-assign]


def parse_override(word: str) -> Override:
    """Parse ``key=value`` as Hydra does.

    Raises:
        HydraException: Hydra cannot read it.
    """
    return OverridesParser.create().parse_override(word)


def parse_overrides(words: Sequence[str]) -> list[Override]:
    """Parse the overrides of a sweep while Hydra runs it, so that ``glob(...)`` finds the matching options."""
    loader = GlobalHydra.instance().config_loader()
    return OverridesParser.create(config_loader=loader).parse_overrides(list(words))


def read_value(text: str) -> Any:
    """Return the value that Hydra reads in the text after ``key=``; None if it cannot read it."""
    try:
        return parse_override(f"key={text}").value()
    except HydraException:
        return None


def choices_of(value: Any) -> list[Any] | None:
    """Return the values of a list that is swept, ``a,b`` or ``choice(a,b)``; None for anything else."""
    return list(value.list) if isinstance(value, ChoiceSweep) else None


def text_of(value: Any) -> str:
    """Return a value as the text that was given, without the quotes around it."""
    return value.text if isinstance(value, QuotedString) else str(value)


def is_text(value: Any) -> bool:
    """Return whether a value is a text, in quotes or not."""
    return isinstance(value, str | QuotedString)


def written(value: Any) -> str:
    """Return a value as it is written in an override."""
    return str(Transformer.str(value))


def in_quotes(text: str) -> str:
    """Return a text in quotes, so that Hydra reads it unchanged."""
    return QuotedString(text, Quote.double).with_quotes()


def root_of(node: object) -> DictConfig | None:
    """Return the whole config that a node is in; None if it is not a mapping of a config."""
    root = node._get_root() if isinstance(node, DictConfig) else None
    return root if isinstance(root, DictConfig) else None
