"""Messages of commands: what went wrong, in one line that names the key, what is allowed and the nearest valid one."""

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
from ofa_bench.commands.cli.config_errors import explain_config_error
from ofa_bench.commands.cli.groups import CHOSEN
from ofa_bench.commands.cli.overrides import not_an_override
from ofa_bench.commands.cli.streams import check_texts, ignore_broken_pipe
from ofa_bench.config.importing import user_line
from ofa_bench.errors import InputError, no_such_option

__all__ = ["TRACEBACK", "allow_tracebacks", "exit_on_error", "explain", "report_error", "show_logs"]

TRACEBACK = "OFA_BENCH_TRACEBACK"
"""Environment variable that carries the user's ``HYDRA_FULL_ERROR=1`` into every process."""

MAX_CHARS = 380
"""The longest line; of a longer one the middle is left out."""

_UNWRITABLE = "EACCES EPERM EROFS ENOENT ENOTDIR EEXIST EISDIR ENOSPC EDQUOT EFBIG ENAMETOOLONG ELOOP EIO"


def explain(error: BaseException, key: str = "output") -> tuple[str, int]:
    """Return one line and an exit code: 2 for bad input, 1 for anything else; ``key`` names the folder written to."""
    line, code = _explain(error, key)
    return _shorten(line), code


def _explain(error: BaseException, key: str) -> tuple[str, int]:
    cause: BaseException | None = error
    while cause:  # Hydra and OmegaConf wrap what their resolvers and targets raise
        if isinstance(cause, InputError):
            return str(cause), 2
        if isinstance(cause, OmegaConfBaseException) and not isinstance(cause.__context__, InputError):
            return explain_config_error(cause), 2
        if not isinstance(cause, HydraException | OmegaConfBaseException):
            break
        cause = cause.__cause__ or (cause.__context__ if isinstance(cause, OmegaConfBaseException) else None)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing_option(error), 2
    if isinstance(error, OverrideParseException):
        return not_an_override(error.override), 2
    if isinstance(error, HydraException) or (isinstance(error, ValueError) and _raised_by_hydra(error)):
        return str(error), 2
    if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _UNWRITABLE.split():
        place = f" {str(error.filename)[:200]}" if error.filename else ""  # what is full has no name
        return f"{key}:{place} cannot be written ({error.strerror})", 2
    if isinstance(error, RecursionError) and _raised_by_parser(error):
        return "what was given, or a file of the configuration, is nested too deeply", 2
    if isinstance(error, MemoryError):
        return f"out of memory ({error}); make populations, targets or repeats fewer", 1
    line = user_line(error)
    where = f"{line}; HYDRA_FULL_ERROR=1 shows all" if line else "HYDRA_FULL_ERROR=1 shows where"
    return f"{type(error).__name__}: {error} ({where})", 1


def _missing_option(error: MissingConfigException) -> str:
    place = str(error.missing_cfg_file)
    group, _, option = place.partition("/") if place.partition("/")[0] in CHOSEN else place.rpartition("/")
    return str(no_such_option(group, option, error.options)) if error.options else str(error).splitlines()[0]


def _modules(error: BaseException) -> list[str]:
    """List the modules that an error went through, from the outside in."""
    return [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]


def _raised_by_hydra(error: BaseException) -> bool:
    return bool(modules := _modules(error)) and modules[-1].startswith("hydra.")


def _raised_by_parser(error: BaseException) -> bool:
    return any(name.partition(".")[0] in ("yaml", "hydra", "omegaconf", "antlr4", "json") for name in _modules(error))


def report_error(error: BaseException, where: str = "", key: str = "output") -> int:
    """Print one line (after a traceback, if the user asked for it) and give the exit code."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    line, code = explain(error, key)
    print(f"ofa_bench: {where}{line}", file=sys.stderr)
    return code


class _Lines(logging.Handler):
    """Prints what is logged as a line of the command's own, with the message of an error behind it."""

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
        interrupted: what remains after an interrupt.
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


def _shorten(text: str) -> str:
    """Put a text on one line that can be printed and read: no control characters, and not too long."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in " ".join(text.split()))
    if len(line) > MAX_CHARS:
        line = re.sub(r"\S{121,}", lambda word: f"{word[0][:60]}...{word[0][-40:]}", line)
    return line if len(line) <= MAX_CHARS else f"{line[:200]} ... {line[-170:]}"
