"""Writes and reads controls: random networks that are timed beside the found ones.

A found network may be slower than predicted because the device has drifted since its table was measured, by a few
percent, or because the search exploits errors of the table. Only drift affects random networks too.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ofa_bench.config.batches import batch_of_unit
from ofa_bench.errors import InputError
from ofa_bench.exporting.found import FoundNetwork, resolve_space
from ofa_bench.exporting.networks import init_batchnorm
from ofa_bench.files.reading import UnreadableError, content_of, json_object
from ofa_bench.files.writing import work_folder, write_whole
from ofa_bench.predictors import latency_table
from ofa_bench.supernets.network_files import write_onnx
from ofa_bench.supernets.pieces import supernet

__all__ = ["FOLDER", "read_controls", "write_controls"]

FOLDER, LIST = "controls", "controls.json"

SAMPLE = 2_000
"""The number of random architectures from which the controls are chosen."""


def write_controls(folder: Path, found: Sequence[FoundNetwork], device: str, n: int) -> str:
    """Write the ONNX files of controls and a list with their costs; return why there are none, else an empty text.

    The files have the batch of the cost table.

    Args:
        folder: the folder of the found networks; the controls go to its subfolder ``controls``.
        found: the found networks, which share a space and a cost table.
        device: the name or path of the cost table, as in their record.
        n: the number of controls; their costs are spread evenly over the range of the found networks.

    Raises:
        OSError: the folder cannot be written.
    """
    space = resolve_space(found[0].architecture, found[0].space, found[0].described)[0]
    try:
        table = latency_table(space, device)
    except InputError as error:
        return f"no controls: {error}"
    batch = batch_of_unit(table.unit)
    if batch is None:
        return f"no controls: the costs of {device} are not in milliseconds"
    if table.sha256 != found[0].hashes["device"]:
        return f"no controls: the table {device} is not the one with which the networks were found"
    rows = space.canonical(space.sample(SAMPLE, np.random.default_rng(0)))
    costs = table.cost(rows)
    spread = np.linspace(min(one.cost for one in found), max(one.cost for one in found), n)
    chosen = np.unique(np.abs(costs[:, None] - spread).argmin(axis=0))
    net, listed = supernet(space), []
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for i in chosen.tolist():
        content = rows[i].tobytes() + (b"" if batch == 1 else b" %d" % batch)
        path = folder / FOLDER / f"{hashlib.sha256(content).hexdigest()[:16]}.onnx"
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


def read_controls(folder: Path, table: str, n: int) -> list[tuple[Path, float]]:
    """Return the files and the predicted milliseconds of at most ``n`` controls, evenly chosen.

    There are none if ``folder`` has no list of them, or a list for another table than that of this SHA-256.

    Raises:
        InputError: the list cannot be read.
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
        why = (
            error
            if isinstance(error, UnreadableError)
            else "it must list networks, each with a file in its folder and a cost"
        )
        raise InputError(f"{path}: cannot be read ({why}); delete the folder, or export again") from error
    chosen = np.linspace(0, len(controls) - 1, min(n, len(controls))).round().astype(int)
    return [controls[i] for i in chosen]
