"""Says what went wrong in one line that names the key, what is allowed and the nearest valid one."""

import dataclasses
import errno
import logging
import os
import re
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_type_hints

from hydra.errors import (
    CompactHydraException,
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.options import (
    check_folder,
    ignore_broken_pipe,
    options_and_folders,
    options_of,
    show_help,
    show_version,
)
from ofa_bench.commands.cli.overrides import accepted, installs, launcher_hint, not_an_override
from ofa_bench.commands.cli.surroundings import check_texts
from ofa_bench.config.importing import user_line
from ofa_bench.config.keys import suggest_key
from ofa_bench.config.schema import NO_RESULT, EvolutionConfig, conf_dir
from ofa_bench.config.shell import override
from ofa_bench.errors import InputError, no_such_option

__all__ = [
    "TRACEBACK",
    "allow_tracebacks",
    "check_folder",
    "exit_on_error",
    "explain",
    "ignore_broken_pipe",
    "options_and_folders",
    "options_of",
    "report_error",
    "show_help",
    "show_logs",
    "show_version",
]

TRACEBACK = "OFA_BENCH_TRACEBACK"
"""Environment variable that carries the user's ``HYDRA_FULL_ERROR=1`` into every process."""

MAX_CHARS = 380
"""The longest line; of a longer one the middle is left out."""

EVOLUTION = [one.name for one in dataclasses.fields(EvolutionConfig)]

_KINDS = {
    "Integer": "a whole number",
    "Float": "a number",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
}

_CANNOT_WRITE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EIO,
)


def explain(error: BaseException, key: str = "output") -> tuple[str, int]:
    """Return one line and an exit code: 2 for bad input, 1 for anything else; ``key`` names the folder written to."""
    line, code = _explained(error, key)
    return _line(line), code


def _explained(error: BaseException, key: str) -> tuple[str, int]:
    cause = error.__cause__
    for ours in (error, cause):  # Hydra wraps what its resolvers and targets raise
        if isinstance(ours, InputError):
            return str(ours), 2
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_option(error), 2
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        return _omegaconf(cause), 2
    if isinstance(error, OmegaConfBaseException):
        return _omegaconf(error), 2
    if isinstance(error, OverrideParseException):
        return not_an_override(error.override), 2
    if isinstance(error, CompactHydraException) and "Ambiguous value for argument" in str(error):
        return _several(str(error).splitlines()[0]), 2
    if isinstance(error, HydraException) or (isinstance(error, ValueError) and _of_hydra(error)):
        return str(error), 2
    if isinstance(error, KeyError) and _of_hydra(error, "os"):
        return f"hydra.job.env_copy: there is no environment variable {error.args[0]}", 2
    plugin = re.match(r"Unknown plugin class : 'hydra_plugins\.hydra_(joblib|ray|submitit)_launcher\b", str(error))
    if plugin:  # a config of ours, of a plugin that is not there
        return f"hydra/launcher: hydra_{plugin[1]}_launcher {installs(plugin[1])}", 2
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        place = f" {str(error.filename)[:200]}" if error.filename else ""  # what is full has no name
        return f"{key}:{place} cannot be written ({error.strerror})", 2
    if isinstance(error, RecursionError) and _parses(error):
        return "what was given, or a file of the configuration, is nested too deeply", 2
    if isinstance(error, MemoryError):
        return f"out of memory ({error}); make populations, targets or repeats fewer", 1
    line = user_line(error)
    where = f"{line}; HYDRA_FULL_ERROR=1 shows all" if line else "HYDRA_FULL_ERROR=1 shows where"
    return f"{type(error).__name__}: {error} ({where})", 1


def _of_hydra(error: BaseException, called: str = "") -> bool:
    """Return whether it was Hydra's own code that raised an error, or a module that it called."""
    frames = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    if called and frames and frames[-1] == called:
        frames.pop()
    return bool(frames) and frames[-1].startswith("hydra.")


def _parses(error: BaseException) -> bool:
    """Return whether an error arose below a parser of what people give."""
    frames = (str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(name.partition(".")[0] in ("yaml", "hydra", "omegaconf", "antlr4", "json") for name in frames)


def report_error(error: BaseException, where: str = "", key: str = "output") -> int:
    """Print one line (after a traceback, if the user asked for it) and give the exit code."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    line, code = explain(error, key)
    print(f"ofa_bench: {where}{line}", file=sys.stderr)
    return code


class _Lines(logging.Handler):
    """Prints what is logged as a line of the command's own, with what an error is in words behind it."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            print(f"ofa_bench: {record.getMessage()}", file=sys.stderr, flush=True)
        else:
            report_error(error, f"{record.getMessage()}: ")


def show_logs() -> None:
    """Print what the package's modules log, from here on, in this process."""
    logger = logging.getLogger("ofa_bench")
    if not any(isinstance(handler, _Lines) for handler in logger.handlers):
        logger.addHandler(_Lines())
        logger.setLevel(logging.INFO)
        logger.propagate = False


def allow_tracebacks() -> None:
    """Show tracebacks, in this process and those that it starts, where the user has set ``HYDRA_FULL_ERROR=1``."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        os.environ[TRACEBACK] = "1"


@contextmanager
def exit_on_error(key: str = "out", interrupted: str = "") -> Iterator[None]:
    """End the process where something is raised: 130 for an interrupt, else a line and its exit code.

    Args:
        key: names the folder that is written to, where that fails.
        interrupted: what to say of an interrupt.
    """
    interrupts.install_handlers()
    show_logs()
    try:
        with ignore_broken_pipe():
            check_texts()
            yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, Exception) and interrupts.arrived()):
            if interrupted:
                print(f"ofa_bench: interrupted; {interrupted}", file=sys.stderr)
            sys.exit(interrupts.EXIT_CODE)
        if isinstance(error, Exception):
            sys.exit(report_error(error, key=key))
        raise


def _several(said: str) -> str:
    """Describe what is meant where values are separated by commas, but nothing is swept."""
    key, _, value = said.partition("'")[2].rpartition("'")[0].partition("=")
    texts = override(key, value)
    if key in NO_RESULT and accepted(texts):
        return f"{said}: a value with commas stands in quotes of its own: {shlex.quote(texts)}"
    if not accepted(f"{key}={value.partition(',')[0]}") and accepted(f"{key}=[{value}]"):
        return f"{said}: is one list: {key}=[{value}]"
    return f"{said}: several options are a sweep, put -m before them"


def _missing_option(error: MissingConfigException) -> str:
    place = str(error.missing_cfg_file)
    group, _, option = place.partition("/") if place.startswith("device/") else place.rpartition("/")
    hint = launcher_hint(group, option)
    options = list(error.options or [])
    if hint:
        return f"{group}={option}: {hint}"
    return str(no_such_option(group, option, options)) if options else str(error).splitlines()[0]


def _omegaconf(error: OmegaConfBaseException) -> str:
    full, parent = str(error.full_key or error.key), error.parent_node
    message = (error.msg or str(error)).splitlines()[0]
    ours = message.partition(f"{InputError.__name__} raised while resolving interpolation: ")[2]
    if ours:  # of our resolver of addresses
        return ours
    if "is not in struct" in message or re.match(r"Key '.*' not in", message):
        return _no_such_key(full, parent)
    if full.startswith("hydra.") and ("nterpolation" in message or "mandatory" in message):
        return _unresolved(full, message)
    if "mandatory value" in message:
        return f"{full}: choose an option of the group ({full}=<option>)"
    if re.search(r"is not Optional|Incompatible value 'None'|NoneType is not a subclass", message):
        return f"{full}=null: must be {_kind(error)}"
    wrong = re.match(r"Value '(.*)' (?:of type .* could not be converted to|is not a valid) (\w+)", message)
    if wrong:
        return f"{full}={wrong[1]}: must be {_KINDS.get(wrong[2], wrong[2])}"
    text = re.match(r"Cannot convert '\w+' to string: '(.*)'", message)
    if text:
        return f"{full}={text[1]}: must be a text"
    if "is not a ListConfig, list or tuple" in message or "Cannot merge DictConfig with ListConfig" in message:
        return (
            f"{full}: must be a list, such as [25]" if full.startswith("targets.") else f"{full}: must be a list, [...]"
        )
    return f"{full}: {message}"


def _no_such_key(full: str, parent: object) -> str:
    name = full.rpartition(".")[2]
    if full.startswith("strategy.evolution.") and name in EVOLUTION:
        return f"{full}: no such key; strategy.evolution is evolution: {full.removeprefix('strategy.')}="
    if full.startswith("strategy.") and name in _keys_of_swept_strategies():
        return f"{full}: not a key of every strategy; in a sweep over strategies, ++ stands before it: ++{full}"
    keys = [str(key) for key in parent if key != "hydra"] if isinstance(parent, DictConfig) else []
    given = next((word for word in sys.argv[1:] if word.startswith(f"{full}=")), "")
    meant = suggest_key(full, keys, config=parent._get_root() if isinstance(parent, DictConfig) else None, given=given)
    return f"{full}: no such key; allowed: {', '.join(keys) or 'none'}{meant}"


def _keys_of_swept_strategies() -> set[str]:
    """List the keys that at least one of the package's strategies has which the command sweeps over."""
    names = [name for word in sys.argv if re.match(r"strategy=.*,", word) for name in word.partition("=")[2].split(",")]
    files = [conf_dir() / "strategy" / f"{name}.yaml" for name in names]
    return {str(key) for file in files if file.is_file() for key in OmegaConf.load(file)}


def _unresolved(full: str, message: str) -> str:
    """Name the word of the command by which one of Hydra's own keys, such as the output folder, has no value."""
    message = message.partition(" while resolving interpolation: ")[2] or message
    given = [word for word in sys.argv[1:] if re.search(r"=.*(\$\{|\?\?\?)", word)]
    lacking = re.match(r"Interpolation key '(\w+)' not found", message)
    if lacking and not given:
        return f"{lacking[1]}: is needed, and cannot be taken out"
    return f"{given[0] if given else full}: {message}"


def _kind(error: OmegaConfBaseException) -> str:
    """Describe what a key of a dataclass, or of a list, must hold."""
    kind = error.ref_type
    if dataclasses.is_dataclass(error.object_type):
        kind = get_type_hints(error.object_type).get(str(error.key), kind)
    if str(kind).startswith("list") and not isinstance(error.key, int):
        return "a list, [...]"
    found = None if "Dict" in str(kind) else re.search(r"int|float|bool|str", str(kind))
    return _KINDS[found[0]] if found else "set"


def _line(text: str) -> str:
    """Put a text on one line that can be printed and read: no control characters, and not too long."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in " ".join(text.split()))
    if len(line) > MAX_CHARS:
        line = re.sub(r"\S{121,}", lambda word: f"{word[0][:60]}...{word[0][-40:]}", line)
    return line if len(line) <= MAX_CHARS else f"{line[:200]} ... {line[-170:]}"
