"""Builds and reads addresses of MLflow stores, from paths or environment variables.

MLflow passes the address of a database to SQLAlchemy, for which ``?`` begins options and, from version 2.1 on, ``%``
the code of a character. All addresses of SQLite files are built and read here.
"""

import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from ofa_bench.errors import InputError

__all__ = [
    "EXPERIMENT",
    "VARIABLES",
    "artifacts_beside",
    "default_experiment",
    "default_uri",
    "given_variables",
    "resolve_uri",
    "sqlite_path",
    "sqlite_uri",
    "unused_variable",
    "uri_option",
]

SQLITE = "sqlite:///"

DATABASE = "mlflow.db"
"""The file of the default store, in the working directory."""

ARTIFACTS = "mlartifacts"
"""The default folder of artifacts, beside a SQLite file."""

_OPTIONS = re.compile(r"\w+=[^/&]*(&\w+=[^/&]*)*")
"""Options for SQLAlchemy, as in ``sqlite:///mlflow.db?timeout=60``."""

EXPERIMENT = "ofa_bench"
"""The default experiment."""

URI_VARIABLE, EXPERIMENT_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
VARIABLES = (URI_VARIABLE, EXPERIMENT_VARIABLE)
"""MLflow's own environment variables, for the store and the experiment of commands that do not name them."""


def sqlite_uri(path: Path) -> str:
    """Return the address of a SQLite file, with its absolute path."""
    text = str(path.absolute())
    if not {"%", "?"} & set(text):
        return f"{SQLITE}{text}"
    coded = quote(text, safe="")  # slashes too, because MLflow creates the folders in an address
    if _decodes():
        return f"{SQLITE}{coded}"
    return f"{SQLITE}file:{coded}?uri=true" if "?" in text else f"{SQLITE}{text}"


def sqlite_path(uri: str | None) -> Path | None:
    """Return the path (perhaps relative) of the SQLite file of an address; None for other stores.

    Raises:
        InputError: the text after a ``?`` is not an option; it is probably part of the path.
    """
    if not uri or not uri.startswith(SQLITE):
        return None
    text, options = _parts(uri)
    if text.startswith("file:%2F") and options == "uri=true":
        return Path(unquote(text.removeprefix("file:")))
    if text in ("", ":memory:") or text.startswith("file:"):
        return None
    if options and not _OPTIONS.fullmatch(options):
        raise InputError(f"{uri}: '?' ends the path in the address of a database; write %3F")
    return Path(unquote(text) if "%" in text and _decodes() else text).expanduser()


def _parts(uri: str) -> tuple[str, str]:
    text, _, options = uri.removeprefix(SQLITE).partition("?")
    return text, options


@cache
def _decodes() -> bool:
    """Return whether SQLAlchemy decodes ``%3F`` and so on in the path of a database, as it does from 2.1 on."""
    from sqlalchemy.engine import make_url

    return bool(make_url(f"{SQLITE}%25").database == "%")


def resolve_uri(uri: str, folder: Path) -> str:
    """Return an address with a relative path resolved from a folder.

    Raises:
        InputError: see ``sqlite_path``.
    """
    path = sqlite_path(uri)
    if path is not None:
        made, options = sqlite_uri(folder / path), _parts(uri)[1].removeprefix("uri=true")
        return f"{made}{'&' if '?' in made else '?'}{options}" if options else made
    return str(folder / uri) if "/" in uri and ":" not in uri else uri  # a folder, the former store of MLflow


def default_uri(folder: Path, otherwise: str = f"{SQLITE}{DATABASE}") -> str:
    """Return the address of the default store: that of ``MLFLOW_TRACKING_URI`` if it is set.

    Raises:
        InputError: the address is not valid.
    """
    given = os.environ.get(URI_VARIABLE)
    if not given:
        return sqlite_uri(folder / DATABASE) if otherwise == f"{SQLITE}{DATABASE}" else otherwise
    try:
        return resolve_uri(given if {":", "/"} & set(given) or given == "databricks" else f"./{given}", folder)
    except InputError as error:
        raise InputError(f"{URI_VARIABLE}={error}") from error


def uri_option() -> str:
    """Return the default of a command's option ``uri``, as a user would write it."""
    return os.environ.get(URI_VARIABLE) or f"{SQLITE}{DATABASE}"


def default_experiment() -> str:
    """Return the name of the default experiment: ``MLFLOW_EXPERIMENT_NAME`` if it is set, else ours."""
    return os.environ.get(EXPERIMENT_VARIABLE) or EXPERIMENT


def unused_variable() -> str | None:
    """Return a message about an MLflow variable that is set but not used; None if there is none."""
    number = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if not number or os.environ.get(EXPERIMENT_VARIABLE):
        return None
    return f"MLFLOW_EXPERIMENT_ID={number}: not used; name the experiment by {EXPERIMENT_VARIABLE}"


def artifacts_beside(uri: str | None, folder: Path) -> str | None:
    """Return the folder of artifacts beside a SQLite file; None for other stores, which have their own."""
    path = sqlite_path(uri)
    return str((folder / path).parent / ARTIFACTS) if path else None


def given_variables() -> list[str]:
    """Return the names of ``VARIABLES`` that are set; cells in other processes get them too."""
    return [name for name in VARIABLES if os.environ.get(name)]
