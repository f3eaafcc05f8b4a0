"""A user's own files on the command line: the path in ``device=<path>`` or ``predictor=<path>`` becomes an option."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import ChoiceSweep, QuotedString, Transformer

from ofa_bench.experiment.options import options_of_group
from ofa_bench.experiment.user_files import NODES, UserFiles, parse_value

__all__ = ["with_own_tables"]


def with_own_tables(arguments: Sequence[str]) -> list[str]:
    """Return the command's arguments with the name of an option in place of each path of a table or predictor.

    Raises:
        InputError: the name is that of an option, or of another path of the group in the same command.
    """
    own = {group: UserFiles(group, _options(group, arguments)) for group in NODES}
    words = []
    for word in arguments:
        group, equals, text = word.partition("=")
        words.append(f"{group}={_named(own[group], text)}" if equals and group in own else word)
    return words


def _options(group: str, arguments: Sequence[str]) -> set[str]:
    """List the options of a group: the package's and those of the folder given by ``--config-dir``."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config-dir", "-cd")
    try:
        given = parser.parse_known_args(list(arguments))[0].config_dir
    except argparse.ArgumentError:  # no folder behind it, which is said later
        given = None
    return set(options_of_group(group, [Path(given)] if given else [], registered=False))


def _named(files: UserFiles, text: str) -> str:
    """Replace what is a path in the text behind ``<group>=``: one value or a list of them."""
    whole = files.option(text)
    if whole:
        return whole
    value = parse_value(text)
    if not isinstance(value, ChoiceSweep):
        return files.option("" if value is None else str(value)) or text
    found = [files.option(item.text if isinstance(item, QuotedString) else str(item)) for item in value.list]
    if not any(found):
        return text
    return ",".join(name or Transformer.str(item) for name, item in zip(found, value.list, strict=True))
