"""Inserts the YAML files of ``conf/`` into a page of the site, in place of comments such as ``<!-- conf/space -->``."""

import re
from pathlib import Path
from typing import Any

__all__ = ["on_page_markdown"]

ROOT = Path(__file__).resolve().parents[1]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with each such comment replaced by the files; MkDocs calls this function."""
    return re.sub(r"^<!-- (conf\b\S*) -->$", lambda found: _shown(ROOT / found[1]), markdown, flags=re.MULTILINE)


def _shown(place: Path) -> str:
    """Return a YAML file as a code block, or the files of a folder, each below the name of its option.

    Raises:
        FileNotFoundError: there is no such file, or none in the folder.
    """
    if place.is_file():
        return f"```yaml\n{place.read_text()}```"
    options = sorted(place.glob("*.yaml"))
    if not options:
        raise FileNotFoundError(f"{place}: no option there")
    group = place.relative_to(ROOT / "conf")
    return "\n\n".join(f"### `{group}={option.stem}`\n\n```yaml\n{option.read_text()}```" for option in options)
