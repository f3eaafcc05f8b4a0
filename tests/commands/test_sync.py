"""``ofa_bench sync`` as users run it."""

import json
import shutil
from collections import Counter

from mlflow import MlflowClient

CELLS = ("budget=quick", "targets=paper1", "evolution.population_size=10")


def runs(folder, name="mlflow.db", experiment="ofa_bench"):
    """Return all runs, without what differs where they are logged again."""
    client = MlflowClient(f"sqlite:///{folder}/{name}")
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    names = {run.info.run_id: run.info.run_name for run in found}
    return Counter(
        json.dumps(
            [
                run.info.run_name,
                run.info.status,
                run.info.start_time,
                names.get(run.data.tags.get("mlflow.parentRunId")),
                run.data.params,
                run.data.metrics,
                {key: value for key, value in run.data.tags.items() if key.startswith("ofa_bench.")},
                sorted(item.path for item in client.list_artifacts(run.info.run_id)),
            ],
            sort_keys=True,
        )
        for run in found
    )


def test_a_deleted_database_is_rebuilt_whole(ofa_bench, forks, tmp_path):
    assert ofa_bench("-m", "strategy=vanilla,top_down", *CELLS).returncode == 0
    assert ofa_bench("seed=7", *CELLS).returncode == 0
    (tmp_path / "mlflow.db").rename(tmp_path / "before.db")  # this process keeps open what it has read
    before = runs(tmp_path, "before.db")
    shutil.rmtree(tmp_path / "mlartifacts")
    sent = forks.run("sync", (), tmp_path)
    assert (sent.returncode, sent.stderr) == (0, "")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    opened = f"MLflow:  mlflow ui --host 127.0.0.1 --backend-store-uri {uri}\nruns:    http://127.0.0.1:5000/#/experiments/1/"
    assert f"3 records sent to {uri}\n{opened}" in sent.stdout
    assert "mlflow.sharedViewState.ofa_bench" in MlflowClient(uri).get_experiment("1").tags
    assert runs(tmp_path) == before
    assert len(before) == 4
    again = forks.run("sync", ("multirun",), tmp_path)
    assert again.stdout.startswith(f"0 records sent to {uri}\n{opened}")
    assert runs(tmp_path) == before


def test_what_a_store_that_was_away_lacks_is_sent(ofa_bench, forks, tmp_path):
    away = ("tracking=server", "tracking.uri=http://127.0.0.1:9", "tracking.experiment=study")
    at_once = {"MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0"}
    ran = ofa_bench("-m", "seed=0,1", *CELLS, *away, **at_once)
    assert ran.returncode == 0
    command = ran.stderr.rpartition("this sends it: ofa_bench sync ")[2].split()
    assert command == [str(tmp_path / "multirun"), "uri=http://127.0.0.1:9", "experiment=study"]
    command[1] = f"uri=sqlite:///{tmp_path}/other.db"
    sent = forks.run("sync", tuple(command), tmp_path)
    assert (sent.returncode, sent.stderr) == (0, "")
    assert len(runs(tmp_path, "other.db", "study")) == 3
    still = forks.run("sync", ("uri=http://127.0.0.1:9",), tmp_path, **at_once)
    assert still.returncode == 1
    assert still.stderr.count("\n") == 1
    assert "http://127.0.0.1:9" in still.stderr


def test_folders_without_records_are_one_line(forks, tmp_path):
    (tmp_path / "empty").mkdir()
    for words, message in (
        (("nowhere",), "ofa_bench: nowhere: no such folder\n"),
        (("empty",), "ofa_bench: empty: no record below it\n"),
        (("empty", "url=x"), "ofa_bench: url: no such key; allowed: uri, artifacts, experiment, and folders; did you"),
    ):
        ran = forks.run("sync", words, tmp_path)
        assert ran.returncode == 2
        assert ran.stderr.startswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_attempts_stay_beside_each_other(ofa_bench, tmp_path):
    command = ("-m", "strategy=vanilla,top_down", "seed=0", *CELLS)
    for number in (1, 2):
        ran = ofa_bench(*command, *(["rerun=true"] if number > 1 else []))
        assert ran.returncode == 0, ran.stderr
        assert len(list((tmp_path / "multirun").rglob("record.json"))) == 2 * number
    last = "seed=0,evolution.population_size=10"
    names = {path.parent.name for path in (tmp_path / "multirun").rglob("record.json")}
    assert names == {last, f"{last},attempt=2"}
    again = ofa_bench(*command)
    assert again.stderr.count(f"{last},attempt=2: already there, skipped") == 2
    assert sum(runs(tmp_path).values()) == 1 + 4
