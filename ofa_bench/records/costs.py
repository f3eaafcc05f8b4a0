"""Describes the costs of a record: their guard band, and the statistic of a device's runs."""

from collections.abc import Mapping

from ofa_bench.profiling.statistics import describe_statistic, read_statistic
from ofa_bench.records.model import Record

__all__ = ["cost_name", "describe_costs", "format_costs", "guard_band_of"]


def guard_band_of(record: Record) -> float:
    """Return the factor by which a record's costs exceed the table's; 1 without a guard band."""
    device, card = record.config.get("device"), record.device.card
    guarded = isinstance(device, dict) and device.get("guard_band") is True
    band = card.get("guard_band") if guarded else record.device.guard_band  # a problem built in Python
    return float(band) if isinstance(band, int | float) and band >= 1 else 1.0


def format_costs(costs: Mapping[str, float] | None) -> str:
    """Return the costs of a network that have limits: ``params 5.31, macs 377``; empty without any."""
    return ", ".join(f"{name} {cost:.4g}" for name, cost in (costs or {}).items())


def cost_name(*records: Record) -> str:
    """Return the name of the costs of records: ``guarded cost`` where a guard band raises them."""
    return " / ".join(sorted({"cost" if guard_band_of(record) == 1 else "guarded cost" for record in records}))


def describe_costs(record: Record) -> str:
    """Return sentences on the statistic and the guard band of a record's costs; empty without either."""
    band, statistic = guard_band_of(record), read_statistic(record.device.card)
    about = "" if statistic is None else f"Targets and costs are {describe_statistic(statistic)} of the device's runs."
    guarded = (
        ""
        if band == 1
        else f"A guarded cost is the table's, raised by its guard band of {band:g}, a margin for the table's error."
    )
    return f"{about} {guarded}".strip()
