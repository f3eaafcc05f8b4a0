"""Networks drawn at random that are timed beside those found: they tell the device's drift from a search's exploits.

A machine is not as fast today as when its table was measured, by a percent or three, and a search takes what the table
underrates. Both make what was found slower than predicted; only the first does so to networks that nobody chose.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ofa_bench.config.batches import batch_of_unit
from ofa_bench.errors import InputError
from ofa_bench.exporting.found import Found, buildable
from ofa_bench.exporting.networks import init_batchnorm
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import work_folder, write_whole
from ofa_bench.predictors import latency_table
from ofa_bench.spaces import Genes
from ofa_bench.supernets.network_files import write_onnx
from ofa_bench.supernets.pieces import supernet

__all__ = ["FOLDER", "read_controls", "write_controls"]

FOLDER, LIST = "controls", "controls.json"

SAMPLE = 2_000
"""Random architectures, of which those are taken whose costs are spread over the targets."""


def write_controls(folder: Path, found: Sequence[Found], device: str, n: int) -> str:
    """Write random networks' ONNX files, with what the cost table says of them; say in words why not, if it cannot be.

    They are for the batch that the table is of.

    Args:
        folder: of the networks found, which share a space and a table; the files go to ``controls`` in it.
        found: these networks.
        device: the cost table, by name or path, as their record has it.
        n: how many, with costs spread evenly over those of the networks found.

    Raises:
        OSError: the folder cannot be written.
    """
    space = buildable(found[0].architecture, found[0].space, found[0].described)[0]
    try:
        table = latency_table(space, device)
    except InputError as error:
        return f"no networks are timed beside those found: {error}"
    batch = batch_of_unit(table.unit)
    if batch is None:
        return f"no networks are timed beside those found: the costs of {device} are not in milliseconds"
    if table.sha256 != found[0].hashes["device"]:
        return f"no networks are timed beside those found: the table {device} is not the one that they were found with"
    rows = space.canonical(space.sample(SAMPLE, np.random.default_rng(0)))
    costs = table.cost(rows)
    spread = np.linspace(min(one.cost for one in found), max(one.cost for one in found), n)
    chosen = np.unique(np.abs(costs[:, None] - spread).argmin(axis=0))
    net, listed = supernet(space), []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for i in chosen.tolist():
        path = folder / FOLDER / _file(rows[i], batch)
        if not path.exists():
            with work_folder(folder) as place:
                piece = net.subnet(rows[i])
                module = piece.build()
                init_batchnorm(module, piece.shape[1])
                write_onnx(module, piece.shape, place / path.name, batch)
                (place / path.name).replace(path)
        listed.append({"file": path.name, "cost": float(costs[i]), "genes": rows[i].tolist()})
    about = {"table": table.sha256, "networks": sorted(listed, key=lambda one: one["cost"])}
    write_whole(folder / FOLDER / LIST, json.dumps(about) + "\n")
    return ""


def _file(row: Genes, batch: int) -> str:
    """Name the file of an architecture for a batch."""
    content = row.tobytes() + (b"" if batch == 1 else b" %d" % batch)
    return f"{hashlib.sha256(content).hexdigest()[:16]}.onnx"


def read_controls(folder: Path, table: str, n: int) -> list[tuple[Path, float]]:
    """Read the files and the table's milliseconds of the random networks beside those found, at most ``n`` of them.

    There are none where there is no list, or where it is of another table (by SHA-256).

    Raises:
        InputError: their list cannot be read.
    """
    path = folder / FOLDER / LIST
    if not path.is_file() or not n:
        return []
    try:
        about = json_object(content_of(path))
        if about.get("table") != table:
            return []
        controls = [(path.with_name(one["file"]), float(one["cost"])) for one in about["networks"]]
        if not controls or not all(re.fullmatch(r"[0-9a-f]{16}\.onnx", one["file"]) for one in about["networks"]):
            raise ValueError
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        why = error if isinstance(error, UnreadableError) else "it must list networks, each of a file here and a cost"
        raise InputError(f"{path}: cannot be read ({why}); delete the folder, or export again") from error
    return [
        controls[i] for i in np.unique(np.linspace(0, len(controls) - 1, min(n, len(controls))).round().astype(int))
    ]
