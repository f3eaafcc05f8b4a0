"""Runs a command: its help, its options, what it prints, and its exit code are the same work for all."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import allow_tracebacks, exit_on_error
from ofa_bench.commands.cli.options import read_words
from ofa_bench.commands.cli.registry import COMMANDS, Command
from ofa_bench.commands.cli.streams import ignore_broken_pipe

__all__ = ["call", "run_command", "run_module"]


def run_command(name: str, words: Sequence[str]) -> None:
    """Run a command and end the process. Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted.

    The search has a ``main`` of its own. Any other module has a dataclass ``Options`` (or chooses one of several with
    ``options_for(words)``) and ``run(options, others)``, or ``run(words)`` where it takes any words. What ``run``
    returns is printed: a line, or lines.
    """
    sys.argv[1:] = words
    module = import_module(f"ofa_bench.commands.{name}")
    allow_tracebacks()
    if hasattr(module, "main"):
        module.main()
    else:
        run_module(module, words, COMMANDS[name])


def run_module(module: ModuleType, words: Sequence[str], command: Command) -> NoReturn:
    """Run a module with ``Options`` and ``run``, as ``run_command`` does."""
    if (command.needed and not words) or {"-h", "--help"} & set(words):
        _show_help(module, words, command.needed)
    with exit_on_error(interrupted=command.kept):
        found = call(module, words, command)
        for line in found if isinstance(found, Iterator) else [] if found is None else [found]:
            print(line, flush=True)
    sys.exit(interrupts.EXIT_CODE if interrupts.arrived() else 0)


def call(module: ModuleType, words: Sequence[str], command: Command) -> Any:
    """Return what the ``run`` of a module returns for a command's words.

    Raises:
        InputError: a word is not allowed.
    """
    if command.takes == "any":
        return module.run(words)
    return module.run(*read_words(_options_of(module, words), words, command.takes))


def _options_of(module: ModuleType, words: Sequence[str]) -> Any:
    """Return the dataclass of a command's options."""
    return module.options_for(words) if hasattr(module, "options_for") else module.Options


def _show_help(module: ModuleType, words: Sequence[str], needed: str) -> NoReturn:
    """Print a module's docstring and its options with their defaults; exit with 2 where nobody asked for it."""
    options = vars(_options_of(module, words)()) if hasattr(module, "Options") else {}
    defaults = "".join(f"\n  {key}={value}" for key, value in options.items())
    with ignore_broken_pipe():
        print((module.__doc__ or "").replace("``", "") + (f"\nDefaults:{defaults}" if defaults else ""))
    if not words:
        print(f"ofa_bench: give {needed}", file=sys.stderr)
    sys.exit(0 if words else 2)
