"""The words of a search: flags and overrides, put in Hydra's order and checked where Hydra would take them wrongly."""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin

from ofa_bench.commands.cli.groups import CHOSEN, did_you_mean, is_accepted
from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.commands.cli.shorthand import expand
from ofa_bench.commands.cli.user_files import name_user_files
from ofa_bench.config.hydra_private import Glob, Override, RangeSweep, choices_of, is_text, parse_override, text_of
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import NO_RESULT, BudgetConfig, Config, EvolutionConfig, TargetsConfig, TrackingConfig
from ofa_bench.config.shell import override as override_word
from ofa_bench.errors import InputError, no_such_option, suggestion
from ofa_bench.experiment.options import options_of_group

__all__ = ["check_override", "not_an_override", "parse_flags", "prepare"]

TYPED = {"budget": BudgetConfig, "evolution": EvolutionConfig, "targets": TargetsConfig, "tracking": TrackingConfig}
"""The groups whose keys are fixed."""

EXTRAS = {"joblib": "parallel", "ray": "ray", "submitit_local": "slurm", "submitit_slurm": "slurm"}
"""Launchers, and the extra of this package that installs each."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; --hydra-help lists all flags")


def flags_parser() -> argparse.ArgumentParser:
    """Return a parser of the flags that are passed on to Hydra."""
    parser = _Parser(add_help=False)
    parser.add_argument("overrides", nargs="*")
    for flags in (("--multirun", "-m"), ("--help", "-h"), ("--hydra-help",), ("--resolve",)):
        parser.add_argument(*flags, action="store_true")
    for flags in (("--config-dir", "-cd"), ("--config-name", "-cn"), ("--package", "-p")):
        parser.add_argument(*flags)
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--info", "-i", nargs="?", const="all")
    return parser


def parse_flags(words: Sequence[str]) -> argparse.Namespace:
    """Read the flags, wherever they stand; ``overrides`` are the other words.

    Raises:
        InputError: there is no such flag, or its value is missing or not allowed.
    """
    given, unknown = flags_parser().parse_known_intermixed_args(list(words))
    if unknown:
        hint = _suggest_flag(unknown[0], words)
        raise InputError(f"{unknown[0]}: no such flag; there are -m and --help, and keys as key=value{hint}")
    return given


def prepare(words: Sequence[str]) -> list[str]:
    """Return a command's words as Hydra wants them: flags first, and of a key that is given twice the last word.

    Raises:
        InputError: a word is not allowed; the message names it.
    """
    given = parse_flags(words)
    left = list(given.overrides)
    flags = [word for word in words if not (left and word == left[0] and left.pop(0) is not None)]
    swept = given.multirun or "hydra.mode=MULTIRUN" in given.overrides
    folders = [Path(given.config_dir)] if given.config_dir else []
    last = {word.partition("=")[0]: i for i, word in enumerate(given.overrides)}  # only this one is in the address
    overrides = [word for i, word in enumerate(given.overrides) if last[word.partition("=")[0]] == i]
    overrides, notes = expand(name_user_files(overrides, folders), folders=folders, swept=swept)
    elsewhere = any(word.lstrip("+").startswith("hydra.searchpath=") for word in overrides)
    known, one = None if elsewhere else folders, "" if swept else "put -m before them"
    overrides = [check_override(word, known, one=one) for word in overrides]
    for note in notes:
        print(f"ofa_bench: {note}", file=sys.stderr)
    return [*flags, *overrides]


def check_override(word: str, folders: Sequence[Path] | None = (), *, one: str = "") -> str:
    """Check what Hydra would take wrongly, or refuse without the key; return the override as Hydra wants it.

    Args:
        word: the override.
        folders: of config groups, besides ours; None where there may be options elsewhere.
        one: what to do about several values where nothing is swept; empty where they are.

    Raises:
        InputError: it is not allowed.
    """
    key, equals, value = word.partition("=")
    if key.startswith("space.choices."):  # of which the config knows no gene
        return f"++{word}"
    if not key:
        raise InputError(not_an_override(word))
    if equals and not value and key[0] != "~":
        raise InputError(f"{word}: give a value; null stands for none")
    try:
        override = parse_override(word)
    except HydraException as error:
        raise InputError(not_an_override(word)) from error
    name = override.key_or_group
    place = re.search(r"\.\d+(\.|$)", name)
    if place:
        raise InputError(f"{word}: no such key; a list is given as a whole: {name[: place.start()]}=[...]")
    group, _, inner = name.partition(".")
    if group in TYPED and inner and key[0] == "+":  # what is added would not be read
        allowed = [field.name for field in fields(TYPED[group])]
        if inner not in allowed:
            hint = suggest_key(name, allowed, given=word)
            raise InputError(f"{name}: no such key; allowed: {', '.join(allowed)}{hint}")
    _check_option(word, override, folders)
    if one and override.is_sweep_override():
        raise InputError(_several(key, value, one))
    return word


def _check_option(word: str, override: Override, folders: Sequence[Path] | None) -> None:
    """Check that what is chosen of a group are its options, and that a launcher is installed."""
    name, value = override.key_or_group, override.value()
    launcher = value if name == "hydra/launcher" and isinstance(value, str) else ""
    if launcher in EXTRAS and not find_spec(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher"):
        extra = EXTRAS[launcher]
        raise InputError(f"{word}: needs a package that is not installed; pip install 'ofa_bench[{extra}]'")
    if name not in CHOSEN or override.package is not None or override.is_delete():
        return
    options = options_of_group(name, folders or ())
    for one in choices_of(value) or [value]:
        several = name == "experiment" and isinstance(one, list) and len(one) > 1  # which Hydra composes
        if not (is_text(one) or several or isinstance(one, Glob)):
            keys = f" (its keys are set one by one, as {name}.<key>=)" if isinstance(one, dict) else ""
            there = f"there are {', '.join(options)}{_hint(name, one)}"
            raise InputError(f"{word}: must be the name of an option{keys}; {there}")
        if is_text(one) and folders is not None and text_of(one) not in options and not _other_sources():
            raise no_such_option(name, text_of(one), options)


def _other_sources() -> bool:
    """Return whether an installed plugin of Hydra brings options of its own."""
    return any(not one.__module__.startswith("hydra.") for one in Plugins.instance().discover(SearchPathPlugin))


def _hint(group: str, value: object) -> str:
    """Return the right words for what was given in place of an option's name; an empty string if nothing is meant."""
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return f"; several are swept: -m {group}={','.join(value)}"
    if type(value) is int and group == "budget":
        return f"; generations are set by budget.generations={value}"
    return "; numbers are given as targets=[20,30]" if group == "targets" and isinstance(value, RangeSweep) else ""


def not_an_override(word: str) -> str:
    """Describe what is wrong with a word that Hydra cannot read."""
    key, equals, value = word.partition("=")
    message = f"'{word}': not of the form key=value"
    if not equals or not re.fullmatch(r"[+~]{0,2}[\w./@:-]+", key, re.ASCII):
        return f"{message}{_suggest_word(word)}"
    is_list = value.startswith("[") and value.endswith("]")
    if not is_list and re.search(r"[ ,][a-z][\w./]*=", value):
        return f"{message} (each key is a word of its own, with a blank before it)"
    for opening, closing in ("()", "[]", "{}", "''", '""'):
        if value.count(opening) % 2 if opening == closing else value.count(opening) != value.count(closing):
            return f"{message} ({opening} and {closing} must come in pairs)"
    if value.startswith("~/"):
        value = str(Path(value).expanduser())
    items = ",".join(override_word("", item.strip())[1:] for item in value[1:-1].split(","))
    quoted = f"{key}=[{items}]" if is_list else override_word(key, value)
    if len(word) > 100 or not word.isprintable() or not is_accepted(quoted):
        return message
    kind = "text" if is_list else "value"
    return f"{message} (a {kind} with such characters stands in quotes of its own: {shlex.quote(quoted)})"


def _several(key: str, value: str, one: str) -> str:
    """Describe what is meant where values are separated by commas, but nothing is swept."""
    text = override_word(key, value)
    if key in NO_RESULT and is_accepted(text):
        return f"{key}={value}: a value with commas stands in quotes of its own: {shlex.quote(text)}"
    if not is_accepted(f"{key}={value.partition(',')[0]}") and is_accepted(f"{key}=[{value}]"):
        return f"{key}={value}: is one list: {key}=[{value}]"
    return f"{key}={value}: several options are a sweep, {one}"


def _suggest_flag(flag: str, words: Sequence[str]) -> str:
    """Suggest the key that a word like a flag stands for, with its value, or the nearest flag."""
    plain = flag.lstrip("-")
    after = [*words[words.index(flag) + 1 :], ""][0] if flag in words else ""
    if "=" in plain[1:]:
        return did_you_mean(plain)
    if plain in (*CHOSEN, *(key.name for key in fields(Config))):
        return f"; did you mean '{plain}={'...' if not after or after[0] == '-' or '=' in after else after}'?"
    return suggestion(flag.replace("_", "-"), ["--dry-run", "--version", "--multirun", "--help", "--config-dir"])


def _suggest_word(word: str) -> str:
    """Suggest a command, an option of a group, or what ``key: value`` means."""
    if word in COMMANDS:
        return f"; a command is the first word: ofa_bench {word}"
    groups = [group for group in CHOSEN if word in options_of_group(group)]
    key, colon, value = word.partition(":")
    meant = f"{groups[0]}={word}" if groups else override_word(key.strip(), value.strip()) if colon else ""
    return did_you_mean(meant) or suggestion(word, COMMANDS)
