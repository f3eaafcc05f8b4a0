"""Runs a command: its help, its options, what it prints, and its exit code are the same work for all."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from ofa_bench.commands.cli import interrupts
from ofa_bench.commands.cli.messages import allow_tracebacks, exit_on_error
from ofa_bench.commands.cli.options import read_words
from ofa_bench.commands.cli.registry import COMMANDS
from ofa_bench.commands.cli.streams import ignore_broken_pipe

__all__ = ["call", "run_command"]


def run_command(name: str, words: Sequence[str]) -> None:
    """Run a command and end the process. Exit codes: 0 done, 1 something failed, 2 bad input, 130 interrupted.

    A module with a ``main`` of its own reads its words itself. Any other has a dataclass ``Options`` (or chooses one of
    several with ``options_for(words)``) and ``run(options, others)``, which returns what is printed: a line or lines.
    """
    sys.argv[1:] = words
    module, command = import_module(f"ofa_bench.commands.{name}"), COMMANDS[name]
    allow_tracebacks()
    if hasattr(module, "main"):
        module.main()
        return
    if (command.needed and not words) or {"-h", "--help"} & set(words):
        _show_help(name, words)
    with exit_on_error(interrupted=command.kept):
        found = call(name, words)
        for line in found if isinstance(found, Iterator) else [found]:
            print(line, flush=True)
    sys.exit(interrupts.EXIT_CODE if interrupts.arrived() else 0)


def call(name: str, words: Sequence[str]) -> Any:
    """Return what a command returns for its words.

    Raises:
        InputError: a word is not allowed.
    """
    module = import_module(f"ofa_bench.commands.{name}")
    return module.run(*read_words(_options_of(module, words), words, COMMANDS[name].takes))


def _options_of(module: ModuleType, words: Sequence[str]) -> Any:
    """Return the dataclass of a command's options."""
    return module.options_for(words) if hasattr(module, "options_for") else module.Options


def _show_help(name: str, words: Sequence[str]) -> NoReturn:
    """Print a module's docstring and its options with their defaults; exit with 2 where nobody asked for it."""
    module = import_module(f"ofa_bench.commands.{name}")
    defaults = "".join(f"\n  {key}={value}" for key, value in vars(_options_of(module, words)()).items())
    with ignore_broken_pipe():
        print((module.__doc__ or "").replace("``", "") + (f"\nDefaults:{defaults}" if defaults else ""))
    if not words:
        print(f"ofa_bench: give {COMMANDS[name].needed}", file=sys.stderr)
    sys.exit(0 if words else 2)
