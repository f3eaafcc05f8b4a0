"""Expands short forms of keys: ``targets=25``, ``targets=[20,30]``, ``seeds=0,1,2``."""

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from ofa_bench.config.hydra_private import RangeSweep, choices_of, read_value, text_of
from ofa_bench.errors import InputError
from ofa_bench.experiment.options import options_of_group

__all__ = ["expand"]

COST = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\W\d_]*)")
"""A number with an optional unit."""


def expand(
    overrides: Sequence[str], *, folders: Sequence[Path] = (), swept: bool = False
) -> tuple[list[str], list[str]]:
    """Return the overrides with full keys in place of short ones, and a note on each that was replaced.

    Args:
        overrides: of a command.
        folders: of config groups, besides ours.
        swept: whether the command is a sweep (``-m``).

    Raises:
        InputError: an override is ambiguous; the message says how each meaning is written.
    """
    expanded, notes = list[str](), list[str]()
    for word in overrides:
        key, new = word.partition("=")[0], [word]
        if key in ("targets", "target"):
            new = _targets(word, folders, swept=swept)
        elif key in ("seeds", "seed"):
            new = [_seeds(word, swept=swept)]
        if new != [word]:
            notes.append(f"{word}: read as {' '.join(new)}")
            keys = {one.partition("=")[0] for one in new}
            twice = [other for other in overrides if other != word and other.partition("=")[0] in keys]
            if twice:
                raise InputError(f"{word}: means {' '.join(new)}; cannot be combined with {twice[0]}")
        expanded += new
    return expanded, notes


def _targets(word: str, folders: Sequence[Path], *, swept: bool) -> list[str]:
    """Expand numbers, alone or in a list, with or without a unit, to the values of targets."""
    value = read_value(word.partition("=")[2])
    if value == []:
        raise InputError(f"{word}: give at least one target")
    cells = [one if isinstance(one, list) else [one] for one in choices_of(value) or [value]]
    found = [[COST.fullmatch(text_of(one)) for one in cell] for cell in cells]
    units = {match and match[2] for cell in found for match in cell}
    if not units - {None} or text_of(value) in options_of_group("targets", folders):
        return [word]
    if None in units:
        pairs = zip(chain(*cells), chain(*found), strict=True)
        other = next(text_of(one) for one, match in pairs if not match)
        raise InputError(f"{word}: {other} is not a number with or without a unit, as the others are")
    if len(units) > 1:
        raise InputError(f"{word}: several units cannot be mixed; use a command for each")
    numbers = [",".join(match[1] for match in cell if match) for cell in found]
    if len(numbers) > 1 and not swept:
        raise InputError(
            f"{word}: one cell of all targets is targets=[{','.join(numbers)}]; a cell for each is -m {word}"
        )
    unit = units.pop()
    values = ",".join(f"[{cell}]" for cell in numbers)
    return ["targets=single", f"targets.values={values}", *([f"targets.unit={unit}"] if unit else [])]


def _seeds(word: str, *, swept: bool) -> str:
    """Expand several seeds to a sweep over ``seed``."""
    key, _, text = word.partition("=")
    value = read_value(text)
    if isinstance(value, list) and len(value) > 1:
        text = ",".join(map(text_of, value))
    elif key == "seed" or not (choices_of(value) or isinstance(value, RangeSweep)):
        return word
    if not swept:
        raise InputError(f"{word}: a cell for each seed is -m seed={text}")
    return f"seed={text}"
