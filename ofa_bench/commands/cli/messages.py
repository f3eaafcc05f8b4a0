"""Prints errors as one line that names the key, what is allowed and the nearest valid value."""

import errno
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.groups import CHOSEN
from ofa_bench.commands.cli.overrides import not_an_override
from ofa_bench.commands.cli.streams import ignore_broken_pipe
from ofa_bench.config.config_errors import explain_config_error, explain_hydra_error
from ofa_bench.config.importing import user_line
from ofa_bench.errors import InputError, no_such_option

__all__ = ["TRACEBACK", "allow_tracebacks", "exit_on_error", "explain", "report_error", "show_logs"]

TRACEBACK = "OFA_BENCH_TRACEBACK"
"""Environment variable that carries the user's ``HYDRA_FULL_ERROR=1`` into every process."""

MAX_CHARS = 380
"""The length of the longest message; the middle of a longer one is left out."""

_UNWRITABLE = "EACCES EPERM EROFS ENOENT ENOTDIR EEXIST EISDIR ENOSPC EDQUOT EFBIG ENAMETOOLONG ELOOP EIO"


def explain(error: BaseException, key: str = "output") -> tuple[str, int]:
    """Return one line and an exit code: 2 for bad input, 1 for anything else; ``key`` names the output folder."""
    line, code = _explain(error, key)
    return _shorten(line), code


def _explain(error: BaseException, key: str) -> tuple[str, int]:
    cause: BaseException | None = error
    while cause:  # Hydra and OmegaConf wrap what their resolvers and targets raise
        if isinstance(cause, InputError):
            return str(cause), 2
        if isinstance(cause, OmegaConfBaseException) and not isinstance(cause.__context__, InputError):
            return explain_config_error(cause, sys.argv[1:]), 2
        if not isinstance(cause, HydraException | OmegaConfBaseException):
            break
        cause = cause.__cause__ or (cause.__context__ if isinstance(cause, OmegaConfBaseException) else None)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_option(error), 2
    if isinstance(error, OverrideParseException):
        return not_an_override(error.override), 2
    frames = list(traceback.walk_tb(error.__traceback__))
    by_hydra = bool(frames) and str(frames[-1][0].f_globals.get("__name__", "")).startswith("hydra.")
    if isinstance(error, HydraException) or (isinstance(error, ValueError) and by_hydra):
        return explain_hydra_error(error), 2
    if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _UNWRITABLE.split():
        place = f" {str(error.filename)[:200]}" if error.filename else ""  # a full disk has no file name
        return f"{key}:{place} cannot be written ({error.strerror})", 2
    if isinstance(error, MemoryError):
        return f"out of memory ({error}); use a smaller population or fewer targets or repeats", 1
    line = user_line(error)
    where = f"{line}; HYDRA_FULL_ERROR=1 shows all" if line else "HYDRA_FULL_ERROR=1 shows where"
    return f"{type(error).__name__}: {error} ({where})", 1


def _missing_option(error: MissingConfigException) -> str:
    place = str(error.missing_cfg_file)
    group, _, option = place.partition("/") if place.partition("/")[0] in CHOSEN else place.rpartition("/")
    return str(no_such_option(group, option, error.options)) if error.options else str(error).splitlines()[0]


def report_error(error: BaseException, where: str = "", key: str = "output") -> int:
    """Print one line, after a traceback if the user asked for it, and return the exit code."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    line, code = explain(error, key)
    print(f"ofa_bench: {where}{line}", file=sys.stderr)
    return code


class _Lines(logging.Handler):
    """Prints each log message as a line of the command, followed by the message of its error."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            print(f"ofa_bench: {record.getMessage()}", file=sys.stderr, flush=True)
        else:
            report_error(error, f"{record.getMessage()}: ")


def show_logs() -> None:
    """Print the log messages of the package in this process."""
    logger = logging.getLogger("ofa_bench")
    if not any(isinstance(handler, _Lines) for handler in logger.handlers):
        logger.addHandler(_Lines())
        logger.setLevel(logging.INFO)
        logger.propagate = False


def allow_tracebacks() -> None:
    """Show tracebacks, in this process and in those that it starts, if the user has set ``HYDRA_FULL_ERROR=1``."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        os.environ[TRACEBACK] = "1"


@contextmanager
def exit_on_error(key: str = "out", interrupted: str = "") -> Iterator[None]:
    """Exit if an error is raised: with 130 after an interrupt, else with a message and its exit code.

    Args:
        key: the option that names the output folder, for errors of writing.
        interrupted: what is kept after an interrupt.
    """
    interrupts.install_handlers()
    show_logs()
    try:
        with ignore_broken_pipe():
            yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, Exception) and interrupts.arrived()):
            if interrupted:
                print(f"ofa_bench: interrupted; {interrupted}", file=sys.stderr)
            sys.exit(interrupts.EXIT_CODE)
        if isinstance(error, Exception):
            sys.exit(report_error(error, key=key))
        raise


def _shorten(text: str) -> str:
    """Return a text as one printable line of at most ``MAX_CHARS`` characters."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in " ".join(text.split()))
    if len(line) > MAX_CHARS:  # long paths first, so that the reason stays
        line = re.sub(r"\S{121,}", lambda word: f"{word[0][:60]}...{word[0][-40:]}", line)
    return line if len(line) <= MAX_CHARS else f"{line[:200]} ... {line[-170:]}"
