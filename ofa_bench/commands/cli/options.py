"""Options of commands: ``key=value`` words, read into a dataclass, and the other words that a command takes."""

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import yaml
from omegaconf import OmegaConf

from ofa_bench.commands.cli.composition import PROBLEM_GROUPS, is_of_problem
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import Config
from ofa_bench.errors import InputError, suggestion

__all__ = ["check_choice", "check_folder", "read_options", "read_words"]

Options = TypeVar("Options")


def read_words(kind: type[Options], words: Sequence[str], takes: str = "") -> tuple[Options, list[str]]:
    """Split a command's words into its options and the others; ``takes`` says of what kind these are (``Command``).

    Raises:
        InputError: a word is neither.
    """
    keys = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    given = [word for word in words if "=" in word and word.partition("=")[0] in keys]
    others = [word for word in words if word not in given]
    for word in others:
        _check_other(word, keys, takes)
    return read_options(kind, given), others


def read_options(kind: type[Options], words: Sequence[str]) -> Options:
    """Read ``key=value`` words into a dataclass of options, each value checked against its type.

    Values are YAML; a text is taken as it is, unless it is in quotes.

    Raises:
        InputError: a word is no option, or has no value.
    """
    standard, given = vars(kind()), dict[str, Any]()
    for word in words:
        key, equals, text = word.partition("=")
        if key not in standard or not equals:
            raise _no_option(word, list(standard))
        value = _value(word, text, standard[key])
        given[key] = value.replace("${", r"\${") if isinstance(value, str) else value  # no interpolation
    options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), given))
    assert isinstance(options, kind)
    return options


def check_folder(key: str, folder: Path) -> None:
    """Check that a folder can be written to, or made, as far as that can be known beforehand.

    Raises:
        InputError: it cannot.
    """
    there = next((place for place in (folder, *folder.absolute().parents) if os.path.lexists(place)), folder)
    if not os.access(there, os.W_OK) or not _is_folder(there):
        why = "Permission denied" if there.is_dir() else "Not a directory"
        raise InputError(f"{key}={folder}: cannot be written ({why}: {there})")


def check_choice(key: str, value: str, allowed: Sequence[str]) -> None:
    """Raise InputError where an option is none of those that are allowed."""
    if value not in allowed:
        raise InputError(f"{key}={value}: must be {' or '.join(allowed)}{suggestion(value, allowed)}")


def _check_other(word: str, keys: Sequence[str], takes: str) -> None:
    """Check a word that is no option.

    Raises:
        InputError: the command does not take it.
    """
    key, equals, _ = word.partition("=")
    like_option = word.startswith("-") or (bool(equals) and key.isidentifier() and not _is_folder(word))
    if takes == "config" and not word.startswith("-"):
        _check_config_key(word, keys)
    elif "problem" in takes and (is_of_problem(word) or ("folders" in takes and _is_folder(word))):
        return
    elif takes == "folders" and not like_option:
        if not _is_folder(word):
            raise InputError(f"{word or repr(word)}: no such folder")
    elif takes != "records" or like_option:
        groups = PROBLEM_GROUPS if "problem" in takes else ()
        raise _no_option(word, [*keys, *groups, *([] if takes in ("", "problem") else ["and folders"])])


def _check_config_key(word: str, keys: Sequence[str]) -> None:
    """Check a plain key of the config here, because Hydra would name only its own."""
    key, allowed = word.partition("=")[0], [*keys, *(field.name for field in fields(Config) if field.name not in keys)]
    if key.isidentifier() and key not in allowed:
        raise InputError(f"{key}: no such key; allowed: {', '.join(allowed)}{suggest_key(key, allowed, given=word)}")


def _is_folder(word: str | Path) -> bool:
    return os.path.isdir(word)  # noqa: PTH112 -- of a name that is too long, Path raises an error


def _no_option(word: str, keys: Sequence[str]) -> InputError:
    key = word.partition("=")[0]
    allowed = f"allowed: {', '.join(keys)}{suggestion(key.lstrip('-'), keys)}"
    if key.startswith("-"):
        return InputError(f"{key}: no such option; options are given as key=value, {allowed}")
    return InputError(f"{key or repr(key)}: no such key; {allowed}")


def _value(word: str, text: str, standard: Any) -> Any:
    """Read a value as YAML; a text stands for itself, unless it is in quotes."""
    if not text and standard != "":
        raise InputError(f"{word}: give a value")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # a number of too many digits, or no such day
        if isinstance(standard, str):
            return text
        raise InputError(f"{word}: cannot be read; must be like {word.partition('=')[0]}={standard}") from error
    quoted = isinstance(value, str) and text[:1] in ("'", '"')
    return text if isinstance(standard, str) and not quoted else value
