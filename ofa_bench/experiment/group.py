"""Builds the cost model of a group of devices, which one network is for, from the names of its devices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ofa_bench.config.kinds import adopt
from ofa_bench.devices.group import MeanCost, WorstCost
from ofa_bench.devices.levels import Leveled
from ofa_bench.devices.targets import draw_sample, find_quantiles
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment.building import build_object
from ofa_bench.experiment.fleet import find_device
from ofa_bench.predictors import CostModel
from ofa_bench.spaces import DesignSpace

__all__ = ["device_group"]

KINDS = {"worst": WorstCost, "mean": MeanCost}


def device_group(
    space: DesignSpace,
    devices: Sequence[str] | None = None,
    of: str = "worst",
    levels: Mapping[str, float | Sequence[float]] | None = None,
) -> CostModel:
    """Return one cost model over several devices, for a network that all of them run.

    Args:
        space: the design space.
        devices: options of the group ``device`` or paths of tables; two or more.
        of: ``worst``, the highest level on any device, or ``mean``, the mean of the costs as multiples of the levels.
        levels: by device, the cost that is level 1, or the costs that are level 1, 2, and so on; default: each
            device's own targets, or where it has none, the quantiles of its costs.

    Raises:
        InputError: a device does not exist or is there twice, or the levels are not those of all devices, do not
            rise, or are not as many on each.
    """
    if not isinstance(devices, list) or len(devices) < 2:
        raise InputError(f"device.devices={devices}: must be a list of two or more, such as [note10,jetson_gpu]")
    if not isinstance(of, str) or of not in KINDS:
        raise InputError(f"device.of={of}: must be {' or '.join(KINDS)}{suggestion(str(of), KINDS)}")
    models = [_build(space, str(name)) for name in devices]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"device.devices: {name} is there twice")
    return KINDS[of](space, _leveled(space, models, levels))


def _build(space: DesignSpace, name: str) -> CostModel:
    made = build_object("device", find_device(name, f"device.devices={name}").node, space=space)
    model = adopt(made, CostModel)
    if not isinstance(model, CostModel):
        raise InputError(f"device.devices: {name} makes {type(made).__name__}; must make CostModel")
    return model


def _leveled(space: DesignSpace, models: Sequence[CostModel], levels: Any) -> list[Leveled]:
    """Return the devices with their levels, given ones or those of their targets."""
    names = [model.name for model in models]
    if levels is None:
        found = {model.name: tuple(sorted(map(float, model.targets))) or _quantiles(space, model) for model in models}
    elif not isinstance(levels, dict) or set(levels) != set(names):
        wanted = f"{{{', '.join(f'{name}: 20' for name in names)}}}"
        raise InputError(f"device.levels={levels}: must have the costs of each device, such as {wanted}")
    else:
        found = {name: _costs(name, levels[name]) for name in names}
    first = names[0]
    for name, costs in found.items():
        if len(costs) != len(found[first]):
            raise InputError(
                f"device.levels: {first} has {len(found[first])} levels, and {name} {len(costs)}; give as many of each"
            )
        if not all(a < b for a, b in zip((0.0, *costs), costs, strict=False)):
            raise InputError(f"device.levels.{name}={list(costs)}: must be positive and rise from level to level")
    return [Leveled(model, found[model.name]) for model in models]


def _quantiles(space: DesignSpace, model: CostModel) -> tuple[float, ...]:
    return find_quantiles(model.cost(draw_sample(space)))


def _costs(name: str, given: Any) -> tuple[float, ...]:
    costs = given if isinstance(given, list) else [given]
    if not costs or not all(type(cost) in (int, float) and np.isfinite(cost) for cost in costs):
        raise InputError(f"device.levels.{name}={given}: must be a number, or a list of numbers that rise")
    return tuple(map(float, costs))
