"""What the costs of a record are: raised by a guard band or not, and of which statistic of a device's runs."""

from ofa_bench.profiling.statistics import describe_statistic, read_statistic
from ofa_bench.records.model import Record

__all__ = ["cost_name", "describe_costs", "guard_band_of"]


def guard_band_of(record: Record) -> float:
    """Return the factor by which a record's costs are raised above the table's, 1 for none."""
    device, card = record.config.get("device"), record.device.card
    guarded = isinstance(device, dict) and device.get("guard_band") is True
    band = card.get("guard_band") if guarded else record.device.guard_band  # of a problem made in Python
    return float(band) if isinstance(band, int | float) and band >= 1 else 1.0


def cost_name(*records: Record) -> str:
    """Name what records have as cost: ``guarded cost`` where it is raised by a guard band."""
    return " / ".join(sorted({"cost" if guard_band_of(record) == 1 else "guarded cost" for record in records}))


def describe_costs(record: Record) -> str:
    """Say in a sentence or two what is not plain of a record's costs and targets; empty if there is nothing."""
    band, statistic = guard_band_of(record), read_statistic(record.device.card)
    message = []
    if statistic is not None:
        message.append(f"Targets and costs are {describe_statistic(statistic)} of the device's runs.")
    if band != 1:
        message.append(f"A guarded cost is the table's, raised by its guard band of {band:g}.")
    return " ".join(message)
