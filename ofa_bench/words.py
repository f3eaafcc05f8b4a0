"""Says what went wrong in one line that names the key, what is allowed and the nearest valid one."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from hydra.errors import (
    CompactHydraException,
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ofa_bench.errors import InputError, suggestion

__all__ = ["TRACEBACK", "ending", "explain", "heed_full_error", "options_and_folders", "options_of", "say", "show_help"]

TRACEBACK = "OFA_BENCH_TRACEBACK"
"""Environment variable that carries the user's ``HYDRA_FULL_ERROR=1`` into every process."""


_KINDS = {"Integer": "a whole number", "Float": "a number", "bool": "true or false"}

_CANNOT_WRITE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOSPC,
)


def explain(error: BaseException) -> tuple[str, int]:
    """Give one line and an exit code: 2 for bad input, 1 for anything else."""
    cause = error.__cause__
    for ours in (error, cause):  # Hydra wraps what its resolvers and targets raise
        if isinstance(ours, InputError):
            return _line(str(ours)), 2
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_option(error), 2
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        return _omegaconf(cause), 2
    if isinstance(error, OmegaConfBaseException):
        return _omegaconf(error), 2
    if isinstance(error, OverrideParseException):
        return f"'{error.override}': not of the form key=value ({error.message.splitlines()[0]})", 2
    if isinstance(error, CompactHydraException) and "Ambiguous value for argument" in str(error):
        return f"{str(error).splitlines()[0]}: several options are a sweep, put -m before them", 2
    if isinstance(error, HydraException):
        return _line(str(error)), 2
    if isinstance(error, ValueError) and str(error).startswith("Config group override"):
        return _line(str(error)), 2
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        return f"output: {error.filename} cannot be written ({error.strerror})", 2
    return f"{type(error).__name__}: {_line(str(error))} (HYDRA_FULL_ERROR=1 shows where)", 1


def say(error: BaseException, where: str = "") -> int:
    """Print one line (after a traceback, if the user asked for it) and give the exit code."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    line, code = explain(error)
    print(f"ofa_bench: {where}{line}", file=sys.stderr)
    return code


def heed_full_error() -> None:
    """Show tracebacks, in this process and those that it starts, where the user has set ``HYDRA_FULL_ERROR=1``."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        os.environ[TRACEBACK] = "1"


Options = TypeVar("Options")


def options_of(kind: type[Options], words: Sequence[str]) -> Options:
    """Read ``key=value`` words into a dataclass of options, each value checked against its type."""
    options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), OmegaConf.from_cli(list(words))))
    assert isinstance(options, kind)
    return options


def options_and_folders(kind: type[Options], words: Sequence[str]) -> tuple[Options, list[str]]:
    """Read ``key=value`` words into a dataclass of options, and the other words, which name folders.

    Raises:
        InputError: a word looks like an option and is none.
    """
    keys = list(OmegaConf.structured(kind))
    for word in words:
        key, equals, _ = word.partition("=")
        if equals and key.isidentifier() and key not in keys:
            raise InputError(f"{key}: no such key; allowed: {', '.join(keys)}, and folders{suggestion(key, keys)}")
    given = [word for word in words if word.partition("=")[0] in keys and "=" in word]
    return options_of(kind, given), [word for word in words if word not in given]


@contextmanager
def ending() -> Iterator[None]:
    """End the process where something is raised: 130 for an interrupt, else a line and its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sys.exit(say(error))


def show_help(text: str | None, options: object) -> None:
    """Print a module's text and its options with their defaults, and exit, where the command line asks for help."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        defaults = "\n".join(f"  {key}={value}" for key, value in vars(options).items())
        print(f"{text}\nDefaults:\n{defaults}")
        sys.exit(0)


def _missing_option(error: MissingConfigException) -> str:
    place = str(error.missing_cfg_file)
    group, _, option = place.partition("/") if place.startswith("device/") else place.rpartition("/")
    options = list(error.options or [])
    if not options:
        return str(error).splitlines()[0]
    near = suggestion(option, options)
    if group == "device":
        known = ", ".join(options)
        return f"device={option}: no such option, file or folder; there are {known}, or the path of a table{near}"
    return f"{group}={option}: no such option; there are {', '.join(options)}{near}"


def _omegaconf(error: OmegaConfBaseException) -> str:
    full, parent = str(error.full_key or error.key), error.parent_node
    message = (error.msg or str(error)).splitlines()[0]
    ours = message.partition(f"{InputError.__name__} raised while resolving interpolation: ")[2]
    if ours:  # of our resolver of addresses
        return ours
    if "is not in struct" in message or re.match(r"Key '.*' not in", message):
        if full.startswith("strategy.") and any(re.match(r"strategy=.*,", word) for word in sys.argv):
            return f"{full}: not a key of every strategy; in a sweep over strategies, ++ stands before it: ++{full}"
        keys = [str(key) for key in parent if key != "hydra"] if isinstance(parent, DictConfig) else []
        name = str(error.key)
        return f"{full}: no such key; allowed: {', '.join(keys)}{suggestion(name, keys)}"
    wrong = re.match(r"Value '(.*)' (?:of type .* could not be converted to|is not a valid) (\w+)", message)
    if wrong:
        return f"{full}={wrong[1]}: must be {_KINDS.get(wrong[2], wrong[2])}"
    if "is not a ListConfig, list or tuple" in message:
        return f"{full}: must be a list, such as [25]"
    return f"{full}: {message}"


def _line(text: str) -> str:
    return " ".join(text.split())
