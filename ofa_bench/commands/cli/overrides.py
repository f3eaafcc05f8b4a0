"""Puts the arguments of a search in Hydra's order, and checks what Hydra would misread."""

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

from ofa_bench.commands.cli.groups import CHOSEN, is_accepted
from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.config.hydra_private import Glob, Override, choices_of, is_text, parse_override, text_of
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import BudgetConfig, Config, EvolutionConfig, TargetsConfig, TrackingConfig
from ofa_bench.config.shell import override as override_word
from ofa_bench.errors import InputError, no_such_option, suggestion
from ofa_bench.experiment.options import PARTS, choose_parts, options_of_group
from ofa_bench.experiment.shorthand import expand
from ofa_bench.experiment.user_files import name_user_files

__all__ = ["check_override", "not_an_override", "parse_flags", "prepare"]

TYPED = {"budget": BudgetConfig, "evolution": EvolutionConfig, "targets": TargetsConfig, "tracking": TrackingConfig}
"""The groups with a fixed set of keys."""

EXTRAS = {"joblib": "parallel", "ray": "ray", "submitit": "slurm"}
"""The extra of this package that installs each of Hydra's launchers."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; --hydra-help lists all flags")


def flags_parser() -> argparse.ArgumentParser:
    """Return a parser of Hydra's flags."""
    parser = _Parser(add_help=False)
    parser.add_argument("overrides", nargs="*")
    for flags in (("--multirun", "-m"), ("--help", "-h"), ("--hydra-help",), ("--resolve",)):
        parser.add_argument(*flags, action="store_true")
    for flags in (("--config-dir", "-cd"), ("--config-name", "-cn"), ("--package", "-p")):
        parser.add_argument(*flags)
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--info", "-i", nargs="?", const="all")
    return parser


def parse_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the flags, in any position; ``overrides`` are the other arguments.

    Raises:
        InputError: there is no such flag, or its value is missing or not allowed.
    """
    given, unknown = flags_parser().parse_known_intermixed_args(list(arguments))
    if unknown:
        hint = _suggest_flag(unknown[0])
        raise InputError(f"{unknown[0]}: no such flag; there are -m and --help, and keys as key=value{hint}")
    return given


def prepare(arguments: Sequence[str]) -> list[str]:
    """Return a command's arguments as Hydra wants them: flags first, and only the last override of each key.

    Raises:
        InputError: an argument is not allowed; the message names it.
    """
    given = parse_flags(arguments)
    left = list(given.overrides)
    flags = [word for word in arguments if not (left and word == left[0] and left.pop(0) is not None)]
    swept = given.multirun or "hydra.mode=MULTIRUN" in given.overrides
    folders = [Path(given.config_dir)] if given.config_dir else []
    last = {word.partition("=")[0]: i for i, word in enumerate(given.overrides)}  # only the last is in the address
    overrides = [word for i, word in enumerate(given.overrides) if last[word.partition("=")[0]] == i]
    unused = [word for word in given.overrides if word not in overrides]
    overrides, notes = expand(name_user_files(choose_parts(overrides), folders), folders=folders, swept=swept)
    elsewhere = any(word.lstrip("+").startswith("hydra.searchpath=") for word in overrides)
    known, one = None if elsewhere else folders, "" if swept else "put -m before them"
    overrides = [check_override(word, known, one=one) for word in overrides]
    for note in [*(f"{word}: not used, since this key is given again" for word in unused), *notes]:
        print(f"ofa_bench: {note}", file=sys.stderr)
    return [*flags, *overrides]


def check_override(word: str, folders: Sequence[Path] | None = (), *, one: str = "") -> str:
    """Check what Hydra would misread, or refuse without naming the key; return the override as Hydra wants it.

    Args:
        word: the override.
        folders: of config groups, besides ours; None if other places may have options too.
        one: what to do with several values, for the message; empty in a sweep.

    Raises:
        InputError: it is not allowed.
    """
    key, equals, value = word.partition("=")
    if key.startswith("space.choices."):  # the config has no keys of genes
        return f"++{word}"
    if not key:
        raise InputError(not_an_override(word))
    if equals and not value and key[0] != "~":
        raise InputError(f"{word}: give a value, or null for none")
    try:
        override = parse_override(word)
    except HydraException as error:
        raise InputError(not_an_override(word)) from error
    name = override.key_or_group
    place = re.search(r"\.\d+(\.|$)", name)
    if place:
        raise InputError(f"{word}: no such key; give the whole list: {name[: place.start()]}=[...]")
    group, _, inner = name.partition(".")
    if group in TYPED and inner and key[0] == "+":  # an added key would be ignored
        allowed = [field.name for field in fields(TYPED[group])]
        if inner not in allowed:
            hint = suggest_key(name, allowed, given=word)
            raise InputError(f"{name}: no such key; allowed: {', '.join(allowed)}{hint}")
    _check_option(word, override, folders)
    if one and override.is_sweep_override():
        raise InputError(_several(_part(override) or key, value, one))
    return word


def _check_option(word: str, override: Override, folders: Sequence[Path] | None) -> None:
    """Check that the values of a group are its options, and that a launcher is installed."""
    name, value = override.key_or_group, override.value()
    launcher = str(value).partition("_")[0] if name == "hydra/launcher" else ""
    if launcher in EXTRAS and not find_spec(f"hydra_plugins.hydra_{launcher}_launcher"):
        raise InputError(f"{word}: needs a package that is not installed; pip install 'ofa_bench[{EXTRAS[launcher]}]'")
    key = _part(override) or name
    if (key == name and (name not in CHOSEN or override.package is not None)) or override.is_delete():
        return
    word, options = f"{key}={word.partition('=')[2]}", options_of_group(name, folders or ())
    for one in choices_of(value) or [value]:
        several = name == "experiment" and isinstance(one, list) and len(one) > 1  # which Hydra composes
        if not (is_text(one) or several or isinstance(one, Glob)):
            keys = f"; there are {', '.join(options)}; set its keys one by one, as {key}.<key>=<value>"
            raise InputError(f"{word}: must be the name of an option{keys}")
        if is_text(one) and folders is not None and text_of(one) not in options and not _other_sources():
            raise no_such_option(key, text_of(one), options)


def _part(override: Override) -> str | None:
    """Return the key of the part that an override chooses, such as ``strategy.inner``; None if it chooses none."""
    return override.package if override.package in PARTS else None


def _other_sources() -> bool:
    """Return whether an installed plugin of Hydra adds options."""
    return any(not one.__module__.startswith("hydra.") for one in Plugins.instance().discover(SearchPathPlugin))


def not_an_override(word: str) -> str:
    """Describe what is wrong with an override that Hydra cannot read."""
    key, equals, value = word.partition("=")
    message = f"'{word}': not of the form key=value"
    if not equals or not re.fullmatch(r"[+~]{0,2}[\w./@:-]+", key, re.ASCII):
        return f"{message}{_suggest_word(word)}"
    if value.startswith(("{", "[")) and not value.endswith(("}", "]")):
        return f"{message} (an argument with spaces is written in quotes: '{key}={value} ...')"
    is_list = value.startswith("[") and value.endswith("]")
    if value.startswith("~/"):
        value = str(Path(value).expanduser())
    items = ",".join(override_word("", item.strip())[1:] for item in value[1:-1].split(","))
    quoted = f"{key}=[{items}]" if is_list else override_word(key, value)
    if len(word) > 100 or not word.isprintable() or not is_accepted(quoted):
        return message
    return f"{message} (quote such characters: {shlex.quote(quoted)})"


def _several(key: str, value: str, one: str) -> str:
    """Describe how to write values separated by commas outside a sweep."""
    only_a_list = not is_accepted(f"{key}={value.partition(',')[0]}") and is_accepted(f"{key}=[{value}]")
    if only_a_list or key == "device.devices":  # this one has no type, by which that could be seen
        return f"{key}={value}: write a list as {key}=[{value}]"
    return f"{key}={value}: several values are a sweep, {one}"


def _suggest_flag(flag: str) -> str:
    """Suggest the key that was given as a flag, or the nearest flag."""
    key, _, value = flag.lstrip("-").partition("=")
    if key in (*CHOSEN, *(field.name for field in fields(Config))):
        return f"; did you mean '{key}={value or '<value>'}'?"
    return suggestion(flag.replace("_", "-"), ["--dry-run", "--version", "--multirun", "--help", "--config-dir"])


def _suggest_word(word: str) -> str:
    """Suggest a command, or the option that was given without its group."""
    if word in COMMANDS:
        return f"; a command comes first: ofa_bench {word}"
    group = next((group for group in CHOSEN if word in options_of_group(group)), None)
    if group:
        return f"; did you mean '{group}={word}'?"
    return suggestion(word, COMMANDS) or ("; ofa_bench --help lists the commands" if word.isidentifier() else "")
