"""Creates local MLflow databases, and refuses databases of another MLflow version."""

import logging
import re
import shlex
import sqlite3
import sys
import tempfile
from contextlib import closing, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from platformdirs import user_cache_path

from ofa_bench.config.store_uri import sqlite_path, sqlite_uri
from ofa_bench.errors import InputError
from ofa_bench.files.locks import locked
from ofa_bench.files.writing import remove_leftovers, write_whole
from ofa_bench.tracking.quiet import logging_disabled, silence_mlflow

__all__ = ["check_database", "make_database"]

logger = logging.getLogger(__name__)

_VERSION = "SELECT version_num FROM alembic_version"

_SERVED = re.compile(r"(postgresql|mysql|mssql|sqlite)(\+\w+)?://")
"""Databases that MLflow opens directly, without an MLflow server."""


def check_database(uri: str) -> None:
    """Check that MLflow would use a database unchanged; it migrates older ones and adds tables to foreign ones.

    Raises:
        InputError: the database is of another MLflow version, is not MLflow's, or cannot be read.
    """
    path = sqlite_path(uri)
    if path is None and not _SERVED.match(uri):
        return
    name = str(path) if path else re.sub("//[^/@]*@", "//", uri)  # without a password
    try:
        tables, found = _schema(path) if path else _served_schema(uri)
    except sqlite3.Error as error:
        raise InputError(f"{name}: not usable as MLflow's database ({error})") from error
    known = _steps()
    if not tables or not known or found in _newest():
        return
    if found is None and "experiments" not in tables:
        raise InputError(f"{name}: a database, but not MLflow's; it is left as it is; choose another tracking.uri=")
    if found in known or found is None:
        raise InputError(
            f"{name}: of an older MLflow (schema {found}), left as it is; choose another tracking.uri=, or make a copy "
            f"of it and run: mlflow db upgrade {shlex.quote(uri if path else name)}"
        )
    raise InputError(
        f"{name}: of a newer MLflow (schema {found}), left as it is; choose another tracking.uri=, or update MLflow"
    )


def make_database(path: Path) -> None:
    """Create a database where there is none, whole or not at all; log a message if a terminal is attached.

    Raises:
        OSError: the database cannot be written.
    """
    remove_leftovers(path.parent)
    if _is_made(path):
        return
    with locked(str(path.absolute())):
        if _is_made(path):
            return
        if sys.stderr.isatty():  # a user is waiting
            logger.info("making MLflow's database %s, once", path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            write_whole(path, _empty(), replace=path.exists())  # what exists has no bytes, or no table
        _fill(path, path.absolute().parent / "mlruns")


def _fill(path: Path, artifacts: Path) -> None:
    """Let MLflow create what a database lacks: its tables, and the experiment ``Default``."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(path), artifacts.as_uri())  # a URI, because a quote in a path breaks MLflow's SQL


def _is_made(path: Path) -> bool:
    """Return whether a database with tables exists, or another file in its place."""
    if not path.exists():
        return False
    try:
        return bool(_schema(path)[0])
    except sqlite3.Error:
        return True


def _empty() -> bytes:
    """Return a database with MLflow's tables and no experiment: from the user's cache, which is filled if empty."""
    silence_mlflow()
    import mlflow

    kept = user_cache_path("ofa_bench") / f"mlflow-{mlflow.__version__}.db"
    with suppress(OSError, sqlite3.Error, InputError):
        if _is_whole(kept):
            return kept.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / kept.name
        with logging_disabled(logging.INFO):  # MLflow's migrations set the levels of their loggers
            _fill(made, Path(folder))
        with closing(sqlite3.connect(made)) as database, database:
            database.execute("DELETE FROM experiments")  # Default, which has this folder's path
        content = made.read_bytes()
        if _is_whole(made):
            with suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, content)
    return content


def _is_whole(path: Path) -> bool:
    with _opened(path) as database:
        [checked] = database.execute("PRAGMA quick_check").fetchone()
    return checked == "ok" and _schema(path)[1] in _newest()


def _opened(path: Path) -> "closing[sqlite3.Connection]":
    """Open a database for reading; it is neither created nor changed."""
    return closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True))


def _schema(path: Path) -> tuple[set[str], str | None]:
    """Return the tables of a SQLite file, and its revision of MLflow's schema."""
    with _opened(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = database.execute(_VERSION).fetchone() if "alembic_version" in tables else None
    return tables, str(found[0]) if found else None


def _served_schema(uri: str) -> tuple[set[str], str | None]:
    """Return the same for any other database that SQLAlchemy can open."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
            version = sqlalchemy.text(_VERSION)
            return tables, connection.execute(version).scalar() if "alembic_version" in tables else None
    finally:
        engine.dispose()


@cache
def _steps() -> dict[str, set[str]]:
    """Return the schema revisions that this MLflow knows, and for each those that it replaces."""
    spec = find_spec("mlflow")  # MLflow is not imported for this
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    texts = (path.read_text() for folder in folders for path in folder.glob("store/db_migrations/versions/*.py"))
    found = dict[str, set[str]]()
    for text in texts:
        values = dict(re.findall(r"^(revision|down_revision)\b[^=\n]*=(.*)$", text, re.MULTILINE))
        for revision in re.findall(r"['\"](\w+)['\"]", values.get("revision", "")):
            found[revision] = set(re.findall(r"['\"](\w+)['\"]", values.get("down_revision", "")))
    return found


def _newest() -> set[str]:
    """Return the schema revisions that no other one replaces."""
    return set(_steps()).difference(*_steps().values())
