"""An experiment's files stay in the project when it is moved."""

import pytest

from ofa_bench.config.schema import TrackingConfig
from ofa_bench.errors import InputError
from ofa_bench.tracking.locations import check_location, local_path


@pytest.fixture
def project(tmp_path):
    """Return the configuration of a store in a project's folder."""
    folder = tmp_path / "new place"
    folder.mkdir()
    (folder / "mlflow.db").touch()
    return TrackingConfig.at("sqlite:///mlflow.db", None, "mine", folder)


def test_files_within_the_project_or_as_configured_need_no_word(project, tmp_path, capsys):
    folder = tmp_path / "new place"
    for place in (folder / "mlartifacts", folder / "mlruns" / "1"):
        check_location(project, place.as_uri())
        check_location(project, str(place))
    check_location(project, "s3://bucket/mine")
    check_location(project, "mlflow-artifacts:/1")
    check_location(TrackingConfig(project.uri, str(tmp_path / "big"), "mine"), (tmp_path / "big" / "1").as_uri())
    check_location(TrackingConfig("http://host", None, "mine"), "file:///elsewhere")
    assert capsys.readouterr().err == ""


def test_a_moved_or_copied_project_writes_nothing_to_its_old_place(project, tmp_path):
    old = tmp_path / "old place" / "mlartifacts"
    words = (
        "experiment mine keeps files in .*old place/mlartifacts, where this project was before it was moved or copied"
    )
    with pytest.raises(InputError, match=words):  # moved: nothing is there
        check_location(project, old.as_uri())
    old.mkdir(parents=True)
    (old.parent / "mlflow.db").touch()
    with pytest.raises(InputError, match=words):  # copied: the original is there
        check_location(project, old.as_uri())


def test_another_location_on_purpose_is_reported(project, tmp_path, caplog):
    caplog.set_level("INFO", logger="ofa_bench")
    place = tmp_path / "large disk" / "files"
    place.mkdir(parents=True)
    check_location(project, place.as_uri())
    message = f"files of experiment mine go to {place}, as it says in {tmp_path}/new place/mlflow.db"
    assert caplog.messages == [message]


def test_addresses_of_folders_are_read():
    assert str(local_path("file:///a%20b/what%3F")) == "/a b/what?"
    assert str(local_path("/a%20b")) == "/a b", "MLflow decodes paths too"
    assert local_path("mlflow-artifacts:/1") is local_path("s3://bucket/a") is None
