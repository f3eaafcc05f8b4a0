"""Chooses the networks to export: those that records found for each target."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.experiment.architectures import check_same_network
from ofa_bench.formatting import same_target
from ofa_bench.records.costs import guard_band_of
from ofa_bench.records.labels import distinct, labels
from ofa_bench.records.measured import architecture_key
from ofa_bench.records.model import Alternative, Record, Result
from ofa_bench.spaces import DesignSpace, Genes, recognise, space_of

__all__ = ["GIVEN", "FoundNetwork", "build_stem", "find_networks", "resolve_space", "select_target"]

GIVEN = "given as "
"""The start of ``by`` for a network that the user gave, which no search found."""


@dataclass(frozen=True)
class FoundNetwork:
    """A network that searches found for a target, or that the user gave, and its predictions.

    ``accuracy`` is a fraction of 1; ``target`` and ``cost`` are in ``unit``. ``cost`` is without the factor
    ``guard_band`` (1 for none) by which the search raised it. ``by`` has the labels of the records that found it.
    ``table`` is the name or path of the cost table, ``device_card`` its card. ``folder`` is where its files go,
    relative to the folder of the export. ``described`` is the config of its space. ``unlabelled`` has its choices that
    no label of the predictor had; None if that is unknown. ``uncertainty`` is one standard deviation of the accuracy.

    ``measured`` has the accuracy on images (``top1``, a fraction of 1, of so many ``images``), and by how many
    ``networks`` of the target that were measured it was chosen; ``rank`` is its place by predicted accuracy among all
    that the records kept for the target. It is None if nothing was measured.
    """

    space: str
    device: str
    predictor: str
    unit: str
    target: float
    architecture: Mapping[str, Any] = field(hash=False)
    accuracy: float
    cost: float
    guard_band: float
    by: tuple[str, ...]
    hashes: Mapping[str, str] = field(hash=False)
    table: str
    device_card: Mapping[str, Any] = field(hash=False, repr=False)
    folder: str
    described: Any = field(default=None, hash=False, repr=False)
    unlabelled: Mapping[str, Any] | None = field(default=None, hash=False)
    uncertainty: float | None = None
    measured: Mapping[str, Any] | None = field(default=None, hash=False)


def resolve_space(architecture: Mapping[str, Any], called: str, described: Any) -> tuple[DesignSpace, Genes]:
    """Return the space whose supernet builds an architecture, and the canonical row of it: int8 [n_genes].

    Args:
        architecture: the dict that ``to_ofa`` of the space returns.
        called: the name of the space's option.
        described: the config of the space.

    Raises:
        InputError: the space cannot be built, has no supernet or not this architecture.
    """
    found = recognise(architecture, described)
    if found and found[0].supernet:
        return found
    target = described.get("_target_") if isinstance(described, Mapping) else None
    if not found and target and space_of(described) is None:
        raise InputError(f"space={called}: {str(target)[:80]} cannot be built here; give space=<the YAML file of it>")
    raise InputError(f"space={called}: no supernet builds its architectures, so none can be exported")


def find_networks(records: Sequence[Record], *, every: bool = False) -> list[FoundNetwork]:
    """Return the most accurate network that records found for each target, or with ``every`` each network once.

    Where accuracies of a target's networks were measured, the most accurate one is the best of these.

    Records of the same space, cost table and predictor are compared, whatever their strategies, budgets and seeds.
    Networks are sorted by target, then by decreasing predicted accuracy; the best measured one comes first.

    Raises:
        InputError: an architecture belongs to no space that can be built, or measured accuracies cannot be compared.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        hashes = (record.device.sha256, str(guard_band_of(record)), record.predictor.sha256)
        groups.setdefault((*_names(record).values(), *hashes), []).append(record)
    taken, made = set[str](), list[FoundNetwork]()
    for group in groups.values():
        stem = distinct(build_stem(_names(group[0]), guard_band_of(group[0])), taken)
        made += _find_in_group(list(zip(labels(group), group, strict=True)), stem, every=every)
    return made


def _names(record: Record) -> dict[str, str]:
    choices = record.choices
    return {"space": choices.space, "device": record.device.name, "predictor": choices.predictor}


def build_stem(names: Mapping[str, str], guard_band: float) -> str:
    """Return the name of the folder for networks of a space, device and predictor."""
    return "_".join([*names.values(), *(["guarded"] if guard_band != 1 else [])])


_Entry = tuple[str, Record, Result]
"""A record's label, the record, and a result that meets its target."""


def _find_in_group(group: Sequence[tuple[str, Record]], stem: str, *, every: bool) -> Iterator[FoundNetwork]:
    first, taken = group[0][1], set[str]()
    guard, names, device = guard_band_of(first), _names(first), first.config.get("device")
    by_target: dict[float, list[_Entry]] = {}
    for label, record in group:
        for result in (one for one in record.results if one.feasible):
            by_target.setdefault(float(result.target), []).append((label, record, result))
    for target, entries in sorted(by_target.items()):
        measured = _collect_measured(entries)
        for i, (architecture, them) in enumerate(_best_first(entries, names["space"], next(iter(measured), None))):
            if i and not every:
                break
            network = them[0][1]
            name = distinct(f"{target:g}{first.unit}", taken)
            yield FoundNetwork(
                **names,
                unit=first.unit,
                target=target,
                architecture=architecture,
                accuracy=network.accuracy or 0.0,
                cost=network.cost / guard,
                guard_band=guard,
                by=tuple(dict.fromkeys(label for label, _ in them)),
                hashes={"device": first.device.sha256, "predictor": first.predictor.sha256},
                table=str(device.get("device", "")) if isinstance(device, dict) else "",
                device_card=first.device.card,
                folder=f"{stem}/{name}",
                described=first.config.get("space"),
                unlabelled=network.unlabelled,
                uncertainty=network.uncertainty,
                measured=measured.get(architecture_key(network.architecture)),
            )


def _best_first(
    entries: Sequence[_Entry], called: str, best: str | None
) -> list[tuple[dict[str, Any], list[tuple[str, Result | Alternative]]]]:
    """Return the dicts of the best networks of records, each with what the records that found it have of it.

    The network with the key ``best`` comes first, even if it was only an alternative; the others by predicted accuracy.
    """
    networks: dict[str, list[tuple[str, Result | Alternative]]] = {}
    first = ""
    for label, record, result in entries:
        for one in result.networks:
            is_best = best is not None and architecture_key(one.architecture) == best
            if one is result or is_best:
                space, row = resolve_space(one.architecture, called, record.config.get("space"))
                check_same_network(record.address, called, one.genes, row, space)
                text = json.dumps(space.to_ofa(row))
                networks.setdefault(text, []).append((label, one))
                first = text if is_best else first

    def order(item: tuple[str, list[tuple[str, Result | Alternative]]]) -> tuple[bool, float, float]:
        text, them = item
        return text != first, *_predicted(them[0][1])

    return [(json.loads(text), them) for text, them in sorted(networks.items(), key=order)]


def _collect_measured(entries: Sequence[_Entry]) -> dict[str, dict[str, Any]]:
    """Return the measured accuracies of a target's networks (see ``FoundNetwork``) by architecture, the best first.

    A record counts only if its best network by prediction was measured: one of its others alone may have been measured
    for another target.

    Raises:
        InputError: they were measured with different weights, images or settings.
    """
    by_record: dict[str, list[Result | Alternative]] = {}
    for _, record, result in entries:
        by_record.setdefault(record.address, []).extend(result.networks)
    whole = {where: some for where, some in by_record.items() if min(some, key=_predicted).measured}
    networks = [one for some in whole.values() for one in some]
    measured = {architecture_key(one.architecture): (one.measured, one) for one in networks if one.measured}
    if len({one.measured.how for one in networks if one.measured}) > 1:
        raise InputError(
            f"{', '.join(whole)}: measured with different weights, images or settings; export each with run="
        )
    kept = {architecture_key(one.architecture): one for some in by_record.values() for one in some} if measured else {}
    best_first = sorted(measured.items(), key=lambda one: (-one[1][0].top1, _predicted(one[1][1])))
    ranks = {key: rank for rank, (key, _) in enumerate(sorted(kept.items(), key=lambda one: _predicted(one[1])), 1)}
    return {
        key: {"top1": about.top1, "images": about.images, "rank": ranks[key], "networks": len(measured)}
        for key, (about, _) in best_first
    }


def _predicted(one: Result | Alternative) -> tuple[float, float]:
    """Return a key that sorts by falling predicted accuracy, then by rising cost."""
    return -(one.accuracy or 0.0), one.cost


def select_target(networks: Sequence[FoundNetwork], records: Sequence[Record], target: float) -> list[FoundNetwork]:
    """Return the networks of one target.

    Raises:
        InputError: there is none; the message names the nearest cost, or the targets that the records have.
    """
    kept = [one for one in networks if same_target(one.target, target)]
    if kept:
        return kept
    costs = [
        (result.cost, record.unit)
        for record in records
        for result in record.results
        if same_target(result.target, target)
    ]
    if costs:
        nearest, unit = min(costs)
        raise InputError(f"target={target:g}: no network meets it; the nearest cost is {nearest:.4g} {unit}")
    there = ", ".join(f"{one:g}" for one in sorted({float(one) for record in records for one in record.targets}))
    raise InputError(f"target={target:g}: not a target of these records; they have {there}")
