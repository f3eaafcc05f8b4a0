"""Says in sentences what the records of a fleet show."""

from collections.abc import Iterator, Sequence

import numpy as np

from ofa_bench.analysis.fleets.naming import CHOSEN, Named
from ofa_bench.analysis.fleets.pooling import Fleet
from ofa_bench.analysis.fleets.serving import Transfer
from ofa_bench.analysis.fleets.spending import FleetLine
from ofa_bench.formatting import format_number
from ofa_bench.strategies import Budget

__all__ = ["OFA_SECONDS", "describe_fleet", "describe_formulas", "title_of", "unknown_costs"]

OFA_SECONDS = 15.02
"""Seconds of OFA's own search of one target of ``mbv3`` with 500 generations (docs/speed.md)."""


def title_of(fleet: Fleet) -> str:
    """Return space, predictor and size of a fleet."""
    return f"{fleet.space}, predictor {fleet.predictor}: {len(fleet.devices)} devices, {len(fleet.best):,} targets"


def describe_fleet(named: Named, found: Transfer, lines: Sequence[FleetLine]) -> Iterator[str]:
    """Yield the findings on a fleet, the most useful first."""
    fleet, service = named.fleet, named.service
    met = int((fleet.best >= 0).sum())
    distinct = len(np.unique(fleet.best[fleet.best >= 0]))
    chosen = len(service.chosen)
    fewest = f"{service.bound} are needed in any case" if service.bound < chosen else "no fewer do"
    if service.left_out:
        fewest = f"found among {service.considered:,} of {service.considered + service.left_out:,} networks"
    yield (
        f"{_count(chosen, 'network')} {'serves' if chosen == 1 else 'serve'} all {met:,} targets at a loss of at most "
        f"{CHOSEN:g} points each ({fewest}), {format_number(float(np.nanmean(service.loss)), '.3f')} on average. The "
        f"most accurate network of each target would be {distinct:,} different ones."
    )
    if met < len(fleet.best):
        yield f"No record has a network for {_count(len(fleet.best) - met, 'target')}."
    alike = fleet.similarity
    if len(alike) > 1:
        rows, columns = np.triu_indices(len(alike), 1)
        pairs = alike[rows, columns]
        low, high = (_pair(fleet, rows[at], columns[at]) for at in (pairs.argmin(), pairs.argmax()))
        if len(pairs) == 1:
            yield f"The two devices rank architectures with a correlation of {pairs[0]:.2f}."
        else:
            yield (
                f"Devices rank architectures with correlations of {pairs.min():.2f} ({low}) to {pairs.max():.2f} "
                f"({high}), {np.median(pairs):.2f} in the median."
            )
    losses = found.loss.copy()
    np.fill_diagonal(losses, np.nan)
    if np.isfinite(losses).any():
        worst = np.unravel_index(np.nanargmax(losses), losses.shape)
        of, to = (fleet.devices[int(place)].name for place in worst)
        tried = (len(fleet.devices) - 1) * sum(
            int((winners >= 0).sum())
            for device, winners in zip(fleet.devices, fleet.winners, strict=True)
            if device.cost is not None
        )
        yield (
            f"Winners of one device that are taken to another lose {format_number(float(np.nanmean(losses)), '.2f')} "
            f"points on average, at most {format_number(float(losses[worst]), '.2f')} ({of} to {to}), and miss "
            f"{found.missed.sum():,} of {tried:,} targets."
        )
    for line in lines[:3]:
        if line.overall:
            yield (
                f"{line.name}: {format_number(line.overall.value, '.3f')} points of regret on average over devices, "
                f"for {line.spent.evaluations:,.0f} evaluations in all."
            )


def describe_formulas(fleet: Fleet) -> Iterator[str]:
    """Yield how many generations searches of the whole fleet make by the formulas of each budget."""
    sizes, total = [len(device.targets) for device in fleet.devices], len(fleet.best)
    budgets = {}
    for study in (study for device in fleet.devices for study in device.studies):
        recorded = study.entries[0].records[0].budget
        warm = recorded.warm_generations
        budgets[study.generations, study.warm_generations] = Budget(
            recorded.generations, warm if isinstance(warm, int) else tuple(warm)
        )
    for (n, warm_text), budget in sorted(budgets.items()):
        chains = sum(map(budget.chained, sizes))
        yield (
            f"By the formulas, with {n} generations from scratch and {warm_text} where warm-started: a search of each "
            f"target makes {total * n:,} generations (k n), a chain on each device {chains:,}, one chain across all "
            f"devices {budget.chained(total):,} (n + (D k - 1) times the warm-started ones)."
        )
    if fleet.space == "mbv3":
        yield (
            f"OFA's own search of one target took {OFA_SECONDS:.3g} s with 500 generations on the machine of the "
            f"benchmarks; {total:,} targets would take {total * OFA_SECONDS:,.0f} s."
        )


def unknown_costs(fleet: Fleet) -> str:
    """Return which devices' costs are not known of networks that were found for others; empty if all are."""
    names = [device.name for device in fleet.devices if device.cost is None]
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return (
        f"The cost table of {shown} is not here, or it was changed. There, only networks of the device's own records "
        "are compared."
    )


def _pair(fleet: Fleet, one: int, other: int) -> str:
    return f"{fleet.devices[one].name}, {fleet.devices[other].name}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
