"""Gathers records from MLflow."""

import tempfile
from pathlib import Path

from ofa_bench.config.store_uri import resolve_uri, sqlite_path
from ofa_bench.errors import InputError
from ofa_bench.records.gather import Gathered
from ofa_bench.tracking.client import quiet_client
from ofa_bench.tracking.fetching import fetch

__all__ = ["from_mlflow"]


def from_mlflow(experiment: str, uri: str, gathered: Gathered | None = None) -> Gathered:
    """Read the records of an experiment's cells from MLflow's artifacts; each once, in however many sweeps it is.

    Raises:
        InputError: the store cannot be used, or has no such experiment, or no cell in it.
    """
    path = sqlite_path(uri)
    if path and not path.is_file():  # MLflow would make it
        raise InputError(f"uri={uri}: no such file")
    uri = resolve_uri(uri, Path.cwd())
    from mlflow.exceptions import MlflowException

    gathered = gathered or Gathered()
    try:
        client = quiet_client(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            raise InputError(f"mlflow={experiment}: no such experiment at {uri}")
        runs = client.search_runs([found.experiment_id], "tags.`ofa_bench.kind` = 'cell'", max_results=50_000)
        if not runs:
            raise InputError(f"mlflow={experiment}: no cell in this experiment at {uri}")
        for run in {run.data.tags.get("ofa_bench.record"): run for run in reversed(runs)}.values():
            with tempfile.TemporaryDirectory() as folder:
                where = f"run {run.info.run_id}"
                try:
                    fetch(client, run.info.run_id, Path(folder))
                except InputError as error:
                    gathered.left_out.append(str(error))
                    continue
                gathered.take(Path(folder), where)
    except MlflowException as error:
        raise InputError(f"mlflow={experiment}: {' '.join(str(error).split())} (at {uri})") from error
    gathered.need_one()
    gathered.strip_attempts()
    return gathered
