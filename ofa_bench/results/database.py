"""A local MLflow database: made once, whole and fast; one of another version of MLflow is left as it is."""

import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

from platformdirs import user_cache_path

from ofa_bench.errors import InputError
from ofa_bench.results.locks import locked
from ofa_bench.results.quiet import silence_mlflow
from ofa_bench.writing import remove_leftovers, write_new, write_whole

__all__ = ["check_database", "make_database"]

LARGEST = 50_000_000
"""Bytes of the largest empty database that is kept to be copied; one has a million."""


def check_database(path: Path, uri: str) -> None:
    """Check that MLflow will use a database as it is: it would migrate an older one, and add tables to any other.

    Raises:
        InputError: it is of another version of MLflow, not MLflow's at all, or cannot be read.
    """
    try:
        with _opened(path) as database:
            tables, found = _tables(database), _revision(database)
    except sqlite3.Error as error:
        raise InputError(f"{path}: not usable as MLflow's database ({error})") from error
    known = _revisions()
    if not tables or not known or found in known - _replaced():
        return
    if found is None and "experiments" not in tables:
        raise InputError(f"{path}: a database, but not MLflow's; it is left as it is; choose another tracking.uri=")
    if found in known or found is None:
        raise InputError(
            f"{path}: of an older MLflow (schema {found}), left as it is; choose another tracking.uri=, or make a copy "
            f"of it and run: mlflow db upgrade '{uri}'"
        )
    raise InputError(
        f"{path}: of a newer MLflow (schema {found}), left as it is; choose another tracking.uri=, or update MLflow"
    )


def make_database(path: Path) -> None:
    """Make a database where there is none, whole or not at all, whatever happens meanwhile; say so.

    Raises:
        OSError: it cannot be written.
    """
    remove_leftovers(path.parent, path.name)
    if _is_made(path):
        return
    with locked(str(path.absolute())):
        if _is_made(path):
            return
        print(f"ofa_bench: making MLflow's database {path}, once", file=sys.stderr, flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():  # without a byte, or a table
            write_whole(path, _empty())
        else:
            with suppress(FileExistsError):
                write_new(path, _empty())


def _is_made(path: Path) -> bool:
    """Tell whether there is a database with tables, or something that is none."""
    if not path.exists():
        return False
    try:
        with _opened(path) as database:
            return bool(_tables(database))
    except sqlite3.Error:
        return True


def _empty() -> bytes:
    """Return a database with MLflow's tables and no run: a copy of the one in the user's cache, where there is one."""
    silence_mlflow()
    import mlflow

    kept = user_cache_path("ofa_bench") / f"mlflow-{mlflow.__version__}.db"
    with suppress(OSError, sqlite3.Error, InputError):
        if kept.stat().st_size <= LARGEST and _is_whole(kept):
            return kept.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / kept.name
        _migrate(made)
        content = made.read_bytes()
        if _is_whole(made):
            with suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, content)
    return content


def _is_whole(path: Path) -> bool:
    with _opened(path) as database:
        found, [checked] = _revision(database), database.execute("PRAGMA quick_check").fetchone()
    return checked == "ok" and found in _revisions() - _replaced()


def _migrate(path: Path) -> None:
    """Have MLflow build its tables, in as many steps as it takes: in memory, as each would wait for the disk."""
    import sqlalchemy
    from mlflow.store.db import utils
    from sqlalchemy.pool import StaticPool

    engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    try:
        utils._initialize_tables(engine)
        with closing(sqlite3.connect(path)) as database, closing(engine.raw_connection()) as connection:
            connection.driver_connection.backup(database)
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


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _revision(database: sqlite3.Connection) -> str | None:
    """Return the revision of MLflow's schema that a database has."""
    if "alembic_version" not in _tables(database):
        return None
    found = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else None


@cache
def _steps() -> dict[str, set[str]]:
    """Return the revisions of the schema that this MLflow knows, and those that each replaces."""
    import mlflow

    texts = (path.read_text() for path in Path(mlflow.__file__).parent.glob("store/db_migrations/versions/*.py"))
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
