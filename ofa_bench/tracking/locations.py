"""Checks the artifact location of an experiment, which is wrong after a project was moved."""

import logging
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from ofa_bench.config.schema import TrackingConfig
from ofa_bench.config.store_uri import sqlite_path
from ofa_bench.errors import InputError

__all__ = ["check_location", "local_path"]

logger = logging.getLogger(__name__)


def local_path(location: str) -> Path | None:
    """Return the local folder of an artifact location, as MLflow reads it; None if it is on a server."""
    if location.startswith("file:"):
        return Path(url2pathname(urlparse(location).path))
    return None if urlparse(location).scheme else Path(url2pathname(location))


def check_location(config: TrackingConfig, location: str) -> None:
    """Check that an experiment's files go beside its database or into ``artifacts``.

    After a project was moved or copied, they would go to its old folder. Any other folder is logged.

    Raises:
        InputError: the project was moved or copied.
    """
    database, place = sqlite_path(config.uri), local_path(location)
    if database is None or place is None:
        return
    within = [database.absolute().parent, *([Path(config.artifacts)] if config.artifacts else [])]
    if any(place.resolve().is_relative_to(folder.resolve()) for folder in within):
        return
    if place.is_dir() and not (place.parent / database.name).exists():
        logger.info("files of experiment %s go to %s, as it says in %s", config.experiment, place, database)
        return
    raise InputError(
        f"{database}: its experiment {config.experiment} keeps files in {place}, where this project was before it was "
        f"moved or copied; move {database.name} away, and ofa_bench sync makes it anew from the records; or "
        f"choose another tracking.experiment="
    )
