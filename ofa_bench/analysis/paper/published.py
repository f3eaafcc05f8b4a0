"""Reads the published tables, figures and claims of the paper."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Published", "printed_percent", "printed_seconds", "published_paper"]

FILE = Path(__file__).parents[2] / "data" / "published" / "kumar_szidon.json"

Published = Mapping[str, Any]


def published_paper() -> dict[str, Any]:
    """Return ``kumar_szidon.json``: the tables and figures of arXiv 2012.06748, and its claims."""
    figures: dict[str, Any] = json.loads(FILE.read_text())
    return figures


def printed_seconds(published: Published, space: str) -> Mapping[str, Sequence[float]]:
    """Return the paper's times by strategy, s: of table 1, or those of another space."""
    own = published["table1"]["printed_seconds"] if space == "mbv3" else published["figures5_6"][f"{space}_seconds"]
    return dict(own)


def printed_percent(published: Published, space: str) -> Mapping[str, Sequence[float]]:
    """Return the paper's accuracies by strategy, percent: of table 2, or those of another space."""
    own = published["table2"]["printed_percent"] if space == "mbv3" else published["figures5_6"][f"{space}_percent"]
    return dict(own)
