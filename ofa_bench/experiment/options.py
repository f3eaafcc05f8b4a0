"""Lists and describes the options of config groups."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.config_store import ConfigStore

from ofa_bench.config.schema import conf_dir

__all__ = ["PARTS", "choose_parts", "describe_options", "options_of_group"]

PARTS = {"strategy.inner": "strategy", "strategy.model": "model"}
"""Keys of parts of a strategy, and the config groups from which they are chosen."""


def options_of_group(group: str, folders: Sequence[Path] = (), *, registered: bool = True) -> list[str]:
    """Return a group's options: the package's, those in other folders of groups, and those registered with Hydra."""
    places = [folder / group for folder in (conf_dir(), *folders)]
    found = {path.relative_to(place).as_posix()[:-5] for place in places for path in place.rglob("*.yaml")}
    store = ConfigStore.instance().repo.get(group) if registered else None
    return sorted(found | {name.removesuffix(".yaml") for name in store} if isinstance(store, dict) else found)


def choose_parts(overrides: Sequence[str]) -> list[str]:
    """Return overrides as Hydra wants them: ``strategy.inner=vanilla`` as ``strategy@strategy.inner=vanilla``."""
    group_of = {word: PARTS.get(word.partition("=")[0]) for word in overrides}
    return [f"{group}@{word}" if (group := group_of[word]) else word for word in overrides]


def describe_options(group: str, folders: Sequence[Path] = ()) -> Mapping[str, str]:
    """Return each option of a group with the first sentence of the comment that its YAML begins with."""
    found = {}
    for option in options_of_group(group, folders, registered=False):
        files = [folder / group / f"{option}.yaml" for folder in (conf_dir(), *folders)]
        found[option] = _comment(next(file for file in files if file.is_file()))
    return found


def _comment(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    text = " ".join(line.lstrip("# ") for line in lines[:first] if "@package" not in line)
    return text.partition(". ")[0].rstrip(".")
