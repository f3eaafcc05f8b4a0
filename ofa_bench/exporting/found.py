"""Which networks are exported: what records found for each target, each network once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.experiment.architectures import check_same_network
from ofa_bench.formatting import same_target
from ofa_bench.records.costs import guard_band_of
from ofa_bench.records.labels import distinct, labels
from ofa_bench.records.model import Record
from ofa_bench.spaces import DesignSpace, Genes, recognise, space_of

__all__ = ["GIVEN", "Found", "buildable", "found", "of_target"]


GIVEN = "given as "
"""How the name of what found a network begins where no search did."""


@dataclass(frozen=True)
class Found:
    """A network that searches found for a target, and what was predicted of it.

    ``accuracy`` is a fraction of 1; ``target`` and ``cost`` are in ``unit``. ``cost`` is the table's; the search
    raised it by the factor ``guard_band``, 1 for none. ``by`` names the strategies that found it. ``table`` is
    the table's name or path, ``device_card`` its card, ``folder`` where its files go, below the export's.
    ``described`` is the config of its space.
    ``unlabelled`` are its choices that no label of the predictor had, None where that is not known.
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


def buildable(architecture: Mapping[str, Any], called: str, described: Any) -> tuple[DesignSpace, Genes]:
    """Return the space whose supernet builds an architecture (OFA's dict), and its canonical row: int8 [n_genes].

    Args:
        architecture: the dict that the space's ``to_ofa`` gives.
        called: the option of the space.
        described: the config of the space.

    Raises:
        InputError: the space is not at hand, or the architecture is not of it.
    """
    found = recognise(architecture, described)
    if found and found[0].supernet:
        return found
    target = described.get("_target_") if isinstance(described, Mapping) else None
    if not found and target and space_of(described) is None:
        raise InputError(f"space={called}: {str(target)[:80]} cannot be built here; give space=<the YAML file of it>")
    raise InputError(f"space={called}: there is no supernet that builds its architectures, so none can be exported")


def found(records: Sequence[Record], *, every: bool = False) -> list[Found]:
    """Return what records found for each target: the most accurate network, or each network once.

    Records of one space, cost table and predictor belong together, whatever strategies, budgets and seeds they are of.
    The order is that of targets, and of predicted accuracy within one.

    Raises:
        InputError: an architecture is of no space that can be built here.
    """
    together: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        hashes = (record.device.sha256, str(guard_band_of(record)), record.predictor.sha256)
        together.setdefault((*_names(record).values(), *hashes), []).append(record)
    taken, made = set[str](), list[Found]()
    for alike in together.values():
        guarded = ["guarded"] if guard_band_of(alike[0]) != 1 else []
        stem = distinct("_".join([*_names(alike[0]).values(), *guarded]), taken)
        made += _of_group(list(zip(labels(alike), alike, strict=True)), stem, every=every)
    return made


def _names(record: Record) -> dict[str, str]:
    choices = record.choices
    return {"space": choices.space, "device": record.device.name, "predictor": choices.predictor}


def _table(record: Record) -> str:
    device = record.config.get("device")
    return str(device.get("device", "")) if isinstance(device, dict) else ""


def _of_group(group: Sequence[tuple[str, Record]], stem: str, *, every: bool) -> Iterator[Found]:
    first, taken = group[0][1], set[str]()
    guard = guard_band_of(first)
    names = _names(first)
    by_target: dict[float, dict[str, list[tuple[str, Any]]]] = {}
    for label, record in group:
        for result in (one for one in record.results if one.feasible):
            space, row = buildable(result.architecture, names["space"], record.config.get("space"))
            check_same_network(record.address, names["space"], result.genes, row, space)
            networks = by_target.setdefault(float(result.target), {})
            networks.setdefault(json.dumps(space.to_ofa(row)), []).append((label, result))
    for target, networks in sorted(by_target.items()):
        best_first = sorted(networks.items(), key=lambda one: (-one[1][0][1].accuracy, one[1][0][1].cost))
        for architecture, them in best_first if every else best_first[:1]:
            result = them[0][1]
            name = distinct(f"{target:g}{first.unit}", taken)
            yield Found(
                **names,
                unit=first.unit,
                target=target,
                architecture=json.loads(architecture),
                accuracy=result.accuracy,
                cost=result.cost / guard,
                guard_band=guard,
                by=tuple(dict.fromkeys(label for label, _ in them)),
                hashes={"device": first.device.sha256, "predictor": first.predictor.sha256},
                table=_table(first),
                device_card=first.device.card,
                folder=f"{stem}/{name}",
                described=first.config.get("space"),
                unlabelled=result.unlabelled,
            )


def of_target(networks: Sequence[Found], records: Sequence[Record], target: float) -> list[Found]:
    """Keep the networks of one target.

    Raises:
        InputError: there is none; the message says what there is, or how near anything came.
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
        raise InputError(f"target={target:g}: nothing that was found meets it; the nearest takes {nearest:.4g} {unit}")
    there = sorted({float(one) for record in records for one in record.targets})
    raise InputError(
        f"target={target:g}: no target of these records; they have {', '.join(f'{one:g}' for one in there)}"
    )
