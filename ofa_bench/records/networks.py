"""Lists the best distinct networks that a record found for each target, as OFA's dicts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.formatting import format_accuracy, same_target
from ofa_bench.predictors.coverage import format_choices
from ofa_bench.records.costs import format_costs, guard_band_of
from ofa_bench.records.model import Alternative, Record, Result, to_dict
from ofa_bench.records.unlabelled import MARK

__all__ = ["FoundNetwork", "best_networks", "describe_networks", "json_list"]


@dataclass(frozen=True)
class FoundNetwork:
    """A network that meets a target: ``accuracy`` is a fraction of 1; ``target`` and ``cost`` are in ``unit``.

    ``uncertainty`` is one standard deviation of the accuracy, None if unknown; ``measured`` has its accuracy on images
    (the fields of ``records.model.Measured``), None if nothing was measured.
    ``winner_of`` counts the repeats, of ``repeats``, that found nothing better. ``unlabelled`` lists its choices that
    no label of the predictor had, None if that is not known. ``cost`` includes the ``guard_band``, 1 for none;
    ``costs`` are those that have limits, by cost model, None without limits.
    """

    address: str
    target: float
    unit: str
    accuracy: float
    cost: float
    winner_of: int
    repeats: int
    architecture: Mapping[str, Any]
    unlabelled: Mapping[str, Any] | None = None
    guard_band: float = 1.0
    uncertainty: float | None = None
    measured: Mapping[str, Any] | None = None
    costs: Mapping[str, float] | None = None


def best_networks(record: Record, top: int = 1, target: float | None = None) -> list[FoundNetwork]:
    """Return the best distinct networks of each target over all repeats, by rising target and falling accuracy.

    Args:
        record: of a cell.
        top: the largest number of networks for each target.
        target: the only target, or None for all.

    Raises:
        InputError: the record has no such target.
    """
    targets = [one for one in record.targets if target is None or same_target(one, target)]
    if not targets:
        raise InputError(
            f"target={target:g}: no target of {record.address}, which has "
            f"{', '.join(f'{one:g}' for one in record.targets)} {record.unit}"
        )
    found = []
    for place in sorted(range(len(record.targets)), key=lambda i: float(record.targets[i])):
        if record.targets[place] in targets:
            found += sorted(_at(record, place), key=lambda one: (-one.accuracy, one.cost))[:top]
    return found


def _at(record: Record, place: int) -> Iterator[FoundNetwork]:
    """Yield the distinct networks found for the target at a position, in any order."""
    results = [repeat.results[place] for repeat in record.repeats]
    results = [result for result in results if result.feasible]
    won = [tuple(result.genes) for result in results]
    networks: dict[tuple[int, ...], Result | Alternative] = {}
    for result in results:
        networks |= {tuple(one.genes): one for one in result.alternatives} | {tuple(result.genes): result}
    for genes, one in networks.items():
        yield FoundNetwork(
            record.address, float(record.targets[place]), record.unit, one.accuracy or 0.0, one.cost,
            won.count(genes), len(record.repeats), one.architecture, one.unlabelled,
            guard_band_of(record), one.uncertainty, to_dict(one.measured), one.costs,
        )  # fmt: skip


def describe_networks(networks: Sequence[FoundNetwork]) -> Iterator[str]:
    """Yield two lines for each network: its predicted and measured accuracy and its cost, and OFA's dict to copy."""
    for one in networks:
        won = f", found by {one.winner_of} of {one.repeats} repeats" if one.repeats > 1 and one.winner_of else ""
        guess = format_choices(one.unlabelled or {})
        mark = f"{MARK} (no label had {guess})" if guess else ""
        guarded = f" guarded cost ({one.cost / one.guard_band:.2f} without)" if one.guard_band != 1 else ""
        accuracy = f"{format_accuracy(one.accuracy, one.uncertainty)} %{mark}"
        if one.measured:
            accuracy += f" (measured: {100 * one.measured['top1']:.2f} % of {one.measured['images']:,} images)"
        others = f", {format_costs(one.costs)}" if one.costs else ""
        yield f"{one.target:g} {one.unit}: {accuracy}, {one.cost:.2f} {one.unit}{guarded}{others}{won}"
        yield f"  {json.dumps(one.architecture)}"


def json_list(items: Sequence[Mapping[str, Any]]) -> str:
    """Return a JSON list with one item a line."""
    return "[\n " + ",\n ".join(map(json.dumps, items)) + "\n]"
