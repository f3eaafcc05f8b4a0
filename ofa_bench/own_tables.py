"""A user's own cost table on the command line: the path in ``device=<path>`` becomes an option of the group."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString, Transformer
from hydra.errors import HydraException

from ofa_bench.errors import InputError
from ofa_bench.overrides import options_of_group

__all__ = ["with_own_tables"]

KEY = "device="


def with_own_tables(arguments: Sequence[str]) -> list[str]:
    """Give the command's arguments with the name of an option in place of each path of a table.

    A path is one that exists: of a JSON file or of a folder of ``<space>.json``. Its last part is the name, also in
    the address of results. What is an option already stays that option.

    Raises:
        InputError: the name is that of an option, or of another table in the same command.
    """
    tables = _OwnTables(_options(arguments))
    return [KEY + tables.named(text.removeprefix(KEY)) if text.startswith(KEY) else text for text in arguments]


def _options(arguments: Sequence[str]) -> set[str]:
    """List the options of the group: the package's and those of the folder given by ``--config-dir``."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config-dir", "-cd")
    try:
        given = parser.parse_known_args(list(arguments))[0].config_dir
    except argparse.ArgumentError:  # no folder behind it, which is said later
        given = None
    return set(options_of_group("device", [Path(given)] if given else [], registered=False))


class _OwnTables:
    """The tables of one command, by their names."""

    def __init__(self, options: set[str]) -> None:
        self._options = options
        self._paths: dict[str, Path] = {}

    def named(self, text: str) -> str:
        """Replace what is a path in the text behind ``device=``: one value or a list of them."""
        whole = self._option(text)
        if whole:
            return whole
        value = _parsed(text)
        if not isinstance(value, ChoiceSweep):
            return self._option("" if value is None else str(value)) or text
        found = [self._option(item.text if isinstance(item, QuotedString) else str(item)) for item in value.list]
        if not any(found):
            return text
        return ",".join(name or Transformer.str(item) for name, item in zip(found, value.list, strict=True))

    def _option(self, text: str) -> str | None:
        """Register the option that stands for a path and give its name; None if the text is no path."""
        path = _existing(text)
        if path is None or text in self._options:
            return None
        name = re.sub(r"[^\w.+-]", "_", path.name if path.is_dir() else path.stem).strip(".") or "table"
        if name in self._options:
            raise InputError(f"device={text}: there is an option {name} already; rename this file or folder")
        if self._paths.setdefault(name, path) != path:
            raise InputError(f"device={text}: would be called {name}, as {self._paths[name]} is; rename one of them")
        # Relative where it can be, so that records stay valid where the folder that holds all is moved.
        device = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        node = {"_target_": "ofa_bench.predictors.latency_table", "device": str(device), "guard_band": False}
        ConfigStore.instance().store(name=name, group="device", node=node)
        return name if _parsed(name) == name else f"'{name}'"


def _parsed(text: str) -> object:
    """Give what Hydra understands by the text behind ``device=``; None if nothing, which it says later."""
    try:
        return OverridesParser.create().parse_override(KEY + text).value()
    except HydraException:
        return None


def _existing(text: str) -> Path | None:
    """Give the absolute path of a file or folder that exists, or None; links keep their names."""
    try:
        path = Path(os.path.normpath(Path.cwd() / Path(text).expanduser()))
        return path if text and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, no such user's home, a null character
        return None
