"""MLflow's client as everything here uses it: silent, and a server that is down costs it seconds, not minutes."""

import hashlib
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ofa_bench.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["making_client", "quiet_client"]

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def quiet_client(uri: str | None) -> "MlflowClient":
    """Open a store; what the user has set in the environment stands.

    Raises:
        InputError: a local database cannot be opened, which MLflow would try again for minutes.
    """
    scheme, _, name = str(uri).partition(":///")
    if scheme == "sqlite" and name:
        try:
            with closing(sqlite3.connect(name)) as database:
                database.execute("PRAGMA schema_version")
        except sqlite3.Error as error:
            raise InputError(f"{name}: not usable as MLflow's database ({error})") from error
    for variable, value in _SETTINGS.items():
        os.environ.setdefault(variable, value)
    from mlflow import MlflowClient

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


def making_client(uri: str | None) -> "MlflowClient":
    """Open a store; a local database that is not there is made, whole or not at all, whatever happens meanwhile."""
    scheme, _, name = str(uri).partition(":///")
    if scheme == "sqlite" and name and not Path(name).exists():
        path = Path(name)
        with _alone(path):
            if not path.exists():
                _make(path)
    return quiet_client(uri)


def _make(path: Path) -> None:
    """Make a database under another name, which takes seconds, then put it where it shall be."""
    for left in path.parent.glob(f".{path.name}.new*"):  # by a process that was killed
        left.unlink()
    made = path.with_name(f".{path.name}.new")
    quiet_client(f"sqlite:///{made}").search_experiments()
    made.rename(path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time make a database."""
    name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"ofa_bench-{name}.lock", timeout=120):
        yield
