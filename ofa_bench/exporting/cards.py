"""The card of an exported network: what it is, what was predicted of it, what was measured."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.exporting.found import GIVEN, Found
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import write_whole
from ofa_bench.profiling.statistics import PERCENTILES, STATISTICS, statistic_of
from ofa_bench.records.schema import MAX_ACCURACY, NUMBER, check_choices, check_node

__all__ = [
    "CARD",
    "FORMAT",
    "INT8",
    "ONNX",
    "PROGRAM",
    "Card",
    "cards_below",
    "describe_network",
    "is_given",
    "placed",
    "read_card",
    "write_card",
]

FORMAT = "ofa_bench.network/1"
CARD, ONNX, PROGRAM, INT8 = "card.json", "network.onnx", "network.pt2", "network.int8.onnx"

Card = dict[str, Any]

MAX = 1e15
"""No number of a card is larger."""

_TEXT, _MAYBE = (str,), (dict, type(None))
_FILE: Mapping[str, Any] = {"bytes": NUMBER, "sha256": _TEXT}
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("space", "device", "predictor", "unit"), _TEXT),
    **dict.fromkeys(("target", "accuracy", "cost", "guard_band", "macs", "parameters"), NUMBER),
    "batch?": (int, str), "by": [_TEXT], "architecture": (dict,), "table": (dict,), "measured": _MAYBE,
    "unlabelled?": _MAYBE, "guarded_cost?": NUMBER,
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
"""What every card has (see ``results.shape.check_node``)."""

_MEASURED: Mapping[str, Any] = {
    **dict.fromkeys(("p10_ms", "p90_ms", "mean_ms"), (int, float, type(None))), "median_ms": NUMBER,
    **dict.fromkeys(("statistic", "runner", "date"), _TEXT), "table_statistic": (str, type(None)), "batch?": (int,),
    "unlike": (list,), "controls": (int,), "drift": (int, float, type(None)), "drift_error": (int, float, type(None)),
}  # fmt: skip

_FROM_TABLE = ("statistic", "runner", "threads", "machine", "title", "source", "protocol")
"""What a card keeps of the cost table's: on what and how it was measured."""


def is_given(card: Card) -> bool:
    """Return whether a network was named by the user, not found for a target: its target is its own predicted cost."""
    return all(str(name).startswith(GIVEN) for name in card["by"])


def describe_network(found: Found, built: Mapping[str, Any]) -> Card:
    """Make the card of a network that was built; ``built`` has its size, its weights, its files and their making."""
    return {
        "format": FORMAT,
        "space": found.space,
        "device": found.device,
        "predictor": found.predictor,
        "unit": found.unit,
        "target": found.target,
        "by": list(found.by),
        "architecture": dict(found.architecture),
        "accuracy": found.accuracy,
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
    """Write a network's card beside its files, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    write_whole(folder / CARD, json.dumps(card, indent=1) + "\n")


def read_card(folder: Path) -> Card:
    """Read a network's card.

    Raises:
        InputError: it is no card of this format.
    """
    path = folder / CARD
    try:
        card = json_object(content_of(path))
        if card.get("format") != FORMAT:
            raise UnreadableError(f"it is not of format {FORMAT}")
        check_node("", card, _SHAPE)
        check_choices("unlabelled", card.get("unlabelled"))
        card = _completed(card)
        _check_values(card)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as the card of an exported network ({error})") from error
    return card


def _completed(card: Card) -> Card:
    """Return an older version's card what it lacks: it had the table's statistic (``ms``) and the median only."""
    one = card["measured"]
    card = {"guarded_cost": card["cost"] * card["guard_band"]} | card
    if one is None or "ms" not in one:
        return card
    check_node("measured.", one, {"ms": NUMBER, "statistic": _TEXT})
    fast = one["statistic"] == "10th percentile"
    known = {"p10_ms": one["ms"] if fast else None, "p90_ms": None, "mean_ms": None}
    rest = {key: value for key, value in one.items() if key != "ms"}
    statistics = {"statistic": "median", "table_statistic": "p10" if fast else statistic_of(card["table"])}
    return card | {"measured": rest | known | statistics}


def _check_values(card: Card) -> None:
    """Check what is computed with, and what is shown besides texts."""
    numbers = {
        key: card[key] for key in ("target", "cost", "guarded_cost", "accuracy", "guard_band", "macs", "parameters")
    }
    numbers |= {name: file["bytes"] for name, file in card["files"].items()}
    if card["measured"] is not None:
        one = card["measured"]
        check_node("measured.", one, _MEASURED)
        if one["statistic"] not in PERCENTILES or one["table_statistic"] not in (*STATISTICS, None):
            description = f"{one['statistic'][:40]}, of a table's {str(one['table_statistic'])[:40]}"
            raise UnreadableError(f"its measured.statistic is {description}; must be {', '.join(PERCENTILES)}")
        times = {f"measured.{name}_ms": one[f"{name}_ms"] for name in STATISTICS}
        numbers |= {name: ms for name, ms in times.items() if ms is not None}
        if None in (one[f"{one['statistic']}_ms"], one[f"{one['table_statistic'] or 'median'}_ms"]):
            raise UnreadableError("it lacks milliseconds of the statistic that it is about")
        numbers |= {"measured.drift": 1 + (one["drift"] or 0), "measured.drift_error": 1 + (one["drift_error"] or 0)}
        unlike = one["unlike"]
        if not all(isinstance(word, str) and word.isidentifier() for word in unlike):
            raise UnreadableError(f"its measured.unlike is {str(unlike)[:40]}; must be words")
    one = card.get("int8")
    if one:
        numbers |= {"int8.file.bytes": one["file"]["bytes"], "int8.test_images": one["test_images"]}
        for key in ("differs", "fp32_top1", "int8_top1"):
            numbers |= {f"int8.{key}": 1 + (one[key] or 0)}
        if (one["fp32_top1"] is None) != (one["int8_top1"] is None):
            raise UnreadableError("its int8.fp32_top1 or int8.int8_top1 is null; must be both or none")
        if one["measured"] is not None:
            check_node("int8.measured.", one["measured"], {"median_ms": NUMBER, "statistic": _TEXT})
            if one["measured"].get("statistic") not in PERCENTILES:
                raise UnreadableError(f"its int8.measured.statistic must be {', '.join(PERCENTILES)}")
            key = f"{one['measured']['statistic']}_ms"
            check_node("int8.measured.", one["measured"], {key: NUMBER})
            numbers |= {f"int8.measured.{key}": one["measured"][key]}
    for key, value in numbers.items():
        if not 0 < value < MAX:
            raise UnreadableError(f"its {key} is {str(value)[:40]}; must be more than 0, and less than {MAX:g}")
    if card["accuracy"] > MAX_ACCURACY:
        raise UnreadableError(f"its accuracy is {card['accuracy']:g}; must be a fraction of 1")
    if not json.dumps(card["architecture"]).isascii() or len(card["architecture"]) > 100:
        raise UnreadableError("its architecture is no dict of OFA's")


def placed(networks: Sequence[Found], out: Path) -> list[Found]:
    """Return networks folders of their own, below ``out``, where others of another table, predictor or guard band are.

    Raises:
        InputError: a card that is there cannot be read.
    """
    there: dict[str, set[tuple[str, ...]]] = {}
    for folder, card in cards_below(out):
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


def cards_below(out: Path) -> Sequence[tuple[Path, Card]]:
    """Read the cards of all networks exported to a folder: their folders and cards, by name and target.

    Raises:
        InputError: one of them cannot be read.
    """
    there = [(path.parent, read_card(path.parent)) for path in out.glob(f"*/*/{CARD}")]
    return sorted(there, key=lambda one: (one[0].parent.name, one[1]["target"], len(one[0].name), one[0].name))
