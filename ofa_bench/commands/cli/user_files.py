"""Replaces the path in ``device=<path>`` or ``predictor=<path>`` by the name of an option for it."""

from collections.abc import Sequence
from pathlib import Path

from ofa_bench.config.hydra_private import choices_of, read_value, text_of, written
from ofa_bench.experiment.options import options_of_group
from ofa_bench.experiment.user_files import NODES, UserFiles

__all__ = ["name_user_files"]


def name_user_files(overrides: Sequence[str], folders: Sequence[Path] = ()) -> list[str]:
    """Return the overrides with the name of an option in place of each path of a table or predictor.

    Args:
        overrides: of a command.
        folders: of config groups, besides ours.

    Raises:
        InputError: the name is that of an option, or of another path of the group in the same command.
    """
    files = {group: UserFiles(group, set(options_of_group(group, folders, registered=False))) for group in NODES}
    named = []
    for word in overrides:
        group, equals, text = word.partition("=")
        named.append(f"{group}={_replace(files[group], text)}" if equals and group in files else word)
    return named


def _replace(files: UserFiles, text: str) -> str:
    """Replace paths in the text after ``<group>=``, which is one value or a sweep of several."""
    whole = files.option(text)
    if whole:
        return whole
    value = read_value(text)
    values = choices_of(value)
    if values is None:
        return files.option("" if value is None else str(value)) or text
    found = [files.option(text_of(one)) for one in values]
    if not any(found):
        return text
    return ",".join(name or written(one) for name, one in zip(found, values, strict=True))
