"""Keeps MLflow quiet; environment variables keep the user's values."""

import gc
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ofa_bench.config.store_uri import URI_VARIABLE

__all__ = ["collection_paused", "ignored_warnings", "logging_disabled", "silence_mlflow", "tracking_at"]

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def silence_mlflow() -> None:
    """Import MLflow with settings that log only warnings and give up soon where a server is down."""
    for variable, value in _SETTINGS.items():
        os.environ.setdefault(variable, value)
    import mlflow  # noqa: F401 -- the import sets the levels of its loggers

    given = os.environ.get("MLFLOW_LOGGING_LEVEL")
    levels = {"mlflow": logging.WARNING, "alembic": logging.WARNING, "mlflow.store.db.utils": logging.CRITICAL}
    for name, level in levels.items():  # the last logger also logs tracebacks of exceptions that it raises
        logging.getLogger(name).setLevel(given or level)


@contextmanager
def tracking_at(uri: str | None) -> Iterator[None]:
    """Let MLflow's functions use a store inside the context; then restore the environment variable."""
    import mlflow

    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # unsets the variable
        if before is not None:
            os.environ[URI_VARIABLE] = before


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Ignore warnings of libraries, which a user may have turned into errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def collection_paused() -> Iterator[None]:
    """Collect no garbage inside the context: an import makes many objects that stay, and hardly any garbage."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def logging_disabled(level: int) -> Iterator[None]:
    """Disable logging of this level and below inside the context, whatever the levels of loggers."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
