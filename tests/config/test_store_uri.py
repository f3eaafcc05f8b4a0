"""Addresses of stores: paths with characters that are syntax in an address, and what the environment names."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from nasty import NASTY_NAMES

from ofa_bench.commands.export import Options as Export
from ofa_bench.commands.report import Options as Report
from ofa_bench.commands.sync import Options as Sync
from ofa_bench.config import store_uri
from ofa_bench.config.registration import register
from ofa_bench.config.schema import TrackingConfig, conf_dir
from ofa_bench.config.store_uri import resolve_uri, sqlite_path, sqlite_uri
from ofa_bench.errors import InputError
from ofa_bench.experiment.checks import resolve_tracking

URI, EXPERIMENT = store_uri.VARIABLES


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_every_folder_can_hold_a_database(tmp_path, name):
    path = tmp_path / name / "mlflow.db"
    path.parent.mkdir(parents=True)
    uri = sqlite_uri(path)
    assert sqlite_path(uri) == path
    assert resolve_uri(uri, Path("/elsewhere")) == uri
    engine = sqlalchemy.create_engine(uri)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE mine (a)"))
    engine.dispose()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


@pytest.mark.parametrize(("decodes", "expected"), [
    (True, {"/a?b": "sqlite:///%2Fa%3Fb", "/a%20b": "sqlite:///%2Fa%2520b", "/a b#c": "sqlite:////a b#c"}),
    (False, {"/a?b": "sqlite:///file:%2Fa%3Fb?uri=true", "/a%20b": "sqlite:////a%20b", "/a b#c": "sqlite:////a b#c"}),
])  # fmt: skip
def test_both_grammars_of_sqlalchemy_are_known(monkeypatch, decodes, expected):
    monkeypatch.setattr(store_uri, "_decodes", lambda: decodes)
    assert {path: sqlite_uri(Path(path)) for path in expected} == expected
    assert {str(sqlite_path(uri)): uri for uri in expected.values()} == expected


def test_addresses_that_are_no_files_stay_as_they_are():
    for uri in ("http://host:5000", "sqlite://", "sqlite:///:memory:", "postgresql://me@host/db", "databricks"):
        assert sqlite_path(uri) is None
        assert resolve_uri(uri, Path("/here")) == uri
    assert resolve_uri("sqlite:///a.db?timeout=30", Path("/here")) == "sqlite:////here/a.db?timeout=30"
    assert resolve_uri("./mlruns", Path("/here")) == "/here/mlruns"
    with pytest.raises(InputError, match=r"'\?' ends the path in the address of a database; write %3F"):
        sqlite_path("sqlite:////home/what?/mlflow.db")


def composed(*overrides):
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("config", list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return config


def tracking(*overrides):
    return resolve_tracking(composed(*overrides))


def test_the_environment_names_the_store_and_the_experiment_where_the_command_does_not(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    here = TrackingConfig(f"sqlite:///{tmp_path}/mlflow.db", f"{tmp_path}/mlartifacts", "ofa_bench")
    assert tracking() == tracking("tracking=sqlite") == here
    assert tracking("tracking=server").uri == "http://127.0.0.1:5000"
    assert (Sync().uri, Export().uri, Report().uri, Export().experiment) == (*["sqlite:///mlflow.db"] * 3, "ofa_bench")
    monkeypatch.setenv(EXPERIMENT, "team")
    monkeypatch.setenv(URI, "http://team:5000")
    team = TrackingConfig("http://team:5000", None, "team")
    assert tracking() == tracking("tracking=server") == team
    assert (Sync().uri, Export().uri, Report().uri, Export().experiment) == (*["http://team:5000"] * 3, "team")
    assert tracking("tracking.uri=http://mine:1", "tracking.experiment=x") == TrackingConfig("http://mine:1", None, "x")
    assert tracking("tracking=sqlite").uri == here.uri
    assert tracking("tracking=none").uri is None
    monkeypatch.setenv(URI, "sqlite:///sub/team.db")
    inner = f"sqlite:///{tmp_path}/sub/team.db", f"{tmp_path}/sub/mlartifacts"
    assert tracking() == TrackingConfig(*inner, "team")
    assert Sync().tracking("team") == TrackingConfig(*inner, "team")
    monkeypatch.setenv(URI, "mlruns")
    assert tracking().uri == f"{tmp_path}/mlruns"
    monkeypatch.setenv(URI, "sqlite:////what?/a.db")
    with pytest.raises(Exception, match=r"MLFLOW_TRACKING_URI=sqlite:////what\?/a.db: '\?' ends the path"):
        tracking()


def test_paths_of_a_store_do_not_depend_on_the_folder_of_the_moment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = composed("tracking.uri=sqlite:///a.db", "tracking.artifacts=files")
    monkeypatch.chdir("/")
    resolve_tracking(config)
    assert (config.tracking.uri, config.tracking.artifacts) == (f"sqlite:///{tmp_path}/a.db", f"{tmp_path}/files")


def test_cells_in_other_processes_are_given_the_variables(monkeypatch):
    monkeypatch.delenv(EXPERIMENT, raising=False)
    monkeypatch.setenv(URI, "http://team:5000")
    assert set(composed().hydra.job.env_set) == {"OFA_BENCH_SWEEP", URI}


def test_coded_addresses_are_read(monkeypatch):
    monkeypatch.setattr(store_uri, "_decodes", lambda: True)
    assert sqlite_path(f"sqlite:///{quote('/a b?/c', safe='')}") == Path("/a b?/c")
