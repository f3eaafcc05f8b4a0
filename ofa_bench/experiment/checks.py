"""Checks parts of a composed config, and returns the part that decides the results."""

import os
import re
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ofa_bench.config import store_uri
from ofa_bench.config.limits import THREADS, available_cores, check_range
from ofa_bench.config.schema import CHANGED, NO_RESULT, NO_RESULT_OF_SUPERNET, SUPERNET, Config, TrackingConfig
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment import previous
from ofa_bench.spaces import plain_space

__all__ = ["check_rerun", "check_tracking", "resolve_threads", "resolve_tracking", "result_config"]

ADDED = (
    ("evolution", "memo", True), ("budget", "match", None), ("budget", "chain", None), ("device", "rescaled", None),
    ("strategy", "gradient", True), ("strategy", "gradient_cost", 0), ("predictor", "noise", None),
    ("ofa_bench.spaces.mbv3.MobileNetV3Space", "width", 1.2), ("", "limits", None), ("targets", "by_device", None),
    ("ofa_bench.strategies.Chain", "across", None),
    ("ofa_bench.strategies.Joint", "across", True),
)  # fmt: skip
"""Keys that older records lack, with the values that leave results as they were: there they are left out. The first is
the name of the node that has the key, at any depth (a strategy has a copy of ``evolution``), or its ``_target_``."""

LONGEST_NAME = 500
"""Maximum length of an experiment's name in MLflow."""


def resolve_threads(config: Config, *, several: bool) -> int:
    """Return the cores that a cell uses: one unless its searches can use ``several``, else as configured or all.

    Raises:
        InputError: the number is below 1 or too large.
    """
    if config.threads is not None:
        check_range("threads", config.threads, 1, THREADS)
    return (config.threads or available_cores()) if several else 1


def check_tracking(tracking: TrackingConfig, prefix: str = "tracking.") -> None:
    """Refuse, before a search, what MLflow would refuse after it; ``prefix`` is that of the keys in messages.

    Raises:
        InputError: the store's address or the experiment's name is not valid.
    """
    uri = tracking.uri
    if uri is not None and uri != "databricks" and re.fullmatch(r"[^:/\\]*|(https?|[\w+]+):/*", uri):
        of = f" (of {store_uri.URI_VARIABLE})" if uri == os.environ.get(store_uri.URI_VARIABLE) else ""
        raise InputError(f"{prefix}uri={uri}{of}: must be like sqlite:///mlflow.db or http://host:5000")
    name = tracking.experiment
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        of = f" (of {store_uri.EXPERIMENT_VARIABLE})" if name == os.environ.get(store_uri.EXPERIMENT_VARIABLE) else ""
        raise InputError(f"{prefix}experiment={name}{of}: must be a name of 1 to {LONGEST_NAME} characters")


def resolve_tracking(config: DictConfig) -> TrackingConfig:
    """Make paths in a composed config's ``tracking`` absolute, so that they are the same in every process.

    Raises:
        InputError: the address is not valid.
    """
    given = config.tracking
    try:
        found = TrackingConfig.at(given.uri, given.artifacts, given.experiment, Path(HydraConfig.get().runtime.cwd))
    except InputError as error:
        raise InputError(f"tracking.uri={error}") from error
    for key, value in vars(found).items():
        OmegaConf.update(config, f"tracking.{key}", value)
    return found


def check_rerun(rerun: object) -> None:
    """Check the value of ``rerun``.

    Raises:
        InputError: the value is not allowed.
    """
    if rerun is not True and rerun is not False and rerun != CHANGED:
        value = "null" if rerun is None else rerun
        raise InputError(f"rerun={value}: must be true or false, or {CHANGED}{suggestion(str(rerun), [CHANGED])}")


def result_config(config: DictConfig) -> dict[str, Any]:
    """Return the resolved config without the keys that do not change the results.

    The hash of a previous record that a strategy starts from is added beside its name.
    """
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    if "space" in container:
        container["space"] = plain_space(container["space"])
    predictor = container.get("predictor")
    if isinstance(predictor, dict) and predictor.get("_target_") == SUPERNET:
        container["predictor"] = {key: one for key, one in predictor.items() if key not in NO_RESULT_OF_SUPERNET}
    name = previous.named_by(container.get("strategy"))
    if name is not None:
        uri = (container.get("tracking") or {}).get("uri")
        container["strategy"]["warm_start"]["from_sha256"] = previous.read(name, uri).sha256
    found: dict[str, Any] = _without_added({str(key): one for key, one in container.items() if key not in NO_RESULT})
    return found


def _without_added(node: Any, name: str = "") -> Any:
    if not isinstance(node, dict):
        return node
    names = (name, node.get("_target_"))
    return {
        key: _without_added(value, key)
        for key, value in node.items()
        if not any((one, key, value) in ADDED for one in names)
    }
