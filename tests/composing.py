"""Composes configs as the command does, for tests."""

import copy

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from ofa_bench.config.registration import register
from ofa_bench.config.schema import conf_dir
from ofa_bench.experiment.build import build

__all__ = ["cell", "composed"]


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
