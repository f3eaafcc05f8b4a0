"""Runs a command: shows its help, reads its options, prints what it returns and sets the exit code."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import allow_tracebacks, exit_on_error
from ofa_bench.commands.cli.options import read_arguments
from ofa_bench.commands.cli.registry import COMMANDS, Command
from ofa_bench.commands.cli.streams import ignore_broken_pipe
from ofa_bench.errors import InputError

__all__ = ["call", "run_command", "run_module"]


def run_command(name: str, arguments: Sequence[str]) -> None:
    """Run a command and end the process. Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted.

    The module of ``ofa_bench run`` has its own ``main``. Any other module has a dataclass ``Options`` (or a function
    ``options_for(arguments)`` that chooses one) and ``run(options, others)``; or ``run(arguments)``, if the command
    takes any arguments. What ``run`` returns is printed: one line, or an iterator of lines.
    """
    sys.argv[1:] = arguments
    with exit_on_error():
        _check_text(arguments)
    module = import_module(f"ofa_bench.commands.{name}")
    allow_tracebacks()
    if hasattr(module, "main"):
        module.main()
    else:
        run_module(module, arguments, COMMANDS[name])


def _check_text(arguments: Sequence[str]) -> None:
    """Raise InputError if the working directory or an argument has bytes that are not text: records name them."""
    with contextlib.suppress(OSError):  # a directory that is gone fails where something is written
        arguments = [*arguments, str(Path.cwd())]
    for text in arguments:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            shown = text.encode(errors="backslashreplace").decode()
            encoding = sys.getfilesystemencoding()
            hint = "" if encoding == "utf-8" else f"the encoding of this locale is {encoding}: set PYTHONUTF8=1, or "
            raise InputError(f"{shown[:200]}: has bytes that are not text; {hint}rename it") from error


def run_module(module: ModuleType, arguments: Sequence[str], command: Command) -> NoReturn:
    """Run a module with ``Options`` and ``run``, as ``run_command`` does."""
    if (command.needed and not arguments) or {"-h", "--help"} & set(arguments):
        _show_help(module, arguments, command.needed)
    with exit_on_error(interrupted=command.kept):
        found = call(module, arguments, command)
        for line in found if isinstance(found, Iterator) else [] if found is None else [found]:
            print(line, flush=True)
    sys.exit(interrupts.EXIT_CODE if interrupts.arrived() else 0)


def call(module: ModuleType, arguments: Sequence[str], command: Command) -> Any:
    """Return what the ``run`` of a module returns for a command's arguments.

    Raises:
        InputError: an argument is not allowed.
    """
    if command.takes == "any":
        return module.run(arguments)
    return module.run(*read_arguments(_options_of(module, arguments), arguments, command.takes))


def _options_of(module: ModuleType, arguments: Sequence[str]) -> Any:
    """Return the dataclass of a command's options."""
    return module.options_for(arguments) if hasattr(module, "options_for") else module.Options


def _show_help(module: ModuleType, arguments: Sequence[str], needed: str) -> NoReturn:
    """Print a module's docstring and its options with their defaults; exit with 2 if help was not asked for."""
    options = vars(_options_of(module, arguments)()) if hasattr(module, "Options") else {}
    defaults = "".join(f"\n  {key}={value}" for key, value in options.items())
    with ignore_broken_pipe():
        print((module.__doc__ or "").replace("``", "") + (f"\nDefaults:{defaults}" if defaults else ""))
    if not arguments:
        print(f"ofa_bench: give {needed}", file=sys.stderr)
    sys.exit(0 if arguments else 2)
