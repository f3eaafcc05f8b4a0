"""Registers the schema and the resolvers of our configs with Hydra, in every process that composes one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from ofa_bench.config import store_uri
from ofa_bench.config.address import address
from ofa_bench.config.schema import SWEEP_VARIABLE, Config

__all__ = ["register"]


def register() -> None:
    """Register the schema and the resolvers, and set the variable that the config copies to workers."""
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
