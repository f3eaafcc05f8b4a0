"""Registers a user's own files as options, for the paths in ``device=``, ``predictor=`` and ``space=``."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ofa_bench.config.hydra_private import choices_of, read_value, text_of, written
from ofa_bench.errors import InputError
from ofa_bench.experiment.options import options_of_group
from ofa_bench.files.reading import UnreadableError, absolute_path, content_of

__all__ = ["YAML", "UserFiles", "name_user_files", "read_space"]

YAML = (".yaml", ".yml")
"""The ends of the names of files that describe a space."""

NODES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "device": ("device", {"_target_": "ofa_bench.predictors.latency_table", "guard_band": False}),
    "predictor": ("path", {"_target_": "ofa_bench.predictors.own_predictor"}),
}
"""For groups with paths of data: the key of the option that holds the path, and the option's other keys."""


class UserFiles:
    """The files and folders given for one group, by the names of their options.

    A path must exist: a file, or a folder of ``<space>.json`` (tables) or ``<space>.npz`` (predictors); of a space, a
    YAML file. Its last part is the name, also in the address of results. The name of an existing option is not taken
    as a path.

    Args:
        group: ``space``, or of ``NODES``.
        options: the names of the group's options.
    """

    def __init__(self, group: str, options: set[str]) -> None:
        self._group, self._options = group, options
        self._paths: dict[str, Path] = {}

    def option(self, text: str) -> str | None:
        """Register an option for a path and return its name; None if the text is not a path.

        Raises:
            InputError: an option or another path has this name already, or the file describes no space.
        """
        found = self.find(text)
        if found is None:
            return None
        name, place = found
        ConfigStore.instance().store(name=name, group=self._group, node=self._content(place))
        return name if read_value(name) == name else f"'{name}'"

    def find(self, text: str) -> tuple[str, str] | None:
        """Return the name of the option for a path, and the path; None if the text is not a path.

        Raises:
            InputError: an option or another path has this name already.
        """
        path = _existing(text)
        if path is None or text in self._options or (self._group == "space" and path.suffix not in YAML):
            return None
        message = f"{self._group}={text}"
        name = re.sub(r"[^\w.+-]", "_", path.name if path.is_dir() else path.stem).strip(".") or "own"
        if name in self._options:
            raise InputError(f"{message}: there is an option {name} already; rename this file or folder")
        if "${" in text:
            raise InputError(f"{message}: a path with ${{ in it cannot be used; rename this file or folder")
        if self._paths.setdefault(name, path) != path:
            raise InputError(f"{message}: would be called {name}, as {self._paths[name]} is; rename one of them")
        # Relative if possible, so that records stay valid if the folder that holds all is moved.
        inside = path.is_relative_to(Path.cwd()) or not Path(text).expanduser().is_absolute()
        return name, str(os.path.relpath(path) if inside else path)

    def _content(self, place: str) -> Mapping[str, Any]:
        """Return the content of the option for a path."""
        if self._group == "space":
            return read_space(Path(place))
        key, others = NODES[self._group]
        return {key: place, **others}


def read_space(path: Path) -> dict[str, Any]:
    """Return the config of a space in a YAML file, like that of an option of the group ``space``.

    Raises:
        InputError: the file cannot be read, or does not have the ``_target_`` of a space.
    """
    try:
        node = yaml.safe_load(content_of(path))
        OmegaConf.create(node if isinstance(node, dict) else {})
    except (UnreadableError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise InputError(f"space={path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(node, dict) or "_target_" not in node:
        raise InputError(f"space={path}: describes no space; it needs a _target_, as the files of conf/space have")
    return node


def name_user_files(overrides: Sequence[str], folders: Sequence[Path] = ()) -> list[str]:
    """Return the overrides with the name of an option in place of each path of a table, predictor or space.

    Args:
        overrides: of a command.
        folders: of config groups, besides ours.

    Raises:
        InputError: the name is that of an option, or of another path of the group in the same command; or a file
            describes no space.
    """
    files = {
        group: UserFiles(group, set(options_of_group(group, folders, registered=False))) for group in ("space", *NODES)
    }
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


def _existing(text: str) -> Path | None:
    """Return the absolute path of a file or folder that exists, or None; links keep their names."""
    try:
        path = absolute_path(text)
        return path if text and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, an unknown user's home, a null character
        return None
