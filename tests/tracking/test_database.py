"""Local databases of MLflow: made as MLflow makes them; those of another version are left as they are."""

import re
import sqlite3
import warnings
from contextlib import closing

import mlflow
import pytest

from ofa_bench.errors import InputError
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.tracking import database
from ofa_bench.tracking.client import create_store, open_store

OLDER = "acf3f17fdcc7"
"""The revision that MLflow 2.9 has."""


def changed(path, *commands):
    with closing(sqlite3.connect(path)) as opened, opened:
        for command in commands:
            opened.execute(command)
    return path


def schema(path):
    """Return everything that is in a database but rows; MLflow's steps write a table's constraints in any order."""
    with closing(sqlite3.connect(path)) as opened:
        found = opened.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {tuple(about): sorted(line.strip(" ,\t") for line in (sql or "").splitlines()) for *about, sql in found}


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_bytes(database._empty())
    return path


def test_a_database_is_as_mlflow_makes_it_and_no_warning_stops_that(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "user_cache_path", lambda name: tmp_path / "cache")
    by_mlflow, ours = tmp_path / "by_mlflow.db", tmp_path / "project" / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{by_mlflow}").search_experiments()
    for path in (ours, ours.with_name("again.db")):  # the second is a copy
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            create_store(f"sqlite:///{path}").search_experiments()
        assert schema(path) == schema(by_mlflow)
    assert sorted(path.name for path in ours.parent.iterdir()) == ["again.db", "mlflow.db"]
    [kept] = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:5000])  # damaged
    create_store(f"sqlite:///{tmp_path}/third.db").search_experiments()
    assert schema(tmp_path / "third.db") == schema(by_mlflow)


@pytest.mark.parametrize(("commands", "message"), [
    ([f"UPDATE alembic_version SET version_num = '{OLDER}'", "DROP TABLE logged_models"],
     rf"of an older MLflow \(schema {OLDER}\), left as it is; .* make a copy of it and run: mlflow db upgrade"),
    ([f"UPDATE alembic_version SET version_num = '{OLDER}'"], "of an older MLflow"),
    (["DROP TABLE alembic_version"], "of an older MLflow"),
    (["UPDATE alembic_version SET version_num = 'ffffffffffff'"], "of a newer MLflow .* or update MLflow"),
])  # fmt: skip
def test_a_database_of_another_mlflow_is_left_as_it_is(empty, commands, message):
    before = sha256_of(changed(empty, *commands))
    for opened in (create_store, open_store):
        for scheme in ("sqlite", "sqlite+pysqlite"):  # the second as a server's is read
            with pytest.raises(InputError, match=message):
                opened(f"{scheme}:///{empty}")
    assert sha256_of(empty) == before
    assert [path.name for path in empty.parent.iterdir()] == ["mlflow.db"]


def test_a_database_of_something_else_gets_no_tables_of_mlflow(tmp_path):
    path = changed(tmp_path / "mine.db", "CREATE TABLE customers (name)")
    with pytest.raises(InputError, match="a database, but not MLflow's; it is left as it is"):
        create_store(f"sqlite:///{path}")
    assert len(schema(path)) == 1


def test_only_what_makes_a_store_makes_a_file(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", logger="ofa_bench")
    with pytest.raises(InputError, match=r"uri=sqlite:///.*/mlflow\.db: no such file"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db")
    assert not list(tmp_path.iterdir())
    (tmp_path / "mlflow.db").touch()
    (tmp_path / ".work.ab12_xyz.part" / "a").mkdir(parents=True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for _ in range(2):
        create_store(f"sqlite:///{tmp_path}/mlflow.db").search_experiments()
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    assert caplog.messages == [f"making MLflow's database {tmp_path}/mlflow.db, once"]


def test_a_search_leaves_an_older_database_alone(forks, tmp_path, empty):
    before = sha256_of(
        changed(empty, f"UPDATE alembic_version SET version_num = '{OLDER}'", "DROP TABLE logged_models")
    )
    small = ("budget=quick", "targets=paper1", "evolution.population_size=10", "progress=false")
    ran = forks.run("run", small, tmp_path)
    assert ran.returncode == 0
    assert len(re.findall(f"records are on disk: {empty}: of an older MLflow", ran.stderr)) == 1
    assert "mlflow ui" not in ran.stdout
    assert len(list((tmp_path / "multirun").rglob("record.json"))) == 1
    for command in (("sync", ()), ("report", ("mlflow=ofa_bench",))):
        ran = forks.run(*command, tmp_path)
        assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
        assert "of an older MLflow" in ran.stderr
    assert sha256_of(empty) == before
