"""Calls a command as the command line does, in this process and without its exit codes."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ofa_bench.commands.cli import main
from ofa_bench.commands.cli.registry import COMMANDS

__all__ = ["call"]


def call(name: str, words: Sequence[str]) -> Any:
    """Return what a command returns for its words."""
    return main.call(import_module(f"ofa_bench.commands.{name}"), words, COMMANDS[name])
