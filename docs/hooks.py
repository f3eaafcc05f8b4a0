"""Shows the commented YAML files of ``conf/`` on a page of the site: ``<!-- conf/space -->`` stands for its options."""

import re
from pathlib import Path
from typing import Any

__all__ = ["on_page_markdown"]

ROOT = Path(__file__).resolve().parents[1]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the files in the place of each such comment; MkDocs calls it."""
    return re.sub(r"^<!-- (conf\b\S*) -->$", lambda found: _shown(ROOT / found[1]), markdown, flags=re.MULTILINE)


def _shown(place: Path) -> str:
    """Give a YAML file as a block of code, or those of a folder, each under the option that it is.

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
