"""Composes configs as the command does, for tests."""

import copy
import functools
import io
from pathlib import Path
from typing import IO, Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from ofa_bench.config.registration import register
from ofa_bench.config.schema import conf_dir
from ofa_bench.experiment.build import build

__all__ = ["cell", "composed"]


def _parse_once() -> None:
    """Let OmegaConf parse each text of YAML once in a process, which is a third of the time of a composition."""
    load = OmegaConf.load

    @functools.cache
    def parse(text: str) -> DictConfig | ListConfig:
        return load(io.StringIO(text))

    def find(file: str | Path | IO[Any]) -> DictConfig | ListConfig:
        text = Path(file).read_text(encoding="utf-8") if isinstance(file, str | Path) else file.read()
        try:
            return copy.deepcopy(parse(text))
        except Exception:
            if not isinstance(file, str | Path):
                file.seek(0)
            return load(file)  # whose message names the file

    OmegaConf.load = staticmethod(find)


_parse_once()


def composed(*overrides):
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
    config.hydra.runtime.output_dir = "nowhere"
    HydraConfig.instance().set_config(config)
    task = copy.deepcopy(config)
    with open_dict(task):
        del task["hydra"]
    return config, task


def cell(*overrides):
    return build(OmegaConf.to_object(composed(*overrides)[1]))
