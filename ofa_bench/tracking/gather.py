"""Reads records from MLflow."""

import tempfile
from pathlib import Path

from ofa_bench.errors import InputError
from ofa_bench.records.gather import Gathered
from ofa_bench.tracking.client import open_store
from ofa_bench.tracking.fetching import fetch

__all__ = ["from_mlflow"]


def from_mlflow(experiment: str, uri: str, gathered: Gathered | None = None) -> Gathered:
    """Read the records of an experiment's cells from MLflow's artifacts; a cell of several sweeps is read once.

    Raises:
        InputError: the store cannot be used, or the experiment does not exist or has no cells.
    """
    from mlflow.exceptions import MlflowException

    gathered = gathered or Gathered()
    try:
        client = open_store(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            raise InputError(f"mlflow={experiment}: no such experiment at {uri}")
        runs = client.search_runs([found.experiment_id], "tags.`ofa_bench.kind` = 'cell'", max_results=50_000)
        if not runs:
            raise InputError(f"mlflow={experiment}: no cell in this experiment at {uri}")
        for run in {run.data.tags.get("ofa_bench.record"): run for run in reversed(runs)}.values():
            with tempfile.TemporaryDirectory() as folder:
                try:
                    fetch(client, run.info.run_id, Path(folder))
                except InputError as error:
                    gathered.left_out.append(str(error))
                    continue
                gathered.take(Path(folder), f"run {run.info.run_id}")
    except MlflowException as error:
        raise InputError(f"mlflow={experiment}: {' '.join(str(error).split())} (at {uri})") from error
    gathered.finish()
    return gathered
