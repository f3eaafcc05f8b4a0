"""Reads the published tables, figures and claims of the paper."""

import json
from pathlib import Path
from typing import Any

__all__ = ["published_paper"]

FILE = Path(__file__).parents[2] / "data" / "published" / "kumar_szidon.json"


def published_paper() -> dict[str, Any]:
    """Return ``kumar_szidon.json``: the tables and figures of arXiv 2012.06748, and its claims."""
    figures: dict[str, Any] = json.loads(FILE.read_text())
    return figures
