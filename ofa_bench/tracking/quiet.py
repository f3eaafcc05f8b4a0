"""Keeps MLflow silent: what the user has set in the environment stands."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ofa_bench.config.store_uri import URI_VARIABLE

__all__ = ["ignored_warnings", "logging_disabled", "silence_mlflow", "tracking_at"]

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
    """Import MLflow with settings that let it say only what matters, and end soon where a server is down."""
    for variable, value in _SETTINGS.items():
        os.environ.setdefault(variable, value)
    import mlflow  # noqa: F401 -- which sets the levels of its loggers

    given = os.environ.get("MLFLOW_LOGGING_LEVEL")
    levels = {"mlflow": logging.WARNING, "alembic": logging.WARNING, "mlflow.store.db.utils": logging.CRITICAL}
    for name, level in levels.items():  # the last logs the traceback of what it raises
        logging.getLogger(name).setLevel(given or level)


@contextmanager
def tracking_at(uri: str | None) -> Iterator[None]:
    """Have MLflow's own functions use a store; afterwards its variable is as it was, which names ours by default."""
    import mlflow

    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # which unsets the variable
        if before is not None:
            os.environ[URI_VARIABLE] = before


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Ignore warnings of libraries, which would be errors where the user has Python make them so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def logging_disabled(level: int) -> Iterator[None]:
    """Let nothing of this level or below be logged, whatever levels loggers have; afterwards all is as it was."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
