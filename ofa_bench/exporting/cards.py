"""Writes and reads the card of an exported network: its architecture, files, predictions and measurements."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.experiment.architectures import CARD
from ofa_bench.exporting.found import GIVEN, FoundNetwork
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import write_whole
from ofa_bench.profiling.statistics import PERCENTILES, STATISTICS
from ofa_bench.records.schema import NUMBER, check_choices, check_node
from ofa_bench.search.problem import MAX_ACCURACY

__all__ = [
    "CARD",
    "FORMAT",
    "INT8",
    "ONNX",
    "PROGRAM",
    "Card",
    "assign_folders",
    "describe_network",
    "is_given",
    "read_card",
    "read_cards",
    "write_card",
]

FORMAT = "ofa_bench.network/1"
ONNX, PROGRAM, INT8 = "network.onnx", "network.pt2", "network.int8.onnx"

Card = dict[str, Any]

_TEXT, _MAYBE = (str,), (dict, type(None))
_FILE: Mapping[str, Any] = {"bytes": NUMBER, "sha256": _TEXT}
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("space", "device", "predictor", "unit"), _TEXT),
    **dict.fromkeys(("target", "accuracy", "cost", "guard_band", "macs", "parameters"), NUMBER),
    "batch?": (int, str), "by": [_TEXT], "architecture": (dict,), "table": (dict,), "measured": _MAYBE,
    "unlabelled?": _MAYBE, "space_config?": _MAYBE, "guarded_cost?": NUMBER,
    "uncertainty?": (int, float, type(None)), "measured_accuracy?": _MAYBE,
    "hashes": {"device": _TEXT, "predictor": _TEXT},
    "weights": {"description": _TEXT, "random": (bool,)},
    "files": {ONNX: _FILE, PROGRAM: _FILE},
    "int8?": {"file": _FILE, "of": _TEXT, "differs": NUMBER, "measured": _MAYBE,
              **dict.fromkeys(("calibration_images", "test_images", "tested_on_calibration_images"), (int,)),
              **dict.fromkeys(("fp32_top1", "int8_top1"), (int, float, type(None)))},
    "input": {**dict.fromkeys(("name", "type", "what"), _TEXT), "shape": [NUMBER],
              "mean": [NUMBER], "standard_deviation": [NUMBER]},
    "output": {"name": _TEXT, "what": _TEXT, "shape": [NUMBER]},
    "made": {**dict.fromkeys(("ofa_bench", "torch", "date", "of"), _TEXT), "opset": NUMBER},
}  # fmt: skip
"""The keys of a card (see ``records.schema.check_node``)."""

_POSITIVE = ("target", "cost", "guard_band", "macs", "parameters")

_MEASURED: Mapping[str, Any] = {
    **{f"{name}_ms": NUMBER for name in STATISTICS},
    **dict.fromkeys(("statistic", "runner", "date"), _TEXT), "table_statistic": (str, type(None)), "batch?": (int,),
    "unlike": (list,), "controls": (int,), "drift": (int, float, type(None)), "drift_error": (int, float, type(None)),
}  # fmt: skip

_MEASURED_ACCURACY: Mapping[str, Any] = {"top1": NUMBER, "images": (int,), "rank": (int,), "networks": (int,)}

_MEASURED_INT8: Mapping[str, Any] = {"statistic": _TEXT, **{f"{name}_ms": NUMBER for name in PERCENTILES}}

_FROM_TABLE = ("statistic", "runner", "threads", "machine", "title", "source", "protocol")
"""The keys that a card copies from the card of the cost table: how that was measured."""


def is_given(card: Card) -> bool:
    """Return whether the user gave a network, so that its target is its own predicted cost."""
    return all(str(name).startswith(GIVEN) for name in card["by"])


def describe_network(found: FoundNetwork, built: Mapping[str, Any]) -> Card:
    """Return the card of a network; ``built`` has its size, weights and files, and how they were made."""
    return {
        "format": FORMAT,
        "space": found.space,
        "device": found.device,
        "predictor": found.predictor,
        "unit": found.unit,
        "target": found.target,
        "by": list(found.by),
        "space_config": found.described,
        "architecture": dict(found.architecture),
        "accuracy": found.accuracy,
        "uncertainty": found.uncertainty,
        "measured_accuracy": found.measured,
        "unlabelled": found.unlabelled,
        "cost": found.cost,
        "guarded_cost": found.cost * found.guard_band,
        "guard_band": found.guard_band,
        "hashes": dict(found.hashes),
        "table": {key: found.device_card[key] for key in _FROM_TABLE if key in found.device_card},
        "measured": None,
        **built,
    }


def write_card(folder: Path, card: Card) -> None:
    """Write a network's card beside its files, completely or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    write_whole(folder / CARD, json.dumps(card, indent=1) + "\n")


def read_card(folder: Path) -> Card:
    """Return a network's card.

    Raises:
        InputError: it is missing, or not a card of this format.
    """
    path = folder / CARD
    try:
        card = json_object(content_of(path))
        if card.get("format") != FORMAT:
            raise UnreadableError(f"it is not of format {FORMAT}")
        check_node("", card, _SHAPE)
        check_choices("unlabelled", card.get("unlabelled"))
        _check_values(card)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as the card of an exported network ({error})") from error
    return {"guarded_cost": card["cost"] * card["guard_band"]} | card


def _check_values(card: Card) -> None:
    """Raise UnreadableError if a number that must be positive is not, or a statistic is unknown."""
    positive = {key: card[key] for key in _POSITIVE}
    one = card["measured"]
    if one is not None:
        check_node("measured.", one, _MEASURED)
        if one["statistic"] not in PERCENTILES or one["table_statistic"] not in (*STATISTICS, None):
            given = f"{one['statistic'][:40]}, that of the table {str(one['table_statistic'])[:40]}"
            raise UnreadableError(f"its measured.statistic is {given}; must be {', '.join(PERCENTILES)}")
        if not all(isinstance(key, str) and key.isidentifier() for key in one["unlike"]):
            raise UnreadableError(f"its measured.unlike is {str(one['unlike'])[:40]}; must be a list of names")
        positive |= {f"measured.{name}_ms": one[f"{name}_ms"] for name in STATISTICS}
        positive |= {"measured.drift": 1 + (one["drift"] or 0)}
    one = card.get("int8")
    if one and one["measured"] is not None:
        check_node("int8.measured.", one["measured"], _MEASURED_INT8)
    one = card.get("measured_accuracy")
    if one is not None:
        check_node("measured_accuracy.", one, _MEASURED_ACCURACY)
        positive |= {f"measured_accuracy.{key}": one[key] for key in ("images", "rank", "networks")}
        if one["top1"] > 1:
            raise UnreadableError(f"its measured_accuracy.top1 is {one['top1']:g}; must be a fraction of 1")
    for key, value in positive.items():
        if value <= 0:
            raise UnreadableError(f"its {key} is {value}; must be more than 0")
    if (card.get("uncertainty") or 0) < 0:
        raise UnreadableError(f"its uncertainty is {card['uncertainty']:g}; must be 0 or more")
    if card["accuracy"] > MAX_ACCURACY:
        raise UnreadableError(f"its accuracy is {card['accuracy']:g}; must be a fraction of 1")


def assign_folders(networks: Sequence[FoundNetwork], out: Path) -> list[FoundNetwork]:
    """Return the networks with new folders where ``out`` has networks of another table, predictor or guard band.

    Raises:
        InputError: an existing card cannot be read.
    """
    there: dict[str, set[tuple[str, ...]]] = {}
    for folder, card in read_cards(out):
        there.setdefault(folder.parent.name, set()).add(_kind(card["hashes"], card["guard_band"]))
    made = []
    for one in networks:
        stem, _, name = one.folder.partition("/")
        kind = _kind(one.hashes, one.guard_band)
        if there.get(stem, {kind}) != {kind}:
            stem += "_" + hashlib.sha256("".join(kind).encode()).hexdigest()[:6]
        made.append(replace(one, folder=f"{stem}/{name}"))
    return made


def _kind(hashes: Mapping[str, str], guard_band: float) -> tuple[str, ...]:
    return hashes["device"], hashes["predictor"], f"{guard_band:g}"


def read_cards(out: Path) -> Sequence[tuple[Path, Card]]:
    """Return the folders and cards of all networks below an output folder, sorted by name and target.

    Raises:
        InputError: a card cannot be read.
    """
    there = [(path.parent, read_card(path.parent)) for path in out.glob(f"*/*/{CARD}")]
    return sorted(there, key=lambda one: (one[0].parent.name, one[1]["target"], len(one[0].name), one[0].name))
