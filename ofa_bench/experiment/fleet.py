"""Expands ``device=fleet`` to the devices of the fleet: a config for each."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ofa_bench.config.schema import Config, conf_dir
from ofa_bench.devices.tables import devices_of
from ofa_bench.errors import InputError, no_such_option
from ofa_bench.experiment.options import options_of_group
from ofa_bench.experiment.user_files import NODES, UserFiles
from ofa_bench.spaces import DesignSpace

__all__ = ["FLEET", "Device", "devices_of_fleet", "find_device", "is_fleet", "on_device"]

FLEET = "fleet"
"""The option of the group ``device`` that stands for several."""


KEYS = ("devices", "guard_band", "synthetic", "seed")

MOST = 1000
"""The maximum number of synthetic devices."""


@dataclass(frozen=True)
class Device:
    """A device: the name of its option, and the config of its cost model."""

    name: str
    node: Mapping[str, Any]


def is_fleet(config: DictConfig | Config) -> bool:
    """Return whether a composed config is of several devices."""
    node = config.device
    return isinstance(node, Mapping) and "devices" in node and "_target_" not in node


def devices_of_fleet(config: DictConfig, space: DesignSpace) -> list[Device]:
    """Return the devices of a composed config with ``device=fleet``.

    Args:
        config: the composed config.
        space: the design space; without ``device.devices`` the fleet has all that the package has for it in
            milliseconds.

    Raises:
        InputError: there is no such device, or it is given twice.
    """
    node = OmegaConf.to_container(config.device, resolve=True)
    assert isinstance(node, dict)
    unknown = [str(key) for key in node if key not in KEYS]
    if unknown:
        raise InputError(f"device.{unknown[0]}: no such key of a fleet; allowed: {', '.join(KEYS)}")
    names = node["devices"]
    if names is None:
        names = [name for name, unit in devices_of(space).items() if unit.startswith("ms")]
    if not isinstance(names, list) or not names:
        raise InputError(f"device.devices={names}: must be a list of devices or paths, such as [note10,macs]")
    found = list[Device]()
    for name in names:
        one = find_device(str(name), f"device.devices={name}")
        if any(one.name == other.name for other in found):
            raise InputError(f"device.devices: {one.name} is there twice")
        guard = {"guard_band": True} if node.get("guard_band") else {}
        found.append(Device(one.name, {**one.node, **guard}))
    return found if node.get("synthetic") is None else _synthetic(found, node)


def _synthetic(parts: Sequence[Device], node: Mapping[Any, Any]) -> list[Device]:
    """Return the devices of a synthetic fleet, made of the tables of real ones."""
    number, seed = node["synthetic"], node.get("seed", 0)
    if type(number) is not int or not 1 <= number <= MOST:
        raise InputError(f"device.synthetic={number}: must be null, or a whole number of 1 to {MOST:,}")
    if node.get("guard_band"):
        raise InputError("device.guard_band: not with device.synthetic; a made-up device has no measured error")
    devices = [str(one.node.get("device", one.name)) for one in parts]
    made = {"_target_": "ofa_bench.devices.synthetic.synthetic_device", "devices": devices, "seed": seed}
    return [Device(f"synthetic-{i:04}", {**made, "number": i}) for i in range(number)]


def find_device(name: str, given: str) -> Device:
    """Return the device of an option or of the path of a table; messages begin with what was ``given``.

    Raises:
        InputError: there is no such option or path.
    """
    folders = _folders()
    options = options_of_group("device", folders)
    own = UserFiles("device", set(options_of_group("device", folders, registered=False))).find(name)
    if own:
        return Device(own[0], {NODES["device"][0]: own[1], **NODES["device"][1]})
    if name not in options or name == FLEET:
        raise no_such_option("device", name, [one for one in options if one != FLEET], given=given)
    places = [folder / "device" / f"{name}.yaml" for folder in (*folders, conf_dir())]
    path = next((place for place in places if place.is_file()), None)
    stored = OmegaConf.load(path) if path else ConfigStore.instance().repo["device"][f"{name}.yaml"].node
    node = OmegaConf.to_container(OmegaConf.create(stored))
    assert isinstance(node, dict)
    return Device(name, {str(key): value for key, value in node.items()})


def _folders() -> list[Path]:
    """Return the folders of config groups besides ours, of a running command."""
    if not HydraConfig.initialized():
        return []
    sources = HydraConfig.get().runtime.config_sources
    return [Path(one.path) for one in sources if one.schema == "file" and Path(one.path) != conf_dir()]


def on_device(config: DictConfig, device: Device) -> DictConfig:
    """Return a composed config with one device in place of the fleet."""
    made = copy.deepcopy(config)
    OmegaConf.update(made, "device", dict(device.node), merge=False, force_add=True)
    return made
