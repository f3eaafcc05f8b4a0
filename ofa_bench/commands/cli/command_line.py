"""The words of a command, checked before Hydra reads them: what it would misread, or refuse late or at length."""

import sys
from collections.abc import Sequence
from dataclasses import fields
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from hydra._internal.utils import get_args_parser

from ofa_bench.commands.cli.overrides import (
    CHOSEN,
    check_group,
    check_hydra,
    check_key,
    did_you_mean,
    parsed,
    sweep_size,
)
from ofa_bench.commands.cli.shorthand import expand
from ofa_bench.config.schema import Config
from ofa_bench.errors import InputError, suggestion

__all__ = ["add_choices", "check_overrides", "checked", "parse_flags"]

OURS = ("--dry-run", "--version")
"""Flags besides Hydra's."""

CELLS = 100_000
"""The most cells of one sweep."""


def checked(words: Sequence[str]) -> list[str]:
    """Return a command's words as Hydra wants them: flags first, and of a key that is given twice the last word.

    Raises:
        InputError: a word is not allowed; the message names it.
    """
    given = parse_flags(words)
    left = list(given.overrides)
    flags = [word for word in words if not (left and word == left[0] and left.pop(0) is not None)]
    swept = given.multirun or "hydra.mode=MULTIRUN" in given.overrides
    folders = [Path(given.config_dir)] if given.config_dir else []
    overrides, notes = expand(_last_words(given.overrides), folders=folders, swept=swept)
    overrides = add_choices(overrides)
    check_overrides(overrides, folders=folders, swept=swept)
    for note in notes:
        print(f"ofa_bench: {note}", file=sys.stderr)
    return [*flags, *overrides]


def add_choices(words: Sequence[str]) -> list[str]:
    """Mark ``space.choices.<gene>=``, of which the config knows no gene, as a key that is added."""
    return [f"++{word}" if word.startswith("space.choices.") else word for word in words]


def check_overrides(words: Sequence[str], *, folders: Sequence[Path] = (), swept: bool = False) -> None:
    """Check overrides one by one, and how many cells they sweep.

    Args:
        words: the overrides.
        folders: of config groups, besides ours (``--config-dir``).
        swept: whether lists are swept.

    Raises:
        InputError: one is not allowed.
    """
    cells = list[int]()
    elsewhere = any(word.lstrip("+").startswith("hydra.searchpath=") for word in words)
    other_sweeper = any(word.startswith("hydra/sweeper=") for word in words)
    for word in words:
        override = parsed(word)
        if str(override.key_or_group).startswith("hydra.callbacks.sweep"):
            raise InputError(f"{word}: this callback keeps the books of sweeps; leave it as it is")
        if not override.is_delete():
            check_key(word, override)
            check_group(word, override, None if elsewhere else folders)
            check_hydra(word, override)
        if swept and not other_sweeper and override.is_sweep_override():
            cells.append(sweep_size(word, override))
    if prod(cells) > CELLS:
        raise InputError(f"-m: {prod(cells):,} cells; a sweep has at most {CELLS:,}")


def _meant(flag: str, words: Sequence[str], flags: Sequence[str]) -> str:
    """Suggest the key that a word like a flag stands for, with its value, or the nearest flag."""
    plain = flag.lstrip("-")
    behind = [*words[words.index(flag) + 1 :], ""][0] if flag in words else ""
    if "=" in plain[1:]:
        return did_you_mean(plain)
    if plain in (*CHOSEN, *(key.name for key in fields(Config))):
        return f"; did you mean '{plain}={'...' if not behind or behind[0] == '-' or '=' in behind else behind}'?"
    return suggestion(flag.replace("_", "-"), [*OURS, *(one for one in flags if one.startswith("--"))])


def _last_words(words: Sequence[str]) -> list[str]:
    """Leave out what a later word for the same key overrides, so that it is not in the address of results."""
    last = {word.partition("=")[0]: i for i, word in enumerate(words)}
    return [word for i, word in enumerate(words) if last[word.partition("=")[0]] == i]


def parse_flags(words: Sequence[str]) -> Any:
    """Read the flags, wherever they stand, as Hydra does where they stand first.

    Raises:
        InputError: there is no such flag, or its value is missing or not allowed.
    """
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise InputError(f"{message}; --hydra-help lists all flags")

    parser.error = refuse  # type: ignore[method-assign]
    given, unknown = parser.parse_known_intermixed_args(list(words))
    if unknown:
        raise InputError(
            f"{unknown[0]}: no such flag; there are -m and --help, and keys as key=value"
            f"{_meant(unknown[0], words, [flag for action in parser._actions for flag in action.option_strings])}"
        )
    if given.experimental_rerun and not Path(given.experimental_rerun).is_file():
        raise InputError(f"--experimental-rerun: no such file {given.experimental_rerun}")
    for flag, alone in (("--package", given.package), ("--resolve", given.resolve)):
        if alone and not (given.cfg or given.help):
            raise InputError(f"{flag}: only together with --cfg")
    return given
