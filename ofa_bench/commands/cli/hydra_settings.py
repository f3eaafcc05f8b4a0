"""Checks of folders and of Hydra's own settings, wherever they are set: what would not be used is refused."""

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


CELLS = 100_000
"""The most cells of one sweep; Hydra lists all before the first begins."""


def check_settings(config: DictConfig) -> None:
    """Check the composed config of a cell or sweep, whether a setting comes from the command line or a file.

    Raises:
        InputError: a setting of Hydra's would not be used.
    """
    output = _raw(config, "output")
    if output == "~" or output.startswith("~/"):
        written = command_line([override("output", str(Path(output).expanduser()))])
        raise InputError(f"output={output}: ~ is not read as a home folder; write {written}")
    ours = OmegaConf.load(conf_dir() / "config.yaml")
    for name in FOLDERS:
        given = str(_raw(config, f"hydra.{name}"))
        if given != _raw(ours, f"hydra.{name}"):
            plain = name != "sweep.subdir" and "${" not in given and given != "???"
            instead = f"write {command_line([override('output', given)])}" if plain else "leave it out"
            raise InputError(f"hydra.{name}={given}: is not used, as results go to output=; {instead}")
    if config.hydra.job.chdir:
        raise InputError(
            "hydra.job.chdir=true: not possible, as paths are those of the folder where the command is started; "
            "leave it out (results go to output=)"
        )


def _raw(config: Any, name: str) -> Any:
    """Return a setting with its interpolations as they are written."""
    *groups, key = name.split(".")
    for group in groups:
        config = config[group]
    return OmegaConf.to_container(config, resolve=False)[key]  # type: ignore[call-overload,index]


def swept_words(config: DictConfig) -> list[str]:
    """List the overrides of a sweep, those of its experiment first, as Hydra's sweeper does."""
    params = config.hydra.sweeper.get("params") or {}
    return [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]


def count_cells(config: DictConfig, task: Sequence[Override]) -> int | None:
    """Count the cells of a sweep; None where another sweeper than Hydra's own decides that.

    Raises:
        InputError: there is none, one is given twice, or there are too many.
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
            raise InputError(f"{one.input_line or key}: matches nothing, so that nothing would run")
        twice, number = Counter(values).most_common(1)[0]
        if number > 1:
            raise InputError(f"{one.input_line or key}: {twice} is given twice")
        counts[key] = len(values)
    if (cells := prod(counts.values())) > CELLS:
        raise InputError(f"-m: {cells:,} cells; a sweep has at most {CELLS:,}")
    return cells
