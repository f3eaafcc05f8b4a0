"""Checks the output folder and Hydra's own settings: those that would have no effect are refused."""

from collections import Counter
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ofa_bench.config.hydra_private import BASIC_SWEEPER, Override
from ofa_bench.config.schema import conf_dir
from ofa_bench.config.shell import command_line, override
from ofa_bench.errors import InputError

__all__ = ["check_settings", "count_cells", "swept_words"]

FOLDERS = ("run.dir", "sweep.dir", "sweep.subdir")
"""Hydra's own settings of folders."""


def check_settings(config: DictConfig) -> None:
    """Check the composed config of a cell or sweep, whether a setting comes from the command line or a file.

    Raises:
        InputError: a setting would have no effect.
    """
    output = _raw(config, "output")
    if output == "~" or output.startswith("~/"):
        expanded = command_line([override("output", str(Path(output).expanduser()))])
        raise InputError(f"output={output}: ~ is not expanded to a home folder; write {expanded}")
    ours = OmegaConf.load(conf_dir() / "config.yaml")
    for name in FOLDERS:
        given = str(_raw(config, f"hydra.{name}"))
        if given != _raw(ours, f"hydra.{name}"):
            raise InputError(f"hydra.{name}={given}: is not used; output= sets the folder of results")
    if config.hydra.job.chdir:
        raise InputError(
            "hydra.job.chdir=true: not supported, because paths are relative to the folder where the command starts; "
            "output= sets the folder of results"
        )


def _raw(config: Any, name: str) -> Any:
    """Return a setting without resolving its interpolations."""
    *groups, key = name.split(".")
    for group in groups:
        config = config[group]
    return OmegaConf.to_container(config, resolve=False)[key]  # type: ignore[call-overload,index]


def swept_words(config: DictConfig) -> list[str]:
    """Return the overrides of a sweep, those of its experiment first, as Hydra's sweeper does."""
    params = config.hydra.sweeper.get("params") or {}
    return [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]


def count_cells(config: DictConfig, task: Sequence[Override]) -> int | None:
    """Return the number of cells of a sweep; None for a sweeper other than Hydra's own, which decides itself.

    Raises:
        InputError: the sweep has no cells, or a value is given twice.
    """
    if config.hydra.sweeper["_target_"] != BASIC_SWEEPER:
        return None
    counts = dict[str, int]()
    for one in task:
        if one.is_sweep_override() and not one.is_discrete_sweep():
            raise InputError(f"{one.input_line}: cannot be swept; give values, separated by commas, or range(...)")
        key = one.get_key_element()
        values = list(one.sweep_string_iterator()) if one.is_sweep_override() else [""]
        if not values:
            raise InputError(f"{one.input_line or key}: matches nothing, so nothing would run")
        twice, number = Counter(values).most_common(1)[0]
        if number > 1:
            raise InputError(f"{one.input_line or key}: {twice} is given twice")
        counts[key] = len(values)
    return prod(counts.values())
