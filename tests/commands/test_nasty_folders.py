"""A search with MLflow in a folder whose path contains characters with a special meaning somewhere."""

from mlflow import MlflowClient
from nasty import NASTY_NAMES

from ofa_bench.config.store_uri import sqlite_uri

SMALL = ("budget=quick", "targets=paper1", "evolution.population_size=10", "progress=false", "tracking=sqlite")


def test_a_search_and_its_store_stay_in_their_folder(forks, tmp_path):
    folder = tmp_path.joinpath(*NASTY_NAMES)
    folder.mkdir(parents=True)
    ran = forks.run("run", SMALL, folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    client = MlflowClient(sqlite_uri(folder / "mlflow.db"))
    [run] = client.search_runs([client.get_experiment_by_name("ofa_bench").experiment_id])
    assert (run.info.status, len(client.list_artifacts(run.info.run_id))) == ("FINISHED", 4)
    assert {path.name for path in folder.iterdir()} == {"mlartifacts", "mlflow.db", "multirun"}
    assert all(path.is_relative_to(folder) for path in tmp_path.rglob("*") if not path.is_dir())
    for above in folder.parents[: len(folder.relative_to(tmp_path).parts)]:
        assert len(list(above.iterdir())) == 1, "no folder beside it"
    shown = forks.run("report", ("mlflow=ofa_bench", "out=report"), folder)
    assert (shown.returncode, shown.stderr) == (0, "")
