"""The typed configuration that Hydra composes, and its checks, in words."""

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, OmegaConf

from ofa_bench import earlier, store_uri
from ofa_bench.errors import InputError, no_such_option, suggestion
from ofa_bench.limits import THREADS, check_range

if TYPE_CHECKING:
    from ofa_bench.spaces import DesignSpace

__all__ = [
    "CHANGED",
    "GROUPS",
    "NO_RESULT",
    "ONE_AFTER_ANOTHER",
    "SWEEP_VARIABLE",
    "Config",
    "address",
    "available_cores",
    "check_rerun",
    "check_tracking",
    "conf_dir",
    "load_space",
    "register",
    "resolve_threads",
    "resolve_tracking",
    "result_config",
    "whole_or_part",
]

GROUPS = ("space", "device", "predictor", "strategy", "budget", "targets")
"""The config groups that make a cell; their chosen options are its address."""

NO_RESULT = ("hydra", "tracking", "output", "rerun", "progress", "threads", "lockstep")
"""Keys that change nothing of what is found; they are no part of an address or a hash."""

CHANGED = "changed"
"""The value of ``rerun`` by which only those cells are run again whose config, predictor, table or code changed."""

ONE_AFTER_ANOTHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
"""The launcher that runs a sweep's cells one at a time, in its own process; others run them in parallel."""

LONGEST_NAME = 500
"""Letters of an experiment's name that MLflow takes."""

SWEEP_VARIABLE = "OFA_BENCH_SWEEP"
"""Environment variable by which a cell, in whatever process, knows its sweep: ``<id>:<command>:<MLflow run>``."""


@dataclass
class BudgetConfig:
    """Generations of a search from scratch and of a warm-started one, or of one warm-started search after another."""

    generations: int = field(default=MISSING, metadata={"also": ("n",)})
    warm_generations: Any = "sqrt"


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


@dataclass
class TargetsConfig:
    """Targets as values, as quantiles of random architectures' costs, or evenly spread; else the device's own.

    ``unit`` guards values against being read in another; null is the device's. ``first`` takes that many of the
    device's own, from the smallest.
    """

    unit: str | None = None
    values: list[float] | None = None
    quantiles: list[float] | None = None
    start: float | None = None
    stop: float | None = None
    count: int | None = None
    first: int | None = None


@dataclass
class TrackingConfig:
    """Where MLflow keeps its view of the records; nowhere if ``uri`` is null.

    ``artifacts`` is a folder or an address, for an experiment that is made; null leaves it to the store.
    """

    uri: str | None = None
    artifacts: str | None = None
    experiment: str = store_uri.EXPERIMENT

    @classmethod
    def at(
        cls, uri: str | None, artifacts: str | None, experiment: str, folder: Path | None = None
    ) -> "TrackingConfig":
        """Make it of what was given: paths, relative to a folder, become absolute; artifacts are beside a SQLite file.

        Raises:
            InputError: the address cannot be one.
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
    ``choices`` of the space hold its genes to some of their choices.
    """

    space: dict[str, Any] = field(default_factory=lambda: {"choices": None})
    device: Any = MISSING
    predictor: Any = MISSING
    strategy: Any = MISSING
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    targets: TargetsConfig = field(default_factory=TargetsConfig)
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
    """Find the Hydra configs: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inner = package / "conf"
    return inner if inner.is_dir() else package.parent / "conf"


def load_space(name: str) -> "DesignSpace":
    """Build the design space that an option of the group ``space`` describes.

    Raises:
        InputError: there is no such option.
    """
    from ofa_bench.building import build_space

    options = sorted(path.stem for path in (conf_dir() / "space").glob("*.yaml"))
    if name not in options:
        raise no_such_option("space", name, options)
    node = OmegaConf.load(conf_dir() / "space" / f"{name}.yaml")
    assert isinstance(node, DictConfig)
    node.pop("defaults", None)  # of interest to Hydra only: the space's default device
    space: DesignSpace = build_space(OmegaConf.to_container(node))
    return space


def register() -> None:
    """Register the schema and the resolvers with Hydra, and the variable that the config copies to workers."""
    os.environ.setdefault(SWEEP_VARIABLE, "")
    ConfigStore.instance().store(name="schema", node=Config)
    resolvers: dict[str, Callable[..., Any]] = {
        "address": address,
        "artifacts": lambda uri, folder: store_uri.artifacts_beside(uri, Path(folder)),
        "experiment": store_uri.default_experiment,
        "sqlite": lambda folder: store_uri.sqlite_uri(Path(folder) / store_uri.DATABASE),
        "store": lambda folder, *otherwise: store_uri.default_uri(Path(folder), *otherwise),
        "variables": lambda: [SWEEP_VARIABLE, *store_uri.given_variables()],
    }
    for name, resolver in resolvers.items():
        OmegaConf.register_new_resolver(f"ofa_bench.{name}", resolver, replace=True)


def address(
    choices: Mapping[str, str], overrides: Sequence[str], seed: int, swept: Mapping[str, str] | None = None
) -> str:
    """Name the place of a cell's results: the chosen option of each group, the seed, and every other override.

    An experiment is named only if it sets more than options of groups and what it sweeps, which are named anyway.
    ``swept`` are the keys that an experiment sweeps (``hydra.sweeper.params``): a cell must be given each of them.

    Raises:
        InputError: a group has no chosen option, or an experiment is not run as the sweep that it is.

    Example: ``mbv3/note10/embedded/vanilla/sqrt/default/seed=0,repeats=10``.
    """
    missing = [group for group in GROUPS if group not in choices]
    if missing:
        raise InputError(f"{missing[0]}: choose an option of the group ({missing[0]}=<option>)")
    experiment, keys = choices.get("experiment"), [text.lstrip("+~").split("=")[0] for text in overrides]
    for key in swept or {}:
        if key not in keys:
            raise InputError(f"experiment={experiment}: sweeps {key}; put -m first, and run one experiment at a time")
    skipped = (*GROUPS, *NO_RESULT, "seed", *(["experiment"] if _only_sweeps(experiment) else []))
    extra = [text.lstrip("+~") for text in overrides if re.split(r"[.@=]", text.lstrip("+~"))[0] not in skipped]
    extra += [text.lstrip("+~") for text in overrides if re.match(rf"[+~]*({'|'.join(GROUPS)})\.", text)]
    extra = [
        re.sub(r"=(True|False)$", lambda value: value[0].lower(), text) for text in extra
    ]  # as with -m, so without
    last = ",".join([f"seed={seed}", *sorted(extra)])
    if len(last) > 120:  # a long value, such as a path, must not push out the other keys
        last = ",".join([f"seed={seed}", *(_cut(text, 36, 8) if len(text) > 45 else text for text in sorted(extra))])
    last = re.sub(r"[^\w.,=+~\-\[\]]", "_", last)
    if len(last) > 120:
        last = _cut(last, 100, 12)
    if len(last.encode()) > 200:  # of letters that take several bytes each; a file's name may have 255 in all
        last = _cut(last, 40, 12)
    return "/".join([*(str(choices[group]) for group in GROUPS), last])


def _cut(text: str, most: int, digits: int) -> str:
    return f"{text[:most]}~{sha256(text.encode(errors='backslashreplace')).hexdigest()[:digits]}"


def _only_sweeps(experiment: str | None) -> bool:
    """Tell whether an experiment is one of ours that sets nothing but options of groups and Hydra's own keys."""
    path = conf_dir() / "experiment" / f"{experiment}.yaml"
    return path.is_file() and set(OmegaConf.load(path)) <= {"defaults", "hydra"}


def resolve_threads(config: Config, *, several: bool) -> int:
    """Give the threads of a cell: as configured; else all cores where searches can use several together, else one.

    Raises:
        InputError: fewer than 1 are asked for, or too many.
    """
    if config.threads is None:
        return available_cores() if several else 1
    check_range("threads", config.threads, 1, THREADS)
    return config.threads


def check_tracking(tracking: TrackingConfig, prefix: str = "tracking.") -> None:
    """Check what MLflow would refuse in any case, before a search whose record it should show.

    ``prefix`` is what stands before a key where the user gives it.

    Raises:
        InputError: the store's address or the experiment's name cannot be one.
    """
    uri = tracking.uri
    if uri is not None and uri != "databricks" and re.fullmatch(r"[^:/\\]*|(https?|[\w+]+):/*", uri):
        of = f" (of {store_uri.URI_VARIABLE})" if uri == os.environ.get(store_uri.URI_VARIABLE) else ""
        raise InputError(f"{prefix}uri={uri}{of}: must be like sqlite:///mlflow.db or http://host:5000")
    name = tracking.experiment
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        of = f" (of {store_uri.EXPERIMENT_VARIABLE})" if name == os.environ.get(store_uri.EXPERIMENT_VARIABLE) else ""
        raise InputError(f"{prefix}experiment={name}{of}: must be a name of 1 to {LONGEST_NAME} letters")


def resolve_tracking(config: DictConfig) -> TrackingConfig:
    """Make paths in a composed config's ``tracking`` absolute, so that they are the same in every process.

    Raises:
        InputError: the address cannot be one.
    """
    given = config.tracking
    try:
        found = TrackingConfig.at(given.uri, given.artifacts, given.experiment, Path(HydraConfig.get().runtime.cwd))
    except InputError as error:
        raise InputError(f"tracking.uri={error}") from error
    for key, value in vars(found).items():
        OmegaConf.update(config, f"tracking.{key}", value)
    return found


def whole_or_part(node: Any) -> Any:
    """Give the config of a space without ``choices`` where there are none."""
    if isinstance(node, Mapping) and not node.get("choices"):
        return {key: value for key, value in node.items() if key != "choices"}
    return node


def check_rerun(rerun: object) -> None:
    """Check whether cells that are done are to be run again.

    Raises:
        InputError: the value is not allowed.
    """
    if rerun is not True and rerun is not False and rerun != CHANGED:
        value = "null" if rerun is None else rerun
        raise InputError(f"rerun={value}: must be true or false, or {CHANGED}{suggestion(str(rerun), [CHANGED])}")


def available_cores() -> int:
    """Count the cores that this process may use: its affinity, and a container's share (Linux, cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def result_config(config: DictConfig) -> dict[str, Any]:
    """Give the resolved config without the keys that change nothing of what is found, such as no choices of a space.

    An earlier record that a strategy starts from has its hash beside its name.
    """
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    if "space" in container:
        container["space"] = whole_or_part(container["space"])
    name = earlier.named_by(container.get("strategy"))
    if name is not None:
        uri = (container.get("tracking") or {}).get("uri")
        container["strategy"]["warm_start"]["from_sha256"] = earlier.read(name, uri).sha256
    return {str(key): value for key, value in container.items() if key not in NO_RESULT}
