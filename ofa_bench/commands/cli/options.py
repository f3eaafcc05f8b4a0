"""Reads the arguments of a command: its options into a dataclass, and the others as it takes them."""

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import yaml
from omegaconf import OmegaConf

from ofa_bench.commands.cli.composition import is_of_problem
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import PROBLEM_GROUPS, Config, conf_dir
from ofa_bench.config.shell import option
from ofa_bench.errors import InputError, suggestion

__all__ = ["check_choice", "check_folder", "check_new_name", "given_options", "read_arguments", "read_options"]

Options = TypeVar("Options")


def read_arguments(kind: type[Options], arguments: Sequence[str], takes: str = "") -> tuple[Options, list[str]]:
    """Split a command's arguments into its options and the others, which must be what ``Command.takes`` names.

    Raises:
        InputError: an argument is neither.
    """
    keys = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    given = [word for word in arguments if "=" in word and word.partition("=")[0] in keys]
    others = [word for word in arguments if word not in given]
    for word in others:
        _check_other(word, keys, takes)
    return read_options(kind, given), others


def read_options(kind: type[Options], arguments: Sequence[str]) -> Options:
    """Read ``key=value`` arguments into a dataclass of options; each value is checked against its type.

    Values are YAML, but a text without quotes is used unchanged.

    Raises:
        InputError: an argument is not an option, has no value, or is given twice.
    """
    defaults, given = vars(kind()), dict[str, Any]()
    for word in arguments:
        key, equals, text = word.partition("=")
        if key not in defaults or not equals:
            raise _no_option(word, list(defaults))
        if key in given:
            raise InputError(f"{word}: {key} is given twice")
        value = _value(word, text, defaults[key])
        given[key] = value.replace("${", r"\${") if isinstance(value, str) else value  # no interpolation
    options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), given))
    assert isinstance(options, kind)
    return options


def given_options(options: object) -> list[str]:
    """Return the options that differ from their defaults, except ``out``, as ``key=value`` arguments."""
    defaults = vars(type(options)())
    return [option(key, value) for key, value in vars(options).items() if value != defaults[key] and key != "out"]


def check_folder(key: str, folder: Path) -> None:
    """Check in advance whether a folder can be created or written to.

    Raises:
        InputError: it cannot.
    """
    there = next((place for place in (folder, *folder.absolute().parents) if os.path.lexists(place)), folder)
    if not os.access(there, os.W_OK) or not _is_folder(there):
        why = "Permission denied" if there.is_dir() else "Not a directory"
        raise InputError(f"{key}={folder}: cannot be written ({why}: {there})")


def check_new_name(group: str, out: str, folder: Path) -> None:
    """Check that a folder can be written to, and that its name can become an option of a config group.

    Raises:
        InputError: it cannot be written to, has no name, or the package has an option of this name.
    """
    if not folder.name:
        raise InputError(f"out={out}: has no name, which would be the {group}'s")
    check_folder("out", folder)
    if (conf_dir() / group / f"{folder.name}.yaml").exists():
        raise InputError(f"out={out}: there is a {group} {folder.name} already; choose another name")


def check_choice(key: str, value: str, allowed: Sequence[str]) -> None:
    """Raise InputError if a value is not among those allowed."""
    if value not in allowed:
        raise InputError(f"{key}={value}: must be {' or '.join(allowed)}{suggestion(value, allowed)}")


def _check_other(word: str, keys: Sequence[str], takes: str) -> None:
    """Check an argument that is not an option.

    Raises:
        InputError: the command does not take it.
    """
    key, equals, _ = word.partition("=")
    like_option = word.startswith("-") or (bool(equals) and key.isidentifier() and not _is_folder(word))
    if takes == "config" and not word.startswith("-"):
        allowed = [*keys, *(field.name for field in fields(Config) if field.name not in keys)]
        if key.isidentifier() and key not in allowed:  # Hydra would name only the keys of the config
            raise InputError(
                f"{key}: no such key; allowed: {', '.join(allowed)}{suggest_key(key, allowed, given=word)}"
            )
    elif "problem" in takes and (is_of_problem(word) or ("folders" in takes and _is_folder(word))):
        return
    elif takes in ("folders", "packed") and not like_option:
        if not (_is_folder(word) or (takes == "packed" and _is_packed(word))):
            hint = f"; as an option, it is given as {word}=<value>" if word in keys else ""
            raise InputError(f"{word or repr(word)}: no such folder{hint}")
    elif "folders" in takes and not like_option:
        raise InputError(f"{word or repr(word)}: no such folder")
    elif takes != "records" or like_option:
        groups = PROBLEM_GROUPS if "problem" in takes else ()
        raise _no_option(word, [*keys, *groups, *([] if takes in ("", "problem") else ["and folders"])])


def _is_folder(word: str | Path) -> bool:
    return os.path.isdir(word)  # noqa: PTH112 -- Path raises an error if the name is too long


def _is_packed(word: str) -> bool:
    return word.endswith(".csv.gz") and os.path.isfile(word)  # noqa: PTH113 -- as above


def _no_option(word: str, keys: Sequence[str]) -> InputError:
    key = word.partition("=")[0]
    hint = suggestion(key.lstrip("-"), [one for one in keys if one.isidentifier()])
    allowed = f"allowed: {', '.join(keys)}{hint}"
    if key.startswith("-"):
        return InputError(f"{key}: no such option; options are given as key=value, {allowed}")
    return InputError(f"{key or repr(key)}: no such key; {allowed}")


def _value(word: str, text: str, default: Any) -> Any:
    """Read a value as YAML; a text without quotes is used unchanged."""
    if not text and default != "":
        raise InputError(f"{word}: give a value")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # a number with too many digits, or an invalid date
        if isinstance(default, str):
            return text
        raise InputError(f"{word}: cannot be read; must be like {word.partition('=')[0]}={default}") from error
    quoted = isinstance(value, str) and text[:1] in ("'", '"')
    return text if isinstance(default, str) and not quoted else value
