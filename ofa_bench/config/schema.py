"""The typed configuration that Hydra composes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf

from ofa_bench.config import store_uri

__all__ = [
    "CHANGED",
    "GROUPS",
    "NO_RESULT",
    "NO_RESULT_OF_SUPERNET",
    "PROBLEM_GROUPS",
    "SUPERNET",
    "SWEEP_VARIABLE",
    "Config",
    "conf_dir",
    "to_config",
]

PROBLEM_GROUPS = ("space", "device", "predictor")
"""The config groups of a problem."""

GROUPS = (*PROBLEM_GROUPS, "strategy", "budget", "targets")
"""The config groups of a cell; their chosen options are in its address."""

NO_RESULT = ("hydra", "tracking", "output", "rerun", "progress", "threads", "lockstep")
"""Keys that do not change the results; they are not in an address or a hash."""

SUPERNET = "ofa_bench.training.supernet_predictor"
"""The ``_target_`` of the option ``supernet`` of the group ``predictor``."""

NO_RESULT_OF_SUPERNET = ("cache", "processes", "executor", "threads", "progress")
"""Likewise, the keys of this predictor."""

CHANGED = "changed"
"""The value of ``rerun`` that runs only cells whose config, predictor, table or code has changed."""

SWEEP_VARIABLE = "OFA_BENCH_SWEEP"
"""Environment variable that tells a cell, in any process, its sweep: ``<id>:<command>:<MLflow run>``."""


@dataclass
class BudgetConfig:
    """Generations of a search from scratch and of a warm-started one, or of one warm-started search after another.

    ``match`` is what a control spends as much of as ``chain`` (the config of a strategy); null: no control.
    """

    generations: int = field(default=MISSING, metadata={"also": ("n",)})
    warm_generations: Any = "sqrt"
    match: str | None = None
    chain: Any = None


@dataclass
class EvolutionConfig:
    """OFA's evolutionary search of one target; see ``ofa_bench.search.Evolution``."""

    _target_: str = "ofa_bench.search.Evolution"
    population_size: int = MISSING
    parent_ratio: float = MISSING
    mutation_ratio: float = MISSING
    mutate_prob: float = MISSING
    reference_compat: bool = MISSING
    initial_ratio: float = MISSING
    constraint: str = MISSING
    reward_exponent: float = MISSING
    memo: bool = True


@dataclass
class TargetsConfig:
    """Targets as values, as quantiles of random architectures' costs, or evenly spread; else the device's own.

    ``unit`` is checked against the device's unit, unless it is null. ``first`` is the number of the device's own
    targets to take, from the smallest. ``count`` alone spreads targets from the device's smallest to its largest.
    ``by_device`` are values by the name of the device.
    """

    unit: str | None = None
    values: list[float] | None = None
    quantiles: list[float] | None = None
    start: float | None = None
    stop: float | None = None
    count: int | None = None
    first: int | None = None
    by_device: Any = None


@dataclass
class TrackingConfig:
    """The MLflow store of the records; none if ``uri`` is null.

    ``artifacts`` is a folder or an address for a new experiment; null means the default of the store.
    """

    uri: str | None = None
    artifacts: str | None = None
    experiment: str = store_uri.EXPERIMENT

    @classmethod
    def at(
        cls, uri: str | None, artifacts: str | None, experiment: str, folder: Path | None = None
    ) -> "TrackingConfig":
        """Return the config with absolute paths, and with artifacts beside a SQLite file.

        Raises:
            InputError: the address is not valid.
        """
        if uri is None:
            return cls(None, None, experiment)
        folder = folder or Path.cwd()
        if artifacts:
            place: str | None = artifacts if "://" in artifacts else str(folder / artifacts)
        else:
            place = store_uri.artifacts_beside(uri, folder)
        return cls(store_uri.resolve_uri(uri, folder), place, experiment)


@dataclass
class Config:
    """One cell: a strategy on a problem, for a set of targets, under a budget, repeated.

    ``space``, ``device``, ``predictor`` and ``strategy`` (with its ``evolution``) are built from their ``_target_``.
    ``choices`` of the space are the allowed choices of its genes, ``noise`` of the predictor is one standard deviation
    of simulated measurements. ``limits`` are the largest costs allowed on other devices, in their units, beside each
    target.
    """

    space: dict[str, Any] = field(default_factory=lambda: {"choices": None})
    device: Any = MISSING
    predictor: dict[str, Any] = field(default_factory=lambda: {"noise": None})
    strategy: Any = MISSING
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    targets: TargetsConfig = field(default_factory=TargetsConfig)
    limits: Any = None
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    seed: int = 0
    repeats: int = 1
    keep: int = 10
    output: str = "multirun"
    rerun: Any = False
    threads: int | None = None
    lockstep: bool = True
    progress: bool = True


def conf_dir() -> Path:
    """Return the folder of the Hydra configs: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inner = package / "conf"
    return inner if inner.is_dir() else package.parent / "conf"


def to_config(composed: DictConfig) -> Config:
    """Return a composed config as an object of the schema."""
    config = OmegaConf.to_object(composed)
    assert isinstance(config, Config)
    return config
