"""Builds the cost models of records again, to cost networks that were found for other devices."""

from collections.abc import Callable, Mapping
from typing import Any

from ofa_bench.devices.cost import CostLimit, CostModel
from ofa_bench.devices.limited import LimitedCost
from ofa_bench.devices.synthetic import synthetic_device
from ofa_bench.devices.tables import latency_table
from ofa_bench.profiling import roofline_table
from ofa_bench.records.model import Record
from ofa_bench.spaces import DesignSpace

__all__ = ["rebuild_cost"]

_MAKERS: Mapping[str, Callable[..., CostModel]] = {
    "ofa_bench.predictors.latency_table": latency_table,
    "ofa_bench.profiling.roofline_table": roofline_table,
    "ofa_bench.devices.synthetic.synthetic_device": synthetic_device,
}
"""What may be called for the ``_target_`` of a record's device: a record may come from anybody."""


def rebuild_cost(record: Record, space: DesignSpace) -> CostModel | None:
    """Return the cost model that a record was made with, for its space.

    None if it cannot be built: the device is not one of ours and no table in a file, the file is not there (a relative
    path is looked up from the current folder), or it has another hash, as the table was changed.
    """
    try:
        cost = _build(record.config.get("device"), space)
        limits = record.config.get("limits")
        if isinstance(limits, Mapping):
            several = [CostLimit(latency_table(space, str(name)), float(most)) for name, most in limits.items()]
            cost = LimitedCost(space, cost, several)
    except Exception:  # of whatever a record holds
        return None
    return cost if cost.sha256 == record.device.sha256 else None


def _build(described: Any, space: DesignSpace) -> CostModel:
    settings = dict(described)
    return _MAKERS[settings.pop("_target_")](space, **settings)
