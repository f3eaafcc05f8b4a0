"""Addresses of MLflow stores: made from paths, or named by the environment.

MLflow hands the address of a database to SQLAlchemy, to which ``?`` begins options and, from version 2.1 on, ``%`` a
letter's code. All addresses of SQLite files are made and taken apart here.
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
"""The default store: this file, in the working directory."""

ARTIFACTS = "mlartifacts"
"""Artifacts are in this folder beside a SQLite file, where no other is named."""

_OPTIONS = re.compile(r"\w+=[^/&]*(&\w+=[^/&]*)*")
"""Options of SQLAlchemy's, as in ``sqlite:///mlflow.db?timeout=60``."""

EXPERIMENT = "ofa_bench"
"""The default experiment."""

URI_VARIABLE, EXPERIMENT_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
VARIABLES = (URI_VARIABLE, EXPERIMENT_VARIABLE)
"""Environment variables, MLflow's own, that name the store and the experiment where a command does not."""


def sqlite_uri(path: Path) -> str:
    """Return the address of a SQLite file, which is made absolute."""
    text = str(path.absolute())
    if not {"%", "?"} & set(text):
        return f"{SQLITE}{text}"
    coded = quote(text, safe="")  # slashes too: MLflow makes the folders that it sees in an address
    if _decodes():
        return f"{SQLITE}{coded}"
    return f"{SQLITE}file:{coded}?uri=true" if "?" in text else f"{SQLITE}{text}"


def sqlite_path(uri: str | None) -> Path | None:
    """Return the path (perhaps relative) of the SQLite file that an address names; None for other stores.

    Raises:
        InputError: what follows a ``?`` is no option; it was probably meant as part of the path.
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
    """Return whether SQLAlchemy decodes ``%3F`` and the like in the path of a database, as it does from 2.1 on."""
    from sqlalchemy.engine import make_url

    return bool(make_url(f"{SQLITE}%25").database == "%")


def resolve_uri(uri: str, folder: Path) -> str:
    """Return an address in which a relative path is made absolute, from this folder.

    Raises:
        InputError: see ``sqlite_path``.
    """
    path = sqlite_path(uri)
    if path is not None:
        made, options = sqlite_uri(folder / path), _parts(uri)[1].removeprefix("uri=true")
        return f"{made}{'&' if '?' in made else '?'}{options}" if options else made
    return str(folder / uri) if "/" in uri and ":" not in uri else uri  # a folder, as MLflow once kept its runs


def default_uri(folder: Path, otherwise: str = f"{SQLITE}{DATABASE}") -> str:
    """Return the address of the default store: that of ``MLFLOW_TRACKING_URI`` if it is set.

    Raises:
        InputError: it cannot be one.
    """
    given = os.environ.get(URI_VARIABLE)
    if not given:
        return sqlite_uri(folder / DATABASE) if otherwise == f"{SQLITE}{DATABASE}" else otherwise
    try:
        return resolve_uri(given if {":", "/"} & set(given) or given == "databricks" else f"./{given}", folder)
    except InputError as error:
        raise InputError(f"{URI_VARIABLE}={error}") from error


def uri_option() -> str:
    """Return the default of a command's option ``uri``, as a user would give it."""
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
    """Return the environment variables that are set; they are passed to cells in other processes."""
    return [name for name in VARIABLES if os.environ.get(name)]
