"""Downloads a cell's files from MLflow; names and sizes that a server reports are checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ofa_bench.errors import InputError
from ofa_bench.records.record import LARGEST, RECORD
from ofa_bench.tracking.locations import local_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["fetch"]


def fetch(client: "MlflowClient", run: str, folder: Path, names: Sequence[str] = (RECORD,)) -> None:
    """Download files of a run into a folder under the same names; their content is not checked here.

    Raises:
        InputError: a file is missing or larger than ``LARGEST``.
        MlflowException: the store cannot be used.
    """
    sizes = {one.path: one.file_size for one in client.list_artifacts(run) if not one.is_dir}
    for name in names:
        if not sizes:
            place = local_path(str(client.get_run(run).info.artifact_uri))
            if place and not place.exists():
                raise InputError(f"run {run}: its files are in {place}, which is not there")
        if name not in sizes:
            raise InputError(f"run {run} has no {name}, which a cell's has")
        if (sizes[name] or 0) > LARGEST:
            raise InputError(f"run {run}: its {name} is larger than {LARGEST:,} bytes, the most that is read")
        client.download_artifacts(run, name, str(folder))
