"""A local MLflow database: made once, whole and fast; one of another version of MLflow is left as it is."""

import logging
import re
import shlex
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
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
"""Databases that MLflow opens by itself, without a server of its own."""


def check_database(uri: str) -> None:
    """Check that MLflow will use a database as it is: it would migrate an older one, and add tables to any other.

    Raises:
        InputError: it is of another version of MLflow, not MLflow's at all, or cannot be read.
    """
    path = sqlite_path(uri)
    if path is None and not _SERVED.match(uri):
        return
    name = str(path) if path else re.sub("//[^/@]*@", "//", uri)  # without a password
    try:
        tables, found = _schema(path) if path else _served_schema(uri)
    except sqlite3.Error as error:
        raise InputError(f"{name}: not usable as MLflow's database ({error})") from error
    known = _revisions()
    if not tables or not known or found in known - _replaced():
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
    """Make a database where there is none, whole or not at all, whatever happens meanwhile; say so on a terminal.

    Raises:
        OSError: it cannot be written.
    """
    remove_leftovers(path.parent)
    if _is_made(path):
        return
    with locked(str(path.absolute())):
        if _is_made(path):
            return
        if sys.stderr.isatty():  # somebody waits
            logger.info("making MLflow's database %s, once", path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            write_whole(path, _empty(), replace=path.exists())  # one without a byte, or a table
        _add_default(path)


def _add_default(path: Path) -> None:
    """Have MLflow add its experiment Default, given an address: in a path, it takes a quote for syntax of SQL."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(path), (path.absolute().parent / "mlruns").as_uri())


def _is_made(path: Path) -> bool:
    """Return whether there is a database with tables, or something that is none."""
    if not path.exists():
        return False
    try:
        return bool(_schema(path)[0])
    except sqlite3.Error:
        return True


def _empty() -> bytes:
    """Return a database with MLflow's tables and no run: a copy of the one in the user's cache, where there is one."""
    silence_mlflow()
    import mlflow

    kept = user_cache_path("ofa_bench") / f"mlflow-{mlflow.__version__}.db"
    with suppress(OSError, sqlite3.Error, InputError):
        if _is_whole(kept):
            return kept.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / kept.name
        with logging_disabled(logging.INFO):  # whatever levels MLflow's scripts set
            _migrate(made)
        content = made.read_bytes()
        if _is_whole(made):
            with suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, content)
    return content


def _is_whole(path: Path) -> bool:
    with _opened(path) as database:
        [checked] = database.execute("PRAGMA quick_check").fetchone()
    return checked == "ok" and _schema(path)[1] in _revisions() - _replaced()


def _migrate(path: Path) -> None:
    """Have MLflow build its tables, in as many steps as it takes: in memory, as each would wait for the disk."""
    import sqlalchemy
    from mlflow.store.db import utils
    from sqlalchemy.pool import StaticPool

    engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    try:
        utils._initialize_tables(engine)
        with closing(sqlite3.connect(path)) as database, closing(engine.raw_connection()) as connection:
            made: Any = connection.driver_connection
            made.backup(database)
    except (AttributeError, sqlalchemy.exc.SQLAlchemyError):  # of an MLflow that has it elsewhere
        path.unlink(missing_ok=True)
        from mlflow import MlflowClient

        MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    finally:
        engine.dispose()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database without making or changing it."""
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
        yield database


def _schema(path: Path) -> tuple[set[str], str | None]:
    """Return a database's tables, and the revision of MLflow's schema that it has."""
    with _opened(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = database.execute(_VERSION).fetchone() if "alembic_version" in tables else None
    return tables, str(found[0]) if found else None


def _served_schema(uri: str) -> tuple[set[str], str | None]:
    """Return the same of a database that SQLAlchemy opens, such as a server's."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
            if "alembic_version" not in tables:
                return tables, None
            return tables, connection.execute(sqlalchemy.text(_VERSION)).scalar()
    finally:
        engine.dispose()


@cache
def _steps() -> dict[str, set[str]]:
    """Return the revisions of the schema that this MLflow knows, and those that each replaces."""
    spec = find_spec("mlflow")  # which need not be imported
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    texts = (path.read_text() for folder in folders for path in folder.glob("store/db_migrations/versions/*.py"))
    found = dict[str, set[str]]()
    for text in texts:
        values = dict(re.findall(r"^(revision|down_revision)\b[^=\n]*=(.*)$", text, re.MULTILINE))
        for revision in re.findall(r"['\"](\w+)['\"]", values.get("revision", "")):
            found[revision] = set(re.findall(r"['\"](\w+)['\"]", values.get("down_revision", "")))
    return found


def _revisions() -> set[str]:
    return set(_steps())


def _replaced() -> set[str]:
    return set[str]().union(*_steps().values())
