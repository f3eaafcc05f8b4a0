"""Options of the commands besides the main one: ``key=value`` words, read into a dataclass."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import yaml
from omegaconf import OmegaConf

from ofa_bench import __version__
from ofa_bench.commands.cli.surroundings import print_any_text
from ofa_bench.errors import InputError, suggestion

__all__ = ["check_folder", "ignore_broken_pipe", "options_and_folders", "options_of", "show_help", "show_version"]

Options = TypeVar("Options")


def options_of(kind: type[Options], words: Sequence[str], verbatim: Sequence[str] = ()) -> Options:
    """Read ``key=value`` words into a dataclass of options, each value checked against its type.

    Values are YAML, but for those of the keys in ``verbatim``, which are texts as they are.

    Raises:
        InputError: a word is no option, or has no value.
    """
    standard, given = vars(kind()), dict[str, Any]()
    for word in words:
        key, equals, text = word.partition("=")
        if key not in standard or not equals:
            raise _no_option(word, list(standard))
        value = text if key in verbatim else _value(word, text, standard)
        given[key] = value.replace("${", r"\${") if isinstance(value, str) else value  # no interpolation
    options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), given))
    assert isinstance(options, kind)
    return options


def options_and_folders(kind: type[Options], words: Sequence[str]) -> tuple[Options, list[str]]:
    """Read ``key=value`` words into a dataclass of options, and the other words, which name folders.

    Raises:
        InputError: a word looks like an option and is none, or there is no such folder.
    """
    keys = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    given, folders = list[str](), list[str]()
    for word in words:
        key, equals, _ = word.partition("=")
        unknown = equals and key.isidentifier() and key not in keys and not os.path.isdir(word)  # noqa: PTH112 -- as below
        if word.startswith("-") or unknown:
            raise _no_option(word, [*keys, "and folders"])
        (given if equals and key in keys else folders).append(word)
    options = options_of(kind, given)
    for word in folders:
        if not os.path.isdir(word):  # noqa: PTH112 -- of a name that is too long, Path raises an error
            raise InputError(f"{word or repr(word)}: no such folder")
    return options, folders


def check_folder(key: str, folder: Path) -> None:
    """Check that a folder can be written to, or made, as far as that can be told beforehand.

    Raises:
        InputError: it cannot.
    """
    there = next((place for place in (folder, *folder.absolute().parents) if os.path.lexists(place)), folder)
    if not os.access(there, os.W_OK) or not os.path.isdir(there):  # noqa: PTH112 -- as above
        why = "Permission denied" if there.is_dir() else "Not a directory"
        raise InputError(f"{key}={folder}: cannot be written ({why}: {there})")


def show_help(text: str | None, options: object, *, needed: str = "") -> None:
    """Print a module's text and its options with their defaults, and exit, where the command line asks for help.

    Args:
        text: the module's.
        options: with their defaults.
        needed: what a command must be given at least; without any word the help is printed too, with exit code 2.
    """
    show_version()
    nothing = bool(needed) and not sys.argv[1:]
    if nothing or {"-h", "--help"} & set(sys.argv[1:]):
        defaults = "\n".join(f"  {key}={value}" for key, value in vars(options).items())
        with ignore_broken_pipe():
            print(f"{text}\nDefaults:\n{defaults}")
        if nothing:
            print(f"ofa_bench: give {needed}", file=sys.stderr)
        sys.exit(2 if nothing else 0)


def show_version() -> None:
    """Print the version, and exit, where the command line asks for it."""
    if "--version" in sys.argv[1:]:
        with ignore_broken_pipe():
            print(f"ofa_bench {__version__}")
        sys.exit(0)


@contextmanager
def ignore_broken_pipe() -> Iterator[None]:
    """Take it as no error where standard output lacks characters, or nobody reads it to its end (``--help | head``)."""
    print_any_text()
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _no_option(word: str, keys: Sequence[str]) -> InputError:
    key = word.partition("=")[0]
    allowed = f"allowed: {', '.join(keys)}{suggestion(key.lstrip('-'), keys)}"
    if key.startswith("-"):
        return InputError(f"{key}: no such option; options are given as key=value, {allowed}")
    if key in keys:
        return InputError(f"'{word}': not of the form key=value")
    return InputError(f"{key or repr(key)}: no such key; {allowed}")


def _value(word: str, text: str, standard: Mapping[str, Any]) -> Any:
    """Read a value as YAML; a text stands for itself, unless it is in quotes."""
    key = word.partition("=")[0]
    if not text and standard[key] != "":
        raise InputError(f"{word}: give a value")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # a number of too many digits, or no such day
        if isinstance(standard[key], str):
            return text
        raise InputError(f"{word}: cannot be read; must be like {key}={standard[key]}") from error
    quoted = isinstance(value, str) and text[:1] in ("'", '"')
    return text if isinstance(standard[key], str) and not quoted else value
