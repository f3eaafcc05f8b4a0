"""What an earlier record found, for a warm start from it: files and MLflow end here, a strategy sees arrays."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Genes

__all__ = ["Earlier", "named_by", "read"]

KEY = "strategy.warm_start.from"

_RUN = re.compile(r"(?:runs:/)?([0-9a-f]{32})(?:/record\.json)?")


@dataclass(frozen=True)
class Earlier:
    """The architectures found (int8 [n, n_genes], distinct) for all targets and repeats of a record, and their hash.

    ``space`` is the design space as the record's config describes it, ``called`` the name of that option.
    """

    name: str
    called: str
    space: Any
    genes: Genes
    sha256: str

    def genes_in(self, space: DesignSpace, described: Any) -> Genes:
        """Give the architectures, if they are of this space.

        Raises:
            InputError: they are of another one.
        """
        if self.space != described or not space.contains(self.genes).all():
            other = self.called if self.called != space.name else f"{self.called} with other settings"
            raise InputError(f"{KEY}={self.name}: a record of space {other}; this one is {space.name}")
        return self.genes


def named_by(strategy: Any) -> str | None:
    """Give the name of the record that a strategy's config names, if it does: a path or an MLflow run."""
    warm_start = strategy.get("warm_start") if isinstance(strategy, Mapping) else None
    name = warm_start.get("from") if isinstance(warm_start, Mapping) else None
    return None if name is None else str(name)


@cache
def read(name: str, uri: str | None) -> Earlier:
    """Read a record: a cell's folder, its ``record.json``, or an MLflow run (``<id>`` or ``runs:/<id>``) at ``uri``.

    It is read once in a process, so that what is searched is what the identity of the new record tells.

    Raises:
        InputError: there is no such record, or it holds nothing that met its target.
    """
    try:
        path = Path(name).expanduser()
        run = None if path.exists() else _RUN.fullmatch(name)
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user's home, a null character
        raise InputError(f"{KEY}={name[:200]}: no such folder ({error.__class__.__name__})") from error
    record = _of_run(name, run[1], uri) if run else _of_path(name, path)
    rows = [
        result["genes"] for repeat in record["repeats"] for result in repeat["results"] if result.get("feasible", True)
    ]
    if not rows:
        raise InputError(f"{KEY}={name}: nothing in this record met its target")
    genes = np.unique(np.array(rows, np.int8), axis=0)
    digest = sha256(repr(genes.tolist()).encode()).hexdigest()
    return Earlier(name, record["choices"]["space"], record["config"].get("space"), genes, digest)


def _of_path(name: str, path: Path) -> dict[str, Any]:
    from ofa_bench.results import records

    folder = path.parent if path.name == records.RECORD else path
    if not os.path.lexists(folder / records.RECORD):
        given = f"there is no {records.RECORD}" if folder.is_dir() else "no such folder"
        raise InputError(
            f"{KEY}={name}: {given}; give the folder of a cell, its record.json or the id of its MLflow run"
        )
    try:
        return records.read(folder)
    except InputError as error:
        raise InputError(f"{KEY}: {error}") from error


def _of_run(name: str, run: str, uri: str | None) -> dict[str, Any]:
    from ofa_bench.results import records
    from ofa_bench.results.fetching import fetch
    from ofa_bench.results.mlflow_client import quiet_client

    if uri is None:
        raise InputError(f"{KEY}={name}: an MLflow run, but tracking.uri is null; choose tracking=sqlite or server")
    with TemporaryDirectory() as folder:
        try:
            fetch(quiet_client(uri), run, Path(folder))
        except Exception as error:  # of MLflow, of its store, of the network
            said = " ".join(str(error).split())
            raise InputError(
                f"{KEY}={name}: MLflow at {uri} has no {records.RECORD} of this run, which must be a cell's ({said})"
            ) from error
        return _of_path(name, Path(folder))
