"""Reads words that people type for keys of other names: ``targets=25``, ``targets=[20,30]``, ``seeds=0,1,2``."""

import re
from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config.hydra_private import RangeSweep, choices_of, read_value, text_of
from ofa_bench.errors import InputError
from ofa_bench.experiment.options import options_of_group

__all__ = ["expand"]

COST = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\W\d_]*)")
"""A number, and maybe a unit."""

CELLS = 10
"""Seeds that are written out in a suggestion; more are a range."""

Costs = tuple[str, str]
"""A list of numbers as it is written in an override, and their unit; an empty string if there is none."""


def expand(words: Sequence[str], *, folders: Sequence[Path] = (), swept: bool = False) -> tuple[list[str], list[str]]:
    """Return the words with full keys in place of short ones, and for each that was replaced what it was read as.

    Args:
        words: the overrides of a command.
        folders: of config groups, besides ours.
        swept: whether lists are swept.

    Raises:
        InputError: a word can be read in several ways; the message says how each of them is written.
    """
    expanded, notes = list[str](), list[str]()
    for word in words:
        key = word.partition("=")[0]
        new = [word]
        if key in ("targets", "target"):
            new = _targets(word, folders, swept=swept)
        elif key in ("seeds", "seed"):
            new = [_seeds(word, swept=swept)]
        if new != [word]:
            notes.append(f"{word}: read as {' '.join(new)}")
            twice = [other for other in words if other != word and other.partition("=")[0] in _keys(new)]
            if twice:
                raise InputError(f"{word}: means {' '.join(new)}; not together with {twice[0]}")
        expanded += new
    return expanded, notes


def _keys(words: Sequence[str]) -> set[str]:
    return {word.partition("=")[0] for word in words}


def _targets(word: str, folders: Sequence[Path], *, swept: bool) -> list[str]:
    """Read numbers, alone or in a list, with or without a unit, as the values of targets."""
    if not COST.search(word.partition("=")[2]):
        return [word]
    value = read_value(word.partition("=")[2])
    if text_of(value) in options_of_group("targets", folders):
        return [word]
    cells = [_costs(one) for one in (choices_of(value) or [value])]
    found = [one for one in cells if one is not None]
    if not found:
        return [word]
    units = {unit for _, unit in found}
    if len(found) < len(cells) or len(units) > 1:
        what = "numbers and options" if len(found) < len(cells) else "several units"
        raise InputError(f"{word}: {what} cannot be mixed; give each in a command of its own")
    values = ",".join(numbers for numbers, _ in found)
    if len(found) > 1 and not swept:
        together = values.replace("],[", ",")
        raise InputError(f"{word}: one cell of all targets is targets={together}; a cell for each is -m {word}")
    unit = units.pop()
    return ["targets=single", f"targets.values={values}", *([f"targets.unit={unit}"] if unit else [])]


def _costs(value: object) -> Costs | None:
    """Read a number or a list of them; None if it is something else."""
    found = [COST.fullmatch(text_of(one)) for one in (value if isinstance(value, list) else [value])]
    if not found or None in found:
        return None
    matches = [one for one in found if one]
    units = {match[2] for match in matches}
    return (f"[{','.join(match[1] for match in matches)}]", units.pop()) if len(units) == 1 else None


def _seeds(word: str, *, swept: bool) -> str:
    """Read several seeds as a sweep over ``seed``."""
    key, _, text = word.partition("=")
    value = read_value(text)
    if isinstance(value, list) and len(value) > 1:
        text = ",".join(map(text_of, value))
    elif isinstance(value, int) and not isinstance(value, bool) and key == "seeds" and value > 0:
        cells = f"seed={','.join(map(str, range(value)))}" if value <= CELLS else f"'seed=range(0,{value})'"
        raise InputError(
            f"{word}: no such key; one cell of seed {value} is seed={value}, {value} cells are -m {cells}, "
            f"{value} runs in one cell are repeats={value}"
        )
    elif key == "seed" or not (choices_of(value) or isinstance(value, RangeSweep)):
        return word
    if not swept:
        raise InputError(f"{word}: a cell for each seed is -m seed={text}")
    return f"seed={text}"
