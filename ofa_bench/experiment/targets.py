"""Resolves the targets of a cell: values, a range, quantiles, or the targets of the device's table."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ofa_bench.config.limits import TARGETS, check_range
from ofa_bench.config.schema import TargetsConfig
from ofa_bench.devices.targets import draw_sample, find_quantiles
from ofa_bench.errors import InputError
from ofa_bench.predictors import CostModel
from ofa_bench.spaces import DesignSpace

__all__ = ["resolve_targets"]


def resolve_targets(config: TargetsConfig, space: DesignSpace, cost: CostModel) -> tuple[float, ...]:
    """Return the targets in the given order, in the cost model's unit.

    Raises:
        InputError: they are given in more than one way, there are none or too many, one is given twice or is not a
            positive finite number, or the unit is not the cost model's.
    """
    if config.unit not in (None, cost.unit):
        raise InputError(
            f"targets.unit={config.unit}: this device's costs are in {cost.unit}; "
            "targets=default and targets=quantiles suit any device"
        )
    span = {"start": config.start, "stop": config.stop, "count": config.count}
    ways = {
        "values": config.values is not None,
        "quantiles": config.quantiles is not None,
        "start, stop and count": any(value is not None for value in span.values()),
        "by_device": config.by_device is not None,
    }
    given = [way for way, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise InputError(f"targets: give one of {'; '.join(ways)}; not {' with '.join(given)} (null takes one out)")
    if config.values is not None:
        values = _numbers("targets.values", config.values)
        twice = [value for value, times in Counter(values).items() if times > 1]
        if twice:
            raise InputError(f"targets.values: {twice[0]:g} is given twice")
    elif config.quantiles is not None:
        values = _quantiles(config.quantiles, space, cost)
    elif config.by_device is not None:
        values = _of_device(config.by_device, cost.name)
    elif given:
        values = _range(config, cost)
    else:
        values = tuple(float(value) for value in cost.targets)
        if not values:
            raise InputError(
                f"targets: device {cost.name} has none of its own for {space.name}; give targets=quantiles, "
                "targets.values=[...], or targets.start= .stop= .count="
            )
        values = _first(config.first, values)
    if config.first is not None and given:
        raise InputError(f"targets.first={config.first}: takes of the device's own targets; not with {given[0]}")
    if not values:
        raise InputError(f"targets.{given[0]}=[]: give at least one target")
    check_range("targets: their number", len(values), 1, TARGETS)
    for value in values:
        if not math.isfinite(value) or value <= 0:
            raise InputError(f"targets: {value} is not a positive finite number of {cost.unit}")
    return values


def _numbers(key: str, given: Sequence[Any]) -> tuple[float, ...]:
    """Return numbers as floats; raise InputError for lists, which the schema lets through."""
    for value in given:
        if not isinstance(value, int | float):
            raise InputError(f"{key}: {value} is not a number")
    return tuple(map(float, given))


def _of_device(by_device: Any, name: str) -> tuple[float, ...]:
    """Return the values that are given for a device."""
    if not isinstance(by_device, dict):
        raise InputError(f"targets.by_device={by_device}: must have targets by device, such as {{{name}: [20, 30]}}")
    if name not in by_device:
        raise InputError(f"targets.by_device: must have the targets of each device; those of {name} are missing")
    values = by_device[name]
    if not isinstance(values, list) or not values:
        raise InputError(f"targets.by_device.{name}={values}: must be a list of numbers")
    return _numbers(f"targets.by_device.{name}", values)


def _first(first: int | None, values: tuple[float, ...]) -> tuple[float, ...]:
    if first is not None and not 1 <= first <= len(values):
        raise InputError(f"targets.first={first}: must be 1 to {len(values)}, as many as the device has of its own")
    return values if first is None else tuple(sorted(values)[:first])


def _range(config: TargetsConfig, cost: CostModel) -> tuple[float, ...]:
    """Return evenly spaced targets; without start and stop they are spread over the device's own."""
    start, stop, count = config.start, config.stop, config.count
    if start is None and stop is None and len(cost.targets):
        start, stop = float(min(cost.targets)), float(max(cost.targets))
    if start is None or stop is None or count is None:
        missing = [name for name in ("start", "stop", "count") if getattr(config, name) is None]
        raise InputError(f"targets: give start, stop and count (missing: {', '.join(missing)})")
    check_range("targets.count", count, 1, TARGETS)
    for key, value in (("start", start), ("stop", stop)):
        if not math.isfinite(value):
            raise InputError(f"targets.{key}={value}: is not a positive finite number")
    step = (stop - start) / max(1, count - 1)
    return tuple(round(start + i * step, 9) for i in range(count))


def _quantiles(fractions: list[float], space: DesignSpace, cost: CostModel) -> tuple[float, ...]:
    """Return the quantiles of the costs of random architectures, to four significant digits."""
    for fraction in _numbers("targets.quantiles", fractions):
        if not 0 < fraction < 1:
            raise InputError(f"targets.quantiles: {fraction} is not a fraction between 0 and 1")
    return find_quantiles(cost.without_limits(draw_sample(space)), fractions)
