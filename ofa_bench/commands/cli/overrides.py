"""Checks of one override on the command line, ``key=value``, before Hydra composes anything."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import fields
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, QuotedString, RangeSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import (
    GROUPS,
    BudgetConfig,
    Config,
    EvolutionConfig,
    TargetsConfig,
    TrackingConfig,
    conf_dir,
)
from ofa_bench.config.shell import override as override_word
from ofa_bench.errors import LONG, InputError, no_such_option
from ofa_bench.experiment.options import options_of_group

__all__ = [
    "accepted",
    "check_group",
    "check_hydra",
    "check_key",
    "did_you_mean",
    "installs",
    "launcher_hint",
    "not_an_override",
    "parsed",
    "sweep_size",
]

CHOSEN = (*GROUPS, "tracking", "experiment")
"""The config groups that an option is chosen of."""

TYPED = {
    "budget": BudgetConfig,
    "evolution": EvolutionConfig,
    "targets": TargetsConfig,
    "tracking": TrackingConfig,
}
"""The groups whose keys are fixed."""

COMMANDS = ("collect", "evaluate", "export", "frontier", "profile", "report", "show", "sync", "train_predictor")
"""The commands beside the main one."""

MAX_CHARS = 20_000
"""The longest word; Hydra takes seconds for a list of as many."""

DIGITS = 308
"""Of a whole number that is too large for any key, and for Python to read or to make a float of."""

QUOTE = "'"

_FIELDS = [field.name for field in fields(Config)]

VALUES = 1_000_000
"""Values of one sweep beyond which they are not counted."""

EXTRAS = {"joblib": "parallel", "ray": "ray", "submitit_local": "slurm", "submitit_slurm": "slurm"}
"""Launchers, and the extra of this package that installs each."""


def parsed(word: str) -> Override:
    """Read an override as Hydra does.

    Raises:
        InputError: it is too long, has no value, or is none.
    """
    key, equals, value = word.partition("=")
    if len(word) > MAX_CHARS:
        raise InputError(f"{key}: {len(value):,} characters are too many for the command line; at most {MAX_CHARS:,}")
    if equals and not key:
        raise InputError(not_an_override(word))
    if equals and not value and not key.startswith("~"):
        raise InputError(f"{word}: give a value; null stands for none")
    if re.search(rf"\d{{{DIGITS}}}", value):
        raise InputError(f"{word}: a number of so many digits cannot be read")
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise InputError(not_an_override(word)) from error


def not_an_override(word: str) -> str:
    """Describe what is wrong with a word that Hydra cannot read."""
    key, equals, value = word.partition("=")
    message = f"'{word}': not of the form key=value"
    if not equals or not re.fullmatch(r"[+~]{0,2}[\w./@:-]+", key, re.ASCII):
        return f"{message}{_meant(word)}"
    is_list = value.startswith("[") and value.endswith("]")
    if not is_list and re.search(r"[ ,][a-z][\w./]*=", value):
        return f"{message} (each key is a word of its own, with a blank before it)"
    for opening, closing in ("()", "[]", "{}", "''", '""'):
        same = opening == closing
        if value.count(opening) % 2 if same else value.count(opening) != value.count(closing):
            return f"{message} ({opening} and {closing} must come in pairs)"
    if value.startswith(",") or value.endswith(",") or ",," in value:
        return f"{message} (nothing stands before or behind a comma)"
    if len(word) > 100 or not word.isprintable():
        return message
    if value.startswith("~/"):
        value = str(Path(value).expanduser())
    quoted = f"{key}=[{','.join(map(_quoted, value[1:-1].split(',')))}]" if is_list else override_word(key, value)
    if not accepted(quoted):
        return message
    kind = "text" if is_list else "value"
    return f"{message} (a {kind} with such characters stands in quotes of its own: {shlex.quote(quoted)})"


def _quoted(item: str) -> str:
    """Quote an item of a list, unless Hydra reads it as it is."""
    try:
        OverridesParser.create().parse_override(f"item={item}")
    except HydraException:
        return override_word("", item.strip())[1:]
    return item


def accepted(word: str, folders: Sequence[Path] = ()) -> bool:
    """Return whether a word would be taken, as far as that can be told before anything is composed."""
    try:
        override = OverridesParser.create().parse_override(word)
        check_key(word, override)
        check_group(word, override, folders)
        check_hydra(word, override)
    except (HydraException, InputError):
        return False
    name, value = str(override.key_or_group), override.value()
    if name in CHOSEN or "/" in name or override.is_sweep_override():
        return name in CHOSEN or "/" in name or name.partition(".")[0] in _FIELDS
    for part in reversed(name.split(".")):
        value = {part: value}
    schema = {"hydra": HydraConf} if name.startswith("hydra.") else Config
    try:
        OmegaConf.merge(OmegaConf.structured(schema), value)
    except OmegaConfBaseException:
        return False
    return True


def _meant(word: str) -> str:
    """Suggest the group of which a word is an option, or what ``key: value`` means."""
    if word in ("help", "version"):
        return f"; did you mean '--{word}'?"
    if word in COMMANDS:
        return f"; did you mean 'python -m ofa_bench.{word}'?"
    groups = [group for group in CHOSEN if word in options_of_group(group)]
    key, colon, value = word.partition(":")
    meant = f"{groups[0]}={word}" if groups else override_word(key.strip(), value.strip()) if colon else ""
    return did_you_mean(meant) if len(word) < 100 else ""


def did_you_mean(word: str, folders: Sequence[Path] = ()) -> str:
    """Return ``"; did you mean '<word>'?"`` as it can be pasted, or an empty string where it would be refused."""
    if not word or not accepted(word, folders):
        return ""
    pasted = shlex.quote(word)
    return f"; did you mean {pasted if pasted[0] == QUOTE else QUOTE + pasted + QUOTE}?"


def launcher_hint(group: str, option: str) -> str:
    """Describe how to install the launcher that an option names; an empty string if it is none that we know."""
    return installs(option) if group == "hydra/launcher" and option in EXTRAS else ""


def installs(launcher: str) -> str:
    """Describe how to install a launcher, or the plugin of several that it names."""
    extra = next(EXTRAS[option] for option in EXTRAS if option.startswith(launcher))
    return f"needs a package that is not installed; pip install 'ofa_bench[{extra}]'"


def check_key(word: str, override: Override) -> None:
    """Check that a key is no group inside a group, no place in a list, and none that a typed group does not have.

    Raises:
        InputError: it is.
    """
    name = override.key_or_group
    if len(name) > LONG:
        raise InputError(f"{name}: no such key")
    group, _, inner = name.partition("/")
    if inner and group in CHOSEN and not (conf_dir() / name).is_dir():
        raise InputError(f"{word}: no such group; an option is chosen by {group}=<option>, a key set by {group}.<key>=")
    place = re.search(r"\.\d+(\.|$)", name)
    if place:
        key = name[: place.start()]
        raise InputError(f"{word}: no such key; a list is given as a whole: {key}=[...]")
    group, _, key = name.partition(".")
    if group in TYPED and key and key not in (allowed := [field.name for field in fields(TYPED[group])]):
        raise InputError(f"{name}: no such key; allowed: {', '.join(allowed)}{suggest_key(name, allowed, given=word)}")


def check_group(word: str, override: Override, folders: Sequence[Path] | None) -> None:
    """Check that what is chosen of a group are names of its options; with folders None there may be more of these.

    Raises:
        InputError: something is not.
    """
    group, value = override.key_or_group, override.value()
    if group not in CHOSEN or override.package is not None or isinstance(value, Glob):
        return
    if word.startswith("+") and (folders is None or accepted(word.lstrip("+"), folders)):
        raise InputError(f"{word}: {group} has an option already; write {word.lstrip('+')}")
    options = options_of_group(group, folders or ())
    for one in value.list if isinstance(value, ChoiceSweep) else [value]:
        name = one.text if isinstance(one, QuotedString) else one
        if isinstance(name, list) and group == "experiment" and len(name) > 1:
            continue  # several at once, which Hydra composes
        if not isinstance(name, str):
            keys = f" (its keys are set one by one, as {group}.<key>=)" if isinstance(name, dict) else ""
            there = f"there are {', '.join(options)}{_hint(group, name)}"
            raise InputError(f"{word}: must be the name of an option{keys}; {there}")
        if name not in options and folders is not None and not _other_sources():
            raise no_such_option(group, name, options)


def _hint(group: str, value: object) -> str:
    """Describe how that is given which was given in place of an option's name; an empty string if nothing is meant."""
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return f"; several are swept: -m {group}={','.join(value)}"
    if isinstance(value, int | float) and not isinstance(value, bool) and group == "budget":
        return f"; generations are set by budget.generations={value}"
    return "; numbers are given as targets=[20,30]" if group == "targets" and isinstance(value, RangeSweep) else ""


def _other_sources() -> bool:
    """Return whether an installed plugin of Hydra brings options of its own."""
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    return any(not found.__module__.startswith("hydra.") for found in Plugins.instance().discover(SearchPathPlugin))


def check_hydra(word: str, override: Override) -> None:
    """Check those of Hydra's own keys about which it would say little.

    Raises:
        InputError: a value is not allowed.
    """
    key, value = override.key_or_group, override.value()
    if key == "hydra":
        raise InputError(f"{word}: its keys are set one by one, as hydra.<key>=")
    if isinstance(value, str) and launcher_hint(key, value):
        package = value.partition("_")[0]
        if not _installed(f"hydra_plugins.hydra_{package}_launcher"):
            raise InputError(f"{word}: {launcher_hint(key, value)}")
    if key == "hydra.sweeper.max_batch_size" and isinstance(value, int) and value < 1:
        raise InputError(f"{word}: must be 1 or more")
    if key == "hydra.launcher.n_jobs" and value == 0:
        raise InputError(f"{word}: must be 1 or more, or -1 for all cores")
    if key.startswith("hydra.sweeper.params"):
        raise InputError(f"{word}: is for configs; on the command line, -m and lists separated by commas sweep")
    if key == "hydra.searchpath" and isinstance(value, list):
        for place in map(str, value):
            if not _is_source(place):
                raise InputError(f"{key}: {place} is neither a folder nor pkg://<an installed package>")


def _is_source(place: str) -> bool:
    """Return whether configs can be looked for at a place; one with a scheme that only a plugin knows is believed."""
    scheme, separator, name = place.partition("://")
    if not separator or scheme == "file":
        return Path(name or place).expanduser().is_dir()
    return scheme != "pkg" or _installed(name)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # of a package that the module would be in
        return False


def sweep_size(word: str, override: Override) -> int:
    """Count the values of a sweep.

    Raises:
        InputError: there are none, or one twice, or they cannot be counted.
    """
    value, group = override.value(), override.key_or_group
    if isinstance(value, IntervalSweep):
        raise InputError(f"{word}: an interval cannot be swept; give values, separated by commas, or range(...)")
    if isinstance(value, Glob):
        if group not in CHOSEN:
            raise InputError(f"{word}: glob lists the options of a group, and {group} is none")
        return 1
    if isinstance(value, RangeSweep):
        try:
            size = sum(1 for _ in islice(value.range(), VALUES))
        except ValueError as error:
            raise InputError(f"{word}: {error}") from error
        if not size:
            raise InputError(f"{word}: a range without any value")
        return size
    values = value.list if isinstance(value, ChoiceSweep) else []
    names = [str(one.text if isinstance(one, QuotedString) else one) for one in values]
    seen = set[str]()
    for name in names:
        if name in seen:
            raise InputError(f"{word}: {name} is given twice")
        seen.add(name)
    return len(names)
