"""Reads records that a user names by a cell's folder, its file, or an MLflow run."""

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from ofa_bench.errors import InputError
from ofa_bench.records.model import RECORD, Record

__all__ = ["FORMS", "record_named", "run_named"]

FORMS = (
    "a file with OFA's dict ({'ks': ..., 'e': ..., 'd': ..., 'r': ...}) or a list of these, net.config with run.config "
    "beside it, the card.json of an export, a record (folder, record.json or MLflow run), or the dict itself"
)
"""The forms of names of architectures, for messages."""

_RUN = re.compile(r"(?:runs:/)?([0-9a-f]{32})(?:/record\.json)?")


def record_named(key: str, name: str, uri: str | None) -> Record:
    """Read a record: a cell's folder, its ``record.json``, or an MLflow run (``<id>`` or ``runs:/<id>``) at ``uri``.

    Raises:
        InputError: there is no such record; the message names the key.
    """
    try:
        path = Path(name).expanduser()
        run = None if path.exists() else run_named(name)
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user's home, a null character
        raise InputError(f"{key}={name[:200]}: no such file or folder ({error.__class__.__name__})") from error
    return _of_run(key, name, run, uri) if run else _of_path(key, name, path)


def run_named(name: str) -> str | None:
    """Return the id of an MLflow run from its name; None if the name has another form."""
    found = _RUN.fullmatch(name)
    return found[1] if found else None


def _of_path(key: str, name: str, path: Path) -> Record:
    from ofa_bench.records import record as records

    folder = path.parent if path.name == RECORD else path
    if not os.path.lexists(folder / RECORD):
        given = (
            f"there is no {RECORD}" if folder.is_dir() else "no record" if folder.exists() else "no such file or folder"
        )
        wanted = FORMS
        if key == "run":
            wanted = "a cell's folder or MLflow run; sweep= takes all below a folder, architecture= other networks"
        raise InputError(f"{key}={name}: {given}; give {wanted}")
    try:
        return records.read(folder)
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def _of_run(key: str, name: str, run: str, uri: str | None) -> Record:
    from ofa_bench.tracking.client import open_store
    from ofa_bench.tracking.fetching import fetch

    if uri is None:
        raise InputError(f"{key}={name}: an MLflow run, but tracking.uri is null; choose tracking=sqlite or server")
    with TemporaryDirectory() as folder:
        try:
            fetch(open_store(uri), run, Path(folder))
        except Exception as error:  # of MLflow, of its store, of the network
            message = " ".join(str(error).split())
            raise InputError(
                f"{key}={name}: MLflow at {uri} has no {RECORD} of this run, which must be a cell's ({message})"
            ) from error
        return _of_path(key, name, Path(folder))
