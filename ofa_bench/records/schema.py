"""What a record must have: whoever reads one relies on these keys and types, whoever wrote it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ofa_bench.files.reading import UnreadableError

__all__ = ["NUMBER", "check_choices", "check_node", "check_record"]

MAX_ACCURACY = 10.0
"""No accuracy is larger: what is, is in percent, where fractions of 1 are wanted."""

NONE = type(None)
NUMBER = (int, float)
MAYBE = (int, float, NONE)
TRUTH = (bool, NONE)

_MARKUP = re.compile(r"[<>]|\]\(|\$.*\$")
"""What Markdown takes for HTML or a link, and matplotlib for a formula."""

_RECORD: Mapping[str, Any] = {
    "address": (str,),
    "identity": (str,),
    "choices": dict.fromkeys(("space", "device", "predictor", "strategy", "budget", "targets"), (str,)),
    "config": (dict,),
    "seed": (int,),
    "unit": (str,),
    "targets": [NUMBER],
    "budget": {"generations": (int,), "warm_generations": (int, list)},
    "predictor": {"sha256": (str,), "name?": (str,), **dict.fromkeys(("unlabelled?", "labelled?"), (dict, NONE))},
    "device": {"sha256": (str,), "name": (str,), "minimum": NUMBER, "maximum": NUMBER, "card?": (dict,),
               "guard_band?": NUMBER},
    "made": {
        **dict.fromkeys(("at", "ofa_bench", "python", "numpy", "machine"), (str,)),
        "cores": (int, NONE), "threads": (int,), "lockstep?": TRUTH, "compiled?": TRUTH, "commits?": (dict,),
    },
    "frontier?": (dict, NONE),
    "repeats": (list,),
}  # fmt: skip
"""By key: its types; the keys of an object; a list's one kind. A ``?`` is of a key that may be absent."""

_REPEAT: Mapping[str, Any] = {
    "repeat": (int,),
    "seconds": NUMBER,
    "hypervolume_ratio?": MAYBE,
    "results": (list,),
}

_RESULT: Mapping[str, Any] = {
    "target": NUMBER,
    "feasible": (bool,),
    "accuracy": MAYBE,
    "cost": NUMBER,
    "table_cost?": NUMBER,
    **dict.fromkeys(("seconds", "generations", "evaluations", "unique_evaluations"), NUMBER),
    **dict.fromkeys(("proposals?", "cost_lookups?", "gradients?", "shared?"), NUMBER),
    **dict.fromkeys(("best_known?", "regret?", "evaluations_within?", "seconds_within?"), MAYBE),
    "architecture": (dict,),
    "genes": [(int,)],
    "alternatives?": (list,),
    "unlabelled?": (dict, NONE),
    "curve": (list,),
}

_ALTERNATIVE: Mapping[str, Any] = {
    **dict.fromkeys(("accuracy", "cost"), NUMBER),
    **{key: _RESULT[key] for key in ("architecture", "genes", "unlabelled?")},
}


def check_record(record: Mapping[str, Any]) -> None:
    """Check that a record has what readers rely on, down to every number.

    Raises:
        UnreadableError: a key is missing or has another type or range; the message names it.
    """
    check_node("", record, _RECORD)
    for key in ("unlabelled", "labelled"):
        check_choices(f"predictor.{key}", record["predictor"].get(key))
    _check_numbers("budget.warm_generations", _listed(record["budget"]["warm_generations"]), (int,), 1)
    _need(record["repeats"], "repeats", record["repeats"], "a list of at least one")
    for number, repeat in enumerate(record["repeats"]):
        at = f"repeats[{number}]"
        _need(isinstance(repeat, dict), at, repeat, "an object")
        check_node(f"{at}.", repeat, _REPEAT)
        wanted = f"a list of {len(record['targets'])}, one a target"
        _need(len(repeat["results"]) == len(record["targets"]), f"{at}.results", repeat["results"], wanted)
        for i, result in enumerate(repeat["results"]):
            _check_result(f"{at}.results[{i}]", result, record)
            wanted = f"{record['targets'][i]}, as in targets"
            _need(result["target"] == record["targets"][i], f"{at}.results[{i}].target", result["target"], wanted)


def _check_result(at: str, result: Any, record: Mapping[str, Any]) -> None:
    _need(isinstance(result, dict), at, result, "an object")
    check_node(f"{at}.", result, _RESULT)
    check_choices(f"{at}.unlabelled", result.get("unlabelled"))
    accuracy, first = result["accuracy"], record["repeats"][0]["results"][0]["genes"]
    if result["feasible"]:
        fits = accuracy is not None and abs(accuracy) <= MAX_ACCURACY
        _need(fits, f"{at}.accuracy", accuracy, "a fraction of 1")
    else:
        _need(accuracy is None, f"{at}.accuracy", accuracy, "null where the target is not met")
    _check_genes(at, result["genes"], first)
    for number, other in enumerate(result.get("alternatives", [])):
        place = f"{at}.alternatives[{number}]"
        _need(isinstance(other, dict), place, other, "an object")
        check_node(f"{place}.", other, _ALTERNATIVE)
        _need(other["accuracy"] <= MAX_ACCURACY, f"{place}.accuracy", other["accuracy"], "a fraction of 1")
        check_choices(f"{place}.unlabelled", other.get("unlabelled"))
        _check_genes(place, other["genes"], first)
    _need(result.get("shared", 1) >= 1, f"{at}.shared", result.get("shared"), "1 or more")
    for point in result["curve"]:
        wanted = "lists of four numbers"
        _need(isinstance(point, list) and len(point) == 4, f"{at}.curve", point, wanted)
        _check_numbers(f"{at}.curve", point, NUMBER, 0)


def _check_genes(at: str, genes: Sequence[int], first: Any) -> None:
    _need(min(genes, default=-1) >= 0 and max(genes) < 128, f"{at}.genes", genes, "numbers of 0 to 127")
    _need(isinstance(first, list) and len(genes) == len(first), f"{at}.genes", genes, "as many as in other results")


def check_node(at: str, node: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Check the keys of an object: ``kinds`` has for each its types, a list's one kind, or the keys of an object.

    Strings must be printable and without markup, numbers 0 or more; a ``?`` is of a key that may be absent.

    Raises:
        UnreadableError: one is missing or has another type or range; the message names it, below ``at``.
    """
    for name, kind in kinds.items():
        key = name.removesuffix("?")
        if key not in node:
            if key == name:
                raise UnreadableError(f"it has no {at}{key}")
        elif isinstance(kind, tuple):
            _need(type(node[key]) in kind, f"{at}{key}", node[key], _told(kind))
            if isinstance(node[key], str):
                _check_text(f"{at}{key}", node[key])
            elif kind is NUMBER:
                _need(node[key] >= 0, f"{at}{key}", node[key], "0 or more")
        elif isinstance(kind, list):
            _need(isinstance(node[key], list), f"{at}{key}", node[key], "a list")
            _check_numbers(f"{at}{key}", node[key], kind[0], 1)
            for text in (one for one in node[key] if isinstance(one, str)):
                _check_text(f"{at}{key}", text)
        else:
            _need(isinstance(node[key], dict), f"{at}{key}", node[key], "an object")
            check_node(f"{at}{key}.", node[key], kind)


def check_choices(at: str, choices: Mapping[str, Any] | None) -> None:
    """Check lists of numbers by gene, which may be missing.

    Raises:
        UnreadableError: they are something else, or a gene's name is not printable or has markup.
    """
    for gene, values in (choices or {}).items():
        _check_text(at, gene)
        _need(isinstance(values, list), f"{at}.{gene}", values, "a list")
        _check_numbers(f"{at}.{gene}", values, NUMBER, 1)


def _check_text(at: str, text: str) -> None:
    """Check what is shown on terminals, on pages and in Markdown, which takes HTML."""
    _need(text.isprintable() and not _MARKUP.search(text), at, text, "printable and without markup")


def _check_numbers(at: str, values: Sequence[Any], kinds: Sequence[type], least: int) -> None:
    wanted = f"{_told(kinds)} each, at least {least}" if least else _told(kinds)
    _need(len(values) >= least and set(map(type, values)) <= set(kinds), at, values, wanted)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _told(kinds: Sequence[type]) -> str:
    words = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", NONE: "null"}
    words |= {dict: "an object", list: "a list"}
    return " or ".join(words[kind] for kind in kinds if not (kind is int and float in kinds))


def _need(fits: object, at: str, value: Any, wanted: str) -> None:
    if not fits:
        text = json.dumps(value).replace("<", r"\u003c")
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise UnreadableError(f"its {at} is {shown}; must be {wanted}")
