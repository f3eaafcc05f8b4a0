"""Keeps MLflow silent: what the user has set in the environment stands."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ignored_warnings", "silence_mlflow"]

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
def ignored_warnings() -> Iterator[None]:
    """Ignore warnings of libraries, which would be errors where the user has Python make them so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
