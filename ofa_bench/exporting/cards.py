"""The card of an exported network: what it is, what was predicted of it, what was measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ofa_bench.errors import InputError
from ofa_bench.exporting.found import Found
from ofa_bench.reading import UnreadableError, content_of, json_object

__all__ = ["CARD", "FORMAT", "ONNX", "PROGRAM", "Card", "cards_below", "described", "read_card", "write_card"]

FORMAT = "ofa_bench.network/1"
CARD, ONNX, PROGRAM = "card.json", "network.onnx", "network.pt2"

LARGEST = 1_000_000
"""Bytes of the largest card that is read; ours have some 4,000."""

Card = dict[str, Any]

_NUMBER, _TEXT = (int, float), (str,)
_SHAPE: Mapping[str, Any] = {
    "space": _TEXT, "device": _TEXT, "predictor": _TEXT, "unit": _TEXT, "target": _NUMBER, "by": (list,),
    "architecture": (dict,), "accuracy": _NUMBER, "cost": _NUMBER,
    "guard_band": _NUMBER, "macs": _NUMBER, "parameters": _NUMBER,
    "hashes": (dict,), "table": (dict,), "weights": (dict,), "files": (dict,), "made": (dict,),
    "measured": (dict, type(None)), "input": (dict,), "output": (dict,),
}  # fmt: skip
"""What every card has, by key: the types of its values."""

_MEASURED: Mapping[str, Any] = {
    "ms": _NUMBER, "median_ms": _NUMBER, "statistic": _TEXT, "runner": _TEXT, "unlike": (list,), "date": _TEXT,
    "controls": (int,), "drift": (int, float, type(None)),
}  # fmt: skip

_INNER: Mapping[str, Any] = {
    "weights": {"told": _TEXT},
    "input": {"name": _TEXT, "type": _TEXT, "what": _TEXT, "shape": (list,), "mean": (list,),
        "standard_deviation": (list,)},
    "output": {"name": _TEXT, "what": _TEXT, "shape": (list,)},
    "made": {"ofa_bench": _TEXT, "torch": _TEXT, "opset": _NUMBER, "date": _TEXT},
}  # fmt: skip
"""What those of a card's values have that are objects."""

_FROM_TABLE = ("runner", "threads", "machine", "title", "source", "protocol")
"""What a card keeps of the cost table's: on what and how it was measured."""


def described(found: Found, built: Mapping[str, Any]) -> Card:
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
        "cost": found.cost,
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
    unfinished = folder / f".{CARD}"
    unfinished.write_text(json.dumps(card, indent=1) + "\n")
    unfinished.replace(folder / CARD)


def read_card(folder: Path) -> Card:
    """Read a network's card.

    Raises:
        InputError: it is no card of this format.
    """
    path = folder / CARD
    try:
        card = json_object(content_of(path, LARGEST))
        if card.get("format") != FORMAT:
            raise UnreadableError(f"it is not of format {FORMAT}")
        _check(card, _SHAPE)
        for key, inner in _INNER.items():
            _check(card[key], inner)
        _check(card["files"], {ONNX: (dict,)})
        _check(card["files"][ONNX], {"bytes": _NUMBER, "sha256": _TEXT})
        if card["measured"] is not None:
            _check(card["measured"], _MEASURED)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as the card of an exported network ({error})") from error
    return card


def _check(card: Mapping[str, Any], shape: Mapping[str, Any]) -> None:
    for key, kinds in shape.items():
        if not isinstance(card.get(key, ...), kinds) or isinstance(card[key], bool):
            raise UnreadableError(f"its {key!r} is {str(card.get(key, 'absent'))[:40]}")


def cards_below(out: Path) -> Sequence[tuple[Path, Card]]:
    """Read the cards of all networks exported to a folder: their folders and cards, by name and target.

    Raises:
        InputError: one of them cannot be read.
    """
    there = [(path.parent, read_card(path.parent)) for path in out.glob(f"*/*/{CARD}")]
    return sorted(there, key=lambda one: (one[0].parent.name, one[1]["target"], len(one[0].name), one[0].name))
