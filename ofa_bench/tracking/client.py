"""Opens MLflow stores quietly; a server that is down costs seconds, not minutes."""

from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.config.store_uri import resolve_uri, sqlite_path
from ofa_bench.errors import InputError
from ofa_bench.tracking.database import check_database, make_database
from ofa_bench.tracking.quiet import collection_paused, ignored_warnings, silence_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["create_store", "open_store"]


def open_store(uri: str | None) -> "MlflowClient":
    """Open an existing store; MLflow's environment variables keep the user's values.

    Raises:
        InputError: a local database does not exist, is of another MLflow version, or cannot be opened; MLflow would
            retry for minutes.
    """
    path = sqlite_path(uri)
    if path and not path.exists():
        raise InputError(f"uri={uri}: no such file")
    return _client(uri)


def create_store(uri: str | None) -> "MlflowClient":
    """Open a store; a local database is created if it does not exist.

    Raises:
        InputError: see ``open_store``.
        OSError: the database cannot be created.
    """
    path = sqlite_path(uri)
    if path:
        with ignored_warnings(), collection_paused():
            make_database(path)
    return _client(uri)


def _client(uri: str | None) -> "MlflowClient":
    with ignored_warnings(), collection_paused():  # a sixth of the time that the imports take
        silence_mlflow()
        from mlflow import MlflowClient

        if uri is None:
            return MlflowClient()
        check_database(uri)
        return MlflowClient(tracking_uri=resolve_uri(uri, Path.cwd()))
