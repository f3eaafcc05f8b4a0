"""``ofa_bench list``: list the options of each group, each with the first sentence of its YAML.

    ofa_bench list                              # of all groups
    ofa_bench list strategies
    ofa_bench list devices space=proxyless      # the devices that have costs for a space

``--config-dir`` and ``hydra.searchpath=`` add folders with your own options, as for a search.
"""

import argparse
import importlib.util
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import OmegaConf

from ofa_bench.config.schema import conf_dir
from ofa_bench.errors import InputError, suggestion
from ofa_bench.experiment.building import load_space
from ofa_bench.experiment.options import describe_options, options_of_group

__all__ = ["NAMES", "run"]

NAMES = {
    "spaces": "space",
    "devices": "device",
    "predictors": "predictor",
    "strategies": "strategy",
    "models": "model",
    "budgets": "budget",
    "targets": "targets",
    "tracking": "tracking",
    "experiments": "experiment",
    "launchers": "hydra/launcher",
}
"""The groups by their names in the plural, which are allowed too."""


def run(arguments: Sequence[str]) -> Iterator[str]:
    """Yield lines that list the options of the given groups, or of all groups.

    Raises:
        InputError: there is no such group or space.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    given, rest = parser.parse_known_args(list(arguments))
    folders = [Path(given.config_dir)] if given.config_dir else []
    groups, space = list[str](), None
    for word in rest:
        key, value = (word + "=").split("=")[:2]
        if key == "space" and value:
            space = value
        elif key == "hydra.searchpath" and value:
            folders += _search_path(value)
        else:
            groups.append(_group(word))
    if space and groups != ["device"]:
        raise InputError(f"space={space}: applies only to ofa_bench list devices space={space}")
    for group in groups or NAMES.values():
        yield f"{group}="
        yield from _lines(list(_devices(space, folders) if space else describe_options(group, folders).items()))


def _group(word: str) -> str:
    group = NAMES.get(word, word)
    if group not in NAMES.values():
        known = sorted({*NAMES, *NAMES.values()})
        raise InputError(f"list {word}: no such group; there are {', '.join(NAMES)}{suggestion(word, known)}")
    return group


def _search_path(value: str) -> Iterator[Path]:
    """Yield the folders of ``hydra.searchpath=[pkg://own_strategy.conf,file:///home/me/conf]``."""
    for place in value.strip("[]").split(","):
        scheme, _, path = place.strip(" '\"").rpartition("://")
        if scheme == "pkg":
            try:
                spec = importlib.util.find_spec(path)
            except ImportError:
                spec = None
            yield from map(Path, spec.submodule_search_locations or () if spec else ())
        else:
            yield Path(path)


def _devices(name: str, folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield the devices that have costs for a space, with their range, unit and number of own targets."""
    from ofa_bench.experiment.building import build_object

    space = load_space(name)
    for option in options_of_group("device", folders, registered=False):
        files = [folder / "device" / f"{option}.yaml" for folder in (conf_dir(), *folders)]
        node = OmegaConf.to_container(OmegaConf.load(next(file for file in files if file.is_file())))
        try:
            cost = build_object("device", node, space=space)
        except InputError:
            continue
        targets = len(cost.targets)
        yield option, f"{cost.minimum:.4g} to {cost.maximum:.4g} {cost.unit}, {targets or 'no'} targets of its own"


def _lines(options: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max((len(name) for name, _ in options), default=0) + 4
    columns = max(60, shutil.get_terminal_size((120, 24)).columns)
    for name, text in options:
        lines = textwrap.wrap(text, columns - width) or [""]
        yield f"  {name:<{width - 2}}{lines[0]}".rstrip()
        yield from (" " * width + line for line in lines[1:])
