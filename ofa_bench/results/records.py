"""Records: one JSON file a cell, written atomically and last. Files are the truth, all else is a view of them."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import ofa_bench
from ofa_bench.engine import Cell, Repeat
from ofa_bench.errors import InputError
from ofa_bench.predictors.assets import sha256_of
from ofa_bench.reading import UnreadableError, content_of, json_object
from ofa_bench.results.frontiers import Frontier
from ofa_bench.results.regret import with_regret
from ofa_bench.results.shape import check_record
from ofa_bench.search import Problem, SearchResult
from ofa_bench.strategies import Strategy
from ofa_bench.writing import write_new, write_whole

__all__ = [
    "CONFIG",
    "FORMAT",
    "RECORD",
    "Record",
    "copy",
    "identity",
    "make_record",
    "read",
    "write",
]

FORMAT = "ofa_bench.record/1"
RECORD = "record.json"
CONFIG = "config.yaml"

LARGEST = 1_000_000_000
"""Bytes of the largest record that is read; a thousand results have 1.5 million."""

Record = dict[str, Any]


def identity(config: Mapping[str, Any], problem: Problem, strategy: Strategy) -> str:
    """Hash all that decides what a cell finds: its config, its predictor, its cost model, and a user's strategy's code.

    Returns:
        16 hexadecimal digits of SHA-256.
    """
    content = [config, problem.predictor.sha256, problem.cost.sha256, _code_of(strategy)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _code_of(strategy: Strategy) -> str | None:
    """Hash the source file of a strategy that is not ours; ours change with the package's version."""
    module = type(strategy).__module__
    file = getattr(sys.modules.get(module), "__file__", None)
    return sha256_of(Path(file)) if file and not module.startswith("ofa_bench.") else None


def make_record(
    cell: Cell,
    repeats: Sequence[Repeat],
    *,
    address: str,
    choices: Mapping[str, str],
    identity: str,
    config: Mapping[str, Any],
    frontier: Frontier | None = None,
) -> Record:
    """Say everything about a finished cell in plain types; costs are in ``unit``, accuracies fractions of 1.

    ``frontier`` is the best known of the cell's problem, where there is one (see ``regret.with_regret``).
    """
    problem = cell.problem
    record = {
        "format": FORMAT,
        "address": address,
        "choices": dict(choices),
        "identity": identity,
        "config": dict(config),
        "seed": cell.seed,
        "unit": problem.cost.unit,
        "targets": list(cell.targets),
        "budget": {"generations": cell.budget.generations, "warm_generations": cell.budget.warm_generations},
        "predictor": {
            "name": problem.predictor.name,
            "sha256": problem.predictor.sha256,
            "pruning": getattr(problem.predictor, "pruning", None),
        },
        "device": {
            "name": problem.cost.name,
            "sha256": problem.cost.sha256,
            "minimum": problem.cost.minimum,
            "maximum": problem.cost.maximum,
            "card": dict(problem.cost.card),
        },
        "made": {
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "ofa_bench": ofa_bench.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "threads": cell.threads,
            "lockstep": cell.together,
            "compiled": problem.kernels is not None,
        },
        "repeats": [
            {
                "repeat": number,
                "seconds": repeat.seconds,
                "results": [
                    _result(cell, result, seconds)
                    for result, seconds in zip(repeat.results, repeat.target_seconds, strict=True)
                ],
            }
            for number, repeat in enumerate(repeats)
        ],
    }
    return with_regret(record, frontier)


def _result(cell: Cell, result: SearchResult, seconds: float) -> dict[str, Any]:
    return {
        "target": result.target,
        "feasible": result.feasible,
        "accuracy": result.accuracy,
        "cost": result.cost,
        "seconds": seconds,
        "generations": result.generations,
        "shared": result.shared,
        **vars(result.counts),
        "architecture": cell.problem.space.to_ofa(result.genes),
        "genes": result.genes.tolist(),
        "curve": [list(point) for point in result.curve],
    }


def write(folder: Path, record: Record, config_yaml: str) -> Record:
    """Write the composed config and then, last, the record; each is whole or absent, whatever happens.

    Returns:
        The record that is there now: this one, or an equal cell's that another process wrote meanwhile.

    Raises:
        InputError: another process wrote the record of another config meanwhile; that one is kept.
        OSError: the folder cannot be written.
    """
    return _write(folder, record, json.dumps(record) + "\n", config_yaml)


def copy(source: Path, folder: Path) -> Record:
    """Write another folder's record here, byte by byte, with its config; as ``write`` does.

    Raises:
        InputError: it is no record, or another one is here; that one is kept.
        OSError: the folder cannot be written.
    """
    return _write(folder, read(source), (source / RECORD).read_text(), (source / CONFIG).read_text())


def _write(folder: Path, record: Record, text: str, config_yaml: str) -> Record:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / CONFIG, config_yaml)
    try:
        write_new(folder / RECORD, text)
    except FileExistsError as error:
        there = read(folder)
        if there["identity"] != record["identity"]:
            raise InputError(f"{folder}: another process wrote the record meanwhile; that one is kept") from error
        return there
    return record


def read(folder: Path) -> Record:
    """Read the record of a cell.

    Raises:
        InputError: the file is not a record of this format.
    """
    path = folder / RECORD
    try:
        record = json_object(content_of(path, LARGEST))
        if record.get("format") != FORMAT or "identity" not in record:
            raise InputError(f"{path}: not a record of format {FORMAT}")
        check_record(record)
    except UnreadableError as error:
        raise InputError(f"{path}: not readable as a record ({error}); move it away") from error
    return record
