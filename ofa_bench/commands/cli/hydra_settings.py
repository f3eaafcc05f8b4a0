"""Checks of folders and of Hydra's own settings, wherever they are set: what would not be used is refused."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from hydra.conf import JobConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ofa_bench.config.schema import SWEEP_VARIABLE, conf_dir
from ofa_bench.config.shell import command_line, override
from ofa_bench.errors import InputError

__all__ = ["check_settings", "check_swept_experiments", "count_cells"]

FOLDERS = ("run.dir", "sweep.dir", "sweep.subdir")
"""Hydra's own settings of folders."""

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"

OF_A_SWEEP = ("hydra/launcher", "hydra/sweeper", "hydra.launcher", "hydra.sweeper")
"""How the words begin that only a sweep uses."""


def check_settings(config: DictConfig) -> None:
    """Check the composed config of a cell or sweep, whether a setting comes from the command line or a file.

    Raises:
        InputError: a setting of Hydra's would not be used.
    """
    output = str(OmegaConf.to_container(config, resolve=False)["output"])  # type: ignore[call-overload,index]
    if output == "~" or output.startswith("~/"):
        written = command_line([override("output", str(Path(output).expanduser()))])
        raise InputError(f"output={output}: ~ is not read as a home folder; write {written}")
    settings = config.hydra
    ours = OmegaConf.load(conf_dir() / "config.yaml").hydra
    for name in FOLDERS:
        given = _raw(settings, name)
        if given != _raw(ours, name):
            raise InputError(_said_of_folder(name, str(given)))
    if settings.job.chdir:
        raise InputError(
            "hydra.job.chdir=true: not possible, as paths are those of the folder where the command is started; "
            "leave it out (results go to output=)"
        )
    if SWEEP_VARIABLE not in settings.job.env_copy:
        kept = ",".join([SWEEP_VARIABLE, *map(str, settings.job.env_copy)])
        raise InputError(f"hydra.job.env_copy: needs {SWEEP_VARIABLE} too; write hydra.job.env_copy=[{kept}]")
    if settings.job.config != OmegaConf.structured(JobConf.JobConfig):
        raise InputError("hydra.job.config: is not used, as a cell's folder is its address; leave it out")
    logs = (settings.hydra_logging, settings.job_logging)
    if settings.verbose and not any((log or {}).get("root") for log in logs):
        raise InputError(
            f"hydra.verbose={_shown(settings.verbose)}: shows nothing, as there is no log; "
            "add hydra/job_logging=default, or hydra/hydra_logging=default for what Hydra does"
        )
    if settings.mode != RunMode.MULTIRUN:
        for word in settings.overrides.hydra:
            if word.lstrip("+").startswith(OF_A_SWEEP) and not word.endswith("=basic"):
                raise InputError(f"{word}: is of a sweep, and this is a single run; put -m first")


def _said_of_folder(name: str, given: str) -> str:
    message = f"hydra.{name}={given}: is not used"
    if name == "sweep.subdir":
        return f"{message}, as a cell's folder is its address; leave it out (output= says where all are)"
    if "${" in given or given == "???":
        return f"{message}, as results go to output=; leave it out"
    return f"{message}, as results go to output=; write {command_line([override('output', given)])}"


def _raw(settings: Any, name: str) -> Any:
    """Return a setting with its interpolations as they are written."""
    group, _, key = name.partition(".")
    return OmegaConf.to_container(settings[group], resolve=False)[key]  # type: ignore[call-overload,index]


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_swept_experiments(config: DictConfig, task: Sequence[Override]) -> None:
    """Check that no experiment of several that are swept sets what only a whole sweep can have.

    Raises:
        InputError: one does.
    """
    loader = GlobalHydra.instance().config_loader()
    for one in task:
        if one.key_or_group != "experiment" or not one.is_discrete_sweep():
            continue
        for name in one.sweep_string_iterator():
            try:
                cell = loader.load_sweep_config(config, [f"experiment={name}"])
            except Exception:  # of a config that cannot be composed: Hydra raises it when it composes the cells
                continue
            for key in ("launcher", "callbacks"):
                if cell.hydra[key] != config.hydra[key]:
                    raise InputError(
                        f"experiment={name}: sets hydra.{key}, which a sweep has once; "
                        f"run one experiment at a time, or give the {key} on the command line"
                    )
            check_settings(cell)


def parse_task(config: DictConfig) -> list[Override]:
    """Read the overrides of a sweep, those of its experiment first, as Hydra's sweeper does."""
    params = config.hydra.sweeper.get("params") or {}
    words = [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    return parser.parse_overrides(words)


def count_cells(config: DictConfig, task: Sequence[Override]) -> int | None:
    """Count the cells of a sweep; None where another sweeper than Hydra's own decides that.

    Raises:
        InputError: there is none.
    """
    if config.hydra.sweeper["_target_"] != BASIC_SWEEPER:
        return None
    counts = dict[str, int]()
    for one in task:
        if one.is_sweep_override() and not one.is_discrete_sweep():
            return None  # which Hydra refuses
        counts[one.get_key_element()] = sum(1 for _ in one.sweep_string_iterator()) if one.is_sweep_override() else 1
        if not counts[one.get_key_element()]:
            raise InputError(f"{one.input_line or one.get_key_element()}: matches no option, so that nothing would run")
    return prod(counts.values())
