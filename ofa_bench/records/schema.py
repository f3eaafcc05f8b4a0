"""Checks the keys, types and ranges of JSON objects, and builds records from them."""

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ofa_bench.files.reading import UnreadableError
from ofa_bench.records.model import Alternative, Measured, Record, RecordedRepeat, Result
from ofa_bench.search.problem import MAX_ACCURACY
from ofa_bench.strategies import MEASURES

__all__ = ["NUMBER", "check_choices", "check_node", "parse"]

NONE = type(None)
NUMBER = (int, float)
SIGNED = (float, int)
"""The same for accuracies, which may be below 0 with a user's predictor."""

_MARKUP = re.compile(r"[<>]|\]\(|\$.*\$")
"""What Markdown reads as HTML or a link, and matplotlib as a formula."""

_TYPES: Mapping[Any, tuple[type, ...]] = {int: (int,), float: NUMBER, str: (str,), bool: (bool,), NONE: (NONE,)}


Part = TypeVar("Part", bound=Hashable)


@cache
def _parts(part: type) -> Mapping[str, Any]:
    """Return the fields of a part of a record that are parts themselves."""
    found = {
        name: (hint, *get_args(hint)) for name, hint in get_type_hints(part).items() if get_origin(hint) is not list
    }
    return {name: one for name, several in found.items() for one in several if is_dataclass(one)}


@cache
def _kinds(part: type) -> Mapping[str, Any]:
    """Return the ``kinds`` that ``check_node`` takes for a part of a record."""
    required = {one.name for one in fields(part) if one.default is MISSING and one.default_factory is MISSING}
    hints = {name: hint for name, hint in get_type_hints(part).items() if hint is not Any}
    kinds = {name: SIGNED if (name, hint) == ("accuracy", float) else _kind(hint) for name, hint in hints.items()}
    return {name if name in required else f"{name}?": kind for name, kind in kinds.items()}


def _kind(hint: Any) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return _kinds(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list:
        return [_TYPES[inner[0]]] if inner[0] in _TYPES else (list,)
    if origin in (UnionType, Union):
        return tuple(kind for one in inner for kind in _TYPES.get(one, (list if get_origin(one) is list else dict,)))
    return _TYPES.get(hint, (dict,))


def parse(node: Mapping[str, Any]) -> Record:
    """Return the record that a file's object describes, after checks of its keys, types and ranges.

    Raises:
        UnreadableError: a key is missing or has another type or range; the message names it.
    """
    check_node("", node, _kinds(Record))
    for key in ("unlabelled", "labelled"):
        check_choices(f"predictor.{key}", node["predictor"].get(key))
    _check_texts("predictor.sources", node["predictor"].get("sources"))
    match, warm = node["budget"].get("match"), node["budget"]["warm_generations"]
    _check(match in (None, *MEASURES), "budget.match", match, " or ".join(MEASURES))
    _check_numbers("budget.warm_generations", warm if isinstance(warm, list) else [warm], (int,))
    _check(node["repeats"], "repeats", node["repeats"], "a list of at least one")
    repeats = [_repeat(f"repeats[{i}]", repeat, node["targets"]) for i, repeat in enumerate(node["repeats"])]
    n_genes = len(repeats[0].results[0].genes)
    for i, repeat in enumerate(repeats):
        for j, result in enumerate(repeat.results):
            at = f"repeats[{i}].results[{j}].genes"
            for genes in (result.genes, *(one.genes for one in result.alternatives)):
                _check(len(genes) == n_genes, at, genes, "as many as in other results")
    return _build(Record, node, repeats=repeats)


def _build(part: type[Part], node: Mapping[str, Any], **lists: Any) -> Part:
    """Return a part of a record from its checked object; ``lists`` are its fields that are lists of parts."""
    inner = {name: _build(kind, node[name]) for name, kind in _parts(part).items() if isinstance(node.get(name), dict)}
    plain = {name: node[name] for name in vars(part)["__dataclass_fields__"] if name in node}
    return part(**plain | inner | lists)


def _repeat(at: str, node: Any, targets: Sequence[float]) -> RecordedRepeat:
    _check_part(at, node, RecordedRepeat)
    results = node["results"]
    _check(len(results) == len(targets), f"{at}.results", results, f"a list of {len(targets)}, one a target")
    found = [_result(f"{at}.results[{i}]", result, targets[i]) for i, result in enumerate(results)]
    return _build(RecordedRepeat, node, results=found)


def _result(at: str, node: Any, target: float) -> Result:
    _check_part(at, node, Result)
    shared = node.get("shared", 1)
    if node["feasible"]:
        _check_accuracy(at, node)
    else:
        _check(node["accuracy"] is None, f"{at}.accuracy", node["accuracy"], "null where the target is not met")
    _check(node["target"] == target, f"{at}.target", node["target"], f"{target}, as in targets")
    _check(shared >= 1, f"{at}.shared", shared, "1 or more")
    for point in node["curve"]:
        if not (type(point) is list and len(point) == 4 and {*map(type, point)} <= {int, float}):
            _check(False, f"{at}.curve", point, "lists of four numbers")
    _check_network(at, node)
    others = [_alternative(f"{at}.alternatives[{i}]", one) for i, one in enumerate(node.get("alternatives", []))]
    return _build(Result, node, alternatives=others)


def _alternative(at: str, node: Any) -> Alternative:
    _check_part(at, node, Alternative)
    _check_accuracy(at, node)
    _check_network(at, node)
    return _build(Alternative, node)


def _check_accuracy(at: str, node: Mapping[str, Any]) -> None:
    accuracy = node["accuracy"]
    _check(accuracy is not None and abs(accuracy) <= MAX_ACCURACY, f"{at}.accuracy", accuracy, "a fraction of 1")
    true = node.get("true_accuracy")
    _check(abs(true or 0) <= MAX_ACCURACY, f"{at}.true_accuracy", true, "a fraction of 1")


def _check_part(at: str, node: Any, part: type) -> None:
    _check(isinstance(node, dict), at, node, "an object")
    check_node(f"{at}.", node, _kinds(part))


def _check_network(at: str, node: Mapping[str, Any]) -> None:
    genes, uncertainty, measured = node["genes"], node.get("uncertainty"), node.get("measured")
    _check((uncertainty or 0) >= 0, f"{at}.uncertainty", uncertainty, "0 or more")
    if measured is not None:
        _check_part(f"{at}.measured", measured, Measured)
        _check(measured["top1"] <= 1, f"{at}.measured.top1", measured["top1"], "a fraction of 1")
    _check(min(genes) >= 0 and max(genes) < 128, f"{at}.genes", genes, "numbers of 0 to 127")
    check_choices(f"{at}.unlabelled", node.get("unlabelled"))
    for name, cost in (node.get("costs") or {}).items():
        _check_text(f"{at}.costs", name)
        _check(type(cost) in NUMBER and cost >= 0, f"{at}.costs.{name}", cost, "a number of 0 or more")


def check_node(at: str, node: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Check the keys of an object: ``kinds`` has for each key its types, a list's one kind, or an object's kinds.

    Strings must be printable and without markup, numbers 0 or more. A key with ``?`` may be absent.

    Raises:
        UnreadableError: a key is missing or has another type or range; the message names it, below ``at``.
    """
    for name, kind in kinds.items():
        key = name.removesuffix("?")
        if key not in node:
            if key == name:
                raise UnreadableError(f"it has no {at}{key}")
        elif isinstance(kind, tuple):
            value = node[key]
            if type(value) not in kind:
                _check(False, f"{at}{key}", value, _describe(kind))
            if isinstance(value, str):
                _check_text(f"{at}{key}", value)
            elif kind is NUMBER and value < 0:
                _check(False, f"{at}{key}", value, "0 or more")
        elif isinstance(kind, list):
            _check(isinstance(node[key], list), f"{at}{key}", node[key], "a list")
            _check_numbers(f"{at}{key}", node[key], kind[0])
            for text in node[key] if str in kind[0] else ():
                _check_text(f"{at}{key}", text)
        else:
            _check(isinstance(node[key], dict), f"{at}{key}", node[key], "an object")
            check_node(f"{at}{key}.", node[key], kind)


def check_choices(at: str, choices: Mapping[str, Any] | None) -> None:
    """Check lists of numbers by gene; None is valid.

    Raises:
        UnreadableError: a value is no list of numbers, or a gene's name is not printable or has markup.
    """
    for gene, values in (choices or {}).items():
        _check_text(at, gene)
        _check(isinstance(values, list), f"{at}.{gene}", values, "a list")
        _check_numbers(f"{at}.{gene}", values, NUMBER)


def _check_text(at: str, text: str) -> None:
    """Check a text that terminals and pages show."""
    _check(text.isprintable() and not _MARKUP.search(text), at, text, "printable and without markup")


def _check_texts(at: str, texts: Sequence[Any] | None) -> None:
    """Check a list of texts; None is valid."""
    for text in texts or ():
        _check(isinstance(text, str), at, text, "a string each")
        _check_text(at, text)


def _check_numbers(at: str, values: Sequence[Any], kinds: Sequence[type]) -> None:
    if not values or not {*map(type, values)} <= {*kinds}:
        _check(False, at, values, f"{_describe(kinds)} each, at least 1")


def _describe(kinds: Sequence[type]) -> str:
    names = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", NONE: "null"}
    names |= {dict: "an object", list: "a list"}
    return " or ".join(names[kind] for kind in kinds if not (kind is int and float in kinds))


def _check(fits: object, at: str, value: Any, wanted: str) -> None:
    if not fits:
        text = json.dumps(value).replace("<", r"\u003c")
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise UnreadableError(f"its {at} is {shown}; must be {wanted}")
